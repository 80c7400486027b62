"""``overread bench-model``: how fast a model pack is on this machine."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("pack", metavar="PACK", help="its id")
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--study", type=Path, metavar="PATH", help="DICOM or NIfTI to run on")
    given.add_argument("--shape", metavar="K,J,I", help="an image of noise of this size")
    parser.add_argument(
        "--providers", default="auto", metavar="NAME,...",
        help="auto, cpu, cuda, tensorrt, directml, coreml, openvino; each is measured",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="0: up to four")
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Measure on each provider; default is the pack's own sample."""
    from app.cli.exit_codes import ExitCode
    from app.cli.packs import open_packs
    from app.inference.worker import InferenceProcess
    from app.workflow.bench_model import SCHEMA, bench, sample_volume, synthetic_volume
    from app.workflow.infer_image import InferRequest, choose_image

    installed = open_packs(args.data).get(args.pack)
    names = _providers(args.providers)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace:
        if args.study is not None:
            request = InferRequest(
                args.study, installed, Path(workspace), Path(workspace), forced=True
            )
            volume = choose_image(request).volume
        elif args.shape:
            volume = synthetic_volume(installed, _shape(args.shape))
        else:
            volume = sample_volume(installed)
        rows = []
        for name in names:
            process = InferenceProcess(device=name, threads=args.threads)
            try:
                rows.append(bench(installed, volume, process, args.repeats).to_json())
            finally:
                process.close()
    report = {
        "schema": SCHEMA,
        "pack": installed.pack.id,
        "version": installed.pack.version,
        "shape": list(volume.voxels.shape[:3]),
        "asked": list(names),
        "rows": rows,
    }
    if args.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return ExitCode.DONE
    print(f"{installed.pack.id} {installed.pack.version} on {report['shape']}")
    for row in rows:
        phases = ", ".join(f"{key} {value:.3f}" for key, value in row["seconds"].items())
        share = "" if row["model_share"] is None else f", {row['model_share']:.0%} in the model"
        print(f"  {row['device']}: {row['total_s']:.3f} s ({phases}){share}")
        peak = "" if row["peak_mb"] is None else f", peak {row['peak_mb']:.0f} MB"
        rate = "" if row["patches_per_s"] is None else f", {row['patches_per_s']:.1f} a second"
        print(f"    {row['patches']} patch(es){rate}{peak}; first run {row['first_s']:.3f} s")
        for note in row["notes"]:
            print(f"    ! {note}")
    return ExitCode.DONE


def _providers(text: str) -> tuple[str, ...]:
    from app.core.errors import UsageFault

    known = ("auto", "cpu", "cuda", "tensorrt", "directml", "coreml", "openvino")
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise UsageFault(
            f'There is no provider "{wrong[0] if wrong else text}".',
            ru=f"Провайдера «{wrong[0] if wrong else text}» нет.",
            hint=f"Known: {', '.join(known)}.",
            hint_ru=f"Известны: {', '.join(known)}.",
        )
    return names


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        return ()
