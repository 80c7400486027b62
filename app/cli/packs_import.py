"""``overread packs import``: model packs from nnU-Net, MONAI, TotalSegmentator and classifiers.

Files of a bundle are read as data; nothing in them is executed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.inference.importing.draft import PackDraft
    from app.inference.importing.facts import Facts
    from app.inference.importing.nnunet import NnunetRequest

SCHEMA = "overread.import/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The kinds of source, each with its options."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--out", type=Path, required=True, metavar="FILE.overreadpack")
    shared.add_argument(
        "--facts", type=Path, default=None, metavar="FILE",
        help="JSON or TOML: what the source does not say (use, licence, codes, population)",
    )  # fmt: skip
    shared.add_argument(
        "--facts-template", type=Path, default=None, metavar="FILE",
        help="also write such a file to fill in",
    )  # fmt: skip
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    kinds = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
    nnunet = kinds.add_parser(
        "nnunet", parents=[shared], help="an nnU-Net v2 model folder with ONNX files",
        description="plans.json, dataset.json and fold_*/model.onnx (models/conversion makes them "
        "from checkpoints). What these do not say is asked for.",
    )  # fmt: skip
    nnunet.add_argument("folder", type=Path, metavar="FOLDER")
    _nnunet_options(nnunet)
    total = kinds.add_parser(
        "totalsegmentator", parents=[shared], help="one network of a TotalSegmentator task",
        description="The nnU-Net folder of the task, converted like any other. Classes, codes, "
        "sides, colors, orientation and mirroring are known; the folder must have exactly them.",
    )  # fmt: skip
    total.add_argument("--task", required=True, metavar="total|total_mr|body|...")
    total.add_argument("--nnunet", type=Path, required=True, metavar="FOLDER")
    total.add_argument(
        "--order", type=int, choices=(1, 3), default=None,
        help="splines of the image's resampling (default: as in the plans)",
    )  # fmt: skip
    total.add_argument("--onnx", type=Path, nargs="+", default=(), metavar="FILE")
    monai = kinds.add_parser(
        "monai", parents=[shared], help="a MONAI bundle with models/model.onnx",
        description="configs/metadata.json and configs/inference.json are read as data: what is "
        "an expression or not recognised is refused by name.",
    )  # fmt: skip
    monai.add_argument("folder", type=Path, metavar="FOLDER")
    monai.add_argument("--onnx", type=Path, default=None, metavar="FILE")
    monai.add_argument("--modality", default="", metavar="CT|MR|...")
    monai.add_argument("--orientation", default="", metavar="RAS|LPS|...",
                       help="where the bundle itself does not orient the images")  # fmt: skip
    classifier = kinds.add_parser(
        "classifier", parents=[shared], help="a film classifier like those of TorchXRayVision",
        description="FILE.json names the heads (an empty name: not trained) and their thresholds.",
    )  # fmt: skip
    classifier.add_argument("onnx", type=Path, metavar="FILE.onnx")
    classifier.add_argument("--labels", type=Path, required=True, metavar="FILE.json")


def _nnunet_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--onnx", type=Path, nargs="+", default=(), metavar="FILE",
                        help="the ONNX files in the order of folds")  # fmt: skip
    parser.add_argument("--folds", default="", metavar="N,N", help="default: all that are there")
    parser.add_argument("--configuration", default="", metavar="NAME", help="3d_fullres, 2d, ...")
    parser.add_argument("--trainer", default="", metavar="NAME")
    parser.add_argument(
        "--mirror-axes", default="", metavar="none|0,1,2",
        help="axes mirrored in training, where the trainer is not known",
    )  # fmt: skip
    parser.add_argument(
        "--orientation", default="", metavar="RAS|LPS|...|as-stored",
        help="how the training images lay: where i, j, k grow to",
    )  # fmt: skip
    parser.add_argument("--modality", default="", metavar="CT|MR|...")


def run(args: argparse.Namespace) -> int:
    """Import, write the pack and say what is still unknown."""
    from app.cli.exit_codes import ExitCode
    from app.inference.importing.facts import read_facts
    from app.inference.importing.pack_file import write_pack, write_template

    draft = _draft(args, read_facts(args.facts))
    if args.facts_template is not None:
        write_template(draft, args.facts_template)
    pack = write_pack(draft, args.out)
    unknown = list(pack.imported.unknown) if pack.imported else []
    if args.json:
        answer: dict[str, Any] = {
            "schema": SCHEMA,
            "file": str(args.out),
            "id": pack.id,
            "version": pack.version,
            "task": pack.task,
            "labels": len(pack.output.labels),
            "weights_sha256": pack.weights_sha256,
            "unknown": unknown,
            "notes": [{"en": note.en, "ru": note.ru} for note in draft.notes],
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return ExitCode.DONE
    print(f"{pack.id} {pack.version}: {pack.task}, {len(pack.output.labels)} labels")
    for note in draft.notes:
        print(f"  {note.en}")
    if unknown:
        print(f"  Not known: {', '.join(unknown)}. Every series is at most limited until --facts"
              " says it (--facts-template writes the file to fill in).")  # fmt: skip
    print(f"Written to {args.out}. Install it: overread packs add {args.out}")
    return ExitCode.DONE


def _draft(args: argparse.Namespace, facts: Facts) -> PackDraft:
    match args.source:
        case "totalsegmentator":
            from app.inference.importing.nnunet import NnunetRequest
            from app.inference.importing.totalsegmentator import import_totalsegmentator

            request = NnunetRequest(folder=args.nnunet, onnx=tuple(args.onnx), facts=facts)
            return import_totalsegmentator(request, args.task, order=args.order)
        case "monai":
            from app.inference.importing.monai import BundleRequest, import_monai

            return import_monai(
                BundleRequest(args.folder, args.onnx, args.modality, args.orientation, facts)
            )
        case "classifier":
            from app.inference.importing.classifier import ClassifierRequest, import_classifier

            return import_classifier(ClassifierRequest(args.onnx, args.labels, facts))
        case _:
            from app.inference.importing.nnunet import import_nnunet

            return import_nnunet(nnunet_request(args, args.folder, facts))


def nnunet_request(args: argparse.Namespace, folder: Path, facts: Facts) -> NnunetRequest:
    """The request of the options that nnU-Net folders share."""
    from app.inference.importing.nnunet import NnunetRequest

    return NnunetRequest(
        folder=folder,
        onnx=tuple(args.onnx),
        folds=tuple(part.strip() for part in args.folds.split(",") if part.strip()),
        configuration=args.configuration,
        trainer=args.trainer,
        mirror_axes=mirror_axes(args.mirror_axes),
        orientation=args.orientation,
        modality=args.modality,
        facts=facts,
    )


def mirror_axes(text: str) -> tuple[int, ...] | None:
    """``none`` or numbers of axes; None where nothing is stated. Raises ``UsageFault``."""
    from app.core.errors import UsageFault

    plain = text.strip().lower()
    if not plain:
        return None
    if plain == "none":
        return ()
    parts = [part.strip() for part in plain.split(",")]
    if not all(part in ("0", "1", "2") for part in parts):
        raise UsageFault(
            f'"{text}" names no axes.', ru=f"«{text}» не называет осей.",
            hint="Give --mirror-axes none, or numbers like 0,1,2.",
            hint_ru="Укажите --mirror-axes none или номера, например 0,1,2.",
        )  # fmt: skip
    return tuple(int(part) for part in parts)
