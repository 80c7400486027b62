"""One ONNX file per fold from a trained nnU-Net v2 model folder.

python nnunet_to_onnx.py MODEL_FOLDER OUT [--folds 0 1 ...] [--checkpoint checkpoint_final.pth]

MODEL_FOLDER is ``TRAINER__PLANS__CONFIGURATION`` of nnU-Net's results folder. A checkpoint is a
pickle: load only what you trust. OUT then holds plans.json, dataset.json, fold_N/model.onnx and
overread-export.json (what only the checkpoint knows: trainer, configuration, mirrored axes), and
``overread packs import nnunet OUT --out FILE.overreadpack`` makes the pack.
Needs torch, onnx, onnxruntime and nnunetv2.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

OPSET = 17
TOLERANCE = 1e-3


def main() -> None:
    """Convert all folds that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", nargs="*", default=None)
    parser.add_argument("--checkpoint", default="checkpoint_final.pth")
    args = parser.parse_args()
    folds = args.folds or sorted(
        path.parent.name.removeprefix("fold_")
        for path in args.model.glob(f"fold_*/{args.checkpoint}")
    )
    if not folds:
        raise SystemExit(f"no fold_*/{args.checkpoint} in {args.model}")
    convert(args.model, args.out, folds, args.checkpoint)


def convert(model: Path, out: Path, folds: list[str], checkpoint_name: str) -> None:
    """Write everything that the importer reads."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    numbers = tuple(fold if fold == "all" else int(fold) for fold in folds)
    predictor.initialize_from_trained_model_folder(str(model), numbers, checkpoint_name)
    patch = tuple(predictor.configuration_manager.patch_size)
    dataset = predictor.dataset_json
    channels = len(dataset.get("channel_names", dataset.get("modality")))
    out.mkdir(parents=True, exist_ok=True)
    for name in ("plans.json", "dataset.json"):
        shutil.copyfile(model / name, out / name)
    network = predictor.network.eval()
    rows = []
    for fold, parameters in zip(folds, predictor.list_of_parameters, strict=True):
        network.load_state_dict(parameters)
        target = out / f"fold_{fold}" / "model.onnx"
        target.parent.mkdir(exist_ok=True)
        difference = export(network, (1, channels, *patch), target)
        checkpoint = model / f"fold_{fold}" / checkpoint_name
        sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
        rows.append({"fold": fold, "file": f"fold_{fold}/model.onnx", "checkpoint_sha256": sha256})
        print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB, difference {difference:.1e}")
    configuration = name_of_configuration(model, folds[0], checkpoint_name)
    axes = predictor.allowed_mirroring_axes
    facts = {
        "format": "overread.nnunet-export/1",
        "trainer": predictor.trainer_name,
        "configuration": configuration,
        "mirror_axes": [int(axis) for axis in axes] if axes else [],
        "folds": rows,
    }
    (out / "overread-export.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def name_of_configuration(model: Path, fold: str, checkpoint_name: str) -> str:
    """The configuration that was trained, from the checkpoint."""
    checkpoint = torch.load(
        model / f"fold_{fold}" / checkpoint_name, map_location="cpu", weights_only=False
    )
    return str(checkpoint["init_args"]["configuration"])


def export(network: Any, shape: tuple[int, ...], target: Path) -> float:
    """Write one file with a fixed patch; the largest difference between onnxruntime and torch."""
    example = torch.rand(shape)
    torch.onnx.export(
        network, (example,), str(target), input_names=["image"], output_names=["logits"],
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    onnx.checker.check_model(str(target))
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"image": example.numpy()})
    with torch.no_grad():
        expected = network(example).numpy()
    difference = float(np.abs(answer - expected).max())
    if difference > TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise SystemExit(f"onnxruntime differs from the network by {difference}")
    return difference


if __name__ == "__main__":
    main()
