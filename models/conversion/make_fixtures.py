"""The fixtures of the importers' tests: tiny networks and what their own libraries give.

python make_fixtures.py TARGET   (TARGET: tests/unit/inference/importing/fixtures)

Per example a folder with the exported model, ``image.nii.gz`` and ``expected.nii.gz``, the labels
that nnU-Net's own predictor (or MONAI's transforms and inferer) gave. Weights are random from a
seed, images are made here; nothing comes from a patient. Needs torch, nnunetv2, monai, nibabel.

nnU-Net sums patches in half precision, which on networks without training, where classes nearly
tie, changes a few voxels in ten thousand. The expected labels are summed in single precision; what
half precision would give is printed beside them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import monai_to_onnx
import nibabel
import numpy as np
import torch
import torchxrayvision_to_onnx
from nnunet_example import EXAMPLES, Example, write_example
from nnunet_to_onnx import convert
from PIL import Image

SIZE = (38, 34, 26)  # i, j, k
SPACING = (1.4, 1.6, 2.7)


def phantom(kind: str, seed: int) -> np.ndarray:
    """An image [i, j, k]: a body with organs and noise. MR: zero outside and in a hole inside."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SIZE), indexing="ij"))
    body = (place[0] / 0.8) ** 2 + (place[1] / 0.75) ** 2 + (place[2] / 0.9) ** 2 < 1
    values = np.where(body, 40.0, -1000.0 if kind == "CT" else 0.0)
    for _ in range(7):
        center, radius = rng.uniform(-0.5, 0.5, 3), rng.uniform(0.15, 0.4)
        inside = sum((place[n] - center[n]) ** 2 for n in range(3)) < radius**2
        values[inside & body] = rng.uniform(-300, 500) if kind == "CT" else rng.uniform(80, 600)
    values[body] += rng.normal(scale=12.0, size=int(body.sum()))
    if kind != "CT":
        values[body & (np.abs(place).max(axis=0) < 0.1)] = 0.0
        values[body & (values <= 0) & (np.abs(place).max(axis=0) >= 0.1)] = 1.0
    return np.round(values).astype(np.int16)


def stored_image(kind: str, seed: int, spacing: tuple[float, float, float]) -> nibabel.Nifti1Image:
    """The phantom as a file whose axes lie L, P, S and begin anywhere."""
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    affine[:3, 3] = (31.0, 47.0, -120.0)
    return nibabel.Nifti1Image(phantom(kind, seed), affine)


def nnunet_labels(model: Path, folds: int, image: nibabel.Nifti1Image) -> np.ndarray:
    """Labels [i, j, k] of the image as stored, by nnU-Net on the image turned to RAS."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(model), tuple(range(folds)))
    turned = nibabel.as_closest_canonical(image)
    array = np.asarray(turned.dataobj).transpose(2, 1, 0)[None].astype(np.float32)
    spacing = [float(step) for step in turned.header.get_zooms()[::-1]]
    labels = predictor.predict_single_npy_array(array, {"spacing": spacing}, None, None, False)
    result = nibabel.Nifti1Image(labels.transpose(2, 1, 0).astype(np.uint8), turned.affine)
    back = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.io_orientation(image.affine)
    )
    return np.asarray(result.as_reoriented(back).dataobj)


class _SinglePrecision:
    """``torch`` whose half precision is single precision."""

    half = torch.float32

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


@contextlib.contextmanager
def single_precision() -> Iterator[None]:
    """Let nnU-Net's predictor sum its patches in single precision."""
    from nnunetv2.inference import predict_from_raw_data as module
    from nnunetv2.inference.sliding_window_prediction import compute_gaussian

    weights = functools.partial(compute_gaussian, dtype=torch.float32)
    with (
        mock.patch.object(module, "torch", _SinglePrecision()),
        mock.patch.object(module, "compute_gaussian", weights),
    ):
        yield


def write_nnunet(example: Example, target: Path, seed: int) -> None:
    """One nnU-Net fixture."""
    with tempfile.TemporaryDirectory() as place:
        model = write_example(example, Path(place))
        folds = [str(n) for n in range(example.folds)]
        convert(model, target, folds, "checkpoint_final.pth")
        kind = "CT" if example.schemes[0] == "CTNormalization" else "MR"
        thick = max(example.spacing) / min(example.spacing) > 3
        image = stored_image(kind, seed, (1.1, 1.2, 4.4) if thick else SPACING)
        in_half = nnunet_labels(model, example.folds, image)
        with single_precision():
            labels = nnunet_labels(model, example.folds, image)
    nibabel.save(image, target / "image.nii.gz")
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), target / "expected.nii.gz")
    counts = np.unique(labels, return_counts=True)[1].tolist()
    print(f"{example.name}: {counts}, equal in half precision {np.mean(labels == in_half):.6f}")


BUNDLE_INFERENCE = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "output_dir": "$@bundle_root + '/eval'",
    "pixdim": [2.0, 2.0, 3.0],
    "network_def": {
        "_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3,
        "channels": [4, 8], "strides": [2], "num_res_units": 0, "norm": "instance",
    },
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": "@pixdim", "mode": "bilinear"},
            {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -400, "a_max": 600,
             "b_min": 0, "b_max": 1, "clip": True},
            {"_target_": "EnsureTyped", "keys": "image"},
        ],
    },
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "sw_batch_size": 2,
                "overlap": 0.25, "mode": "gaussian"},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing",
             "orig_keys": "image", "nearest_interp": False, "to_tensor": True},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
        ],
    },
}  # fmt: skip
BUNDLE_METADATA = {
    "version": "0.1.0", "monai_version": "1.6.1", "task": "Made organs",
    "authors": "made by make_fixtures.py",
    "intended_use": "This is an example, not to be used for diagnostic purposes",
    "network_data_format": {
        "inputs": {"image": {"type": "image", "format": "hounsfield", "modality": "CT",
                             "num_channels": 1, "spatial_shape": [16, 16, 16],
                             "dtype": "float32", "value_range": [0, 1], "is_patch_data": True,
                             "channel_def": {"0": "image"}}},
        "outputs": {"pred": {"type": "image", "format": "segmentation", "num_channels": 3,
                             "spatial_shape": [16, 16, 16], "dtype": "float32",
                             "value_range": [0, 1], "is_patch_data": True,
                             "channel_def": {"0": "background", "1": "first", "2": "second"}}},
    },
}  # fmt: skip


def write_bundle(target: Path, seed: int, changes: dict[str, Any]) -> None:
    """One MONAI fixture: what the bundle's own transforms and inferer give."""
    from monai.bundle import ConfigParser

    inference = json.loads(json.dumps(BUNDLE_INFERENCE | changes))
    (target / "configs").mkdir(parents=True, exist_ok=True)
    for name, data in (("inference", inference), ("metadata", BUNDLE_METADATA)):
        text = json.dumps(data, indent=1) + "\n"
        (target / "configs" / f"{name}.json").write_text(text, encoding="utf-8")
    torch.manual_seed(seed)
    parser = ConfigParser(inference)
    network = parser.get_parsed_content("network_def").eval()
    balance(network)
    monai_to_onnx.convert(target, network)
    image = stored_image("CT", seed, SPACING)
    nibabel.save(image, target / "image.nii.gz")
    post = parser.get_parsed_content("postprocessing")
    post.transforms = [step for step in post.transforms if "Save" not in type(step).__name__]
    with torch.no_grad():
        data = parser.get_parsed_content("preprocessing")({"image": str(target / "image.nii.gz")})
        answer = parser.get_parsed_content("inferer")(data["image"][None], network)
        data["pred"] = answer[0]
        labels = post(data)["pred"][0].numpy().astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), target / "expected.nii.gz")
    print(f"{target.name}: {labels.shape} {np.unique(labels, return_counts=True)[1].tolist()}")


def balance(network: Any) -> None:
    """Shift the last bias so that every class occurs."""
    with torch.no_grad():
        answer = network(torch.rand(2, 1, 16, 16, 16))
        last = [p for name, p in network.named_parameters() if name.endswith("bias")][-1]
        last -= answer.mean(dim=(0, 2, 3, 4))


def write_classifier(target: Path, seed: int) -> None:
    """One TorchXRayVision fixture: its DenseNet, small, with thresholds and untrained heads."""
    import torchxrayvision as xrv

    torch.manual_seed(seed)
    thresholds = torch.tensor([0.3, float("nan"), 0.55, 0.5, float("nan")])
    model = xrv.models.DenseNet(
        growth_rate=4, block_config=(1, 1, 1, 1), num_init_features=8, num_classes=5,
        op_threshs=thresholds,
    ).eval()  # fmt: skip
    model.pathologies = ["Atelectasis", "", "Effusion", "Made Up", ""]
    film = phantom("CT", seed)[:, :, 13].T.astype(np.float32)
    film = np.kron(film, np.ones((9, 11)))  # rows, columns: larger than the network, not square
    film = np.clip(np.round((film + 1000) * 2.2), 0, 4095).astype(np.int16)
    values = xrv.utils.normalize(film, 4095)[None]
    square = xrv.datasets.XRayResizer(64)(xrv.datasets.XRayCenterCrop()(values))
    with torch.no_grad():
        pooled = torch.relu(model.features(torch.from_numpy(square)[None])).mean(dim=(2, 3))
        model.classifier.weight /= (pooled @ model.classifier.weight.T).std()
        scores = model(torch.from_numpy(square)[None])[0].tolist()
    torchxrayvision_to_onnx.convert(model, "Made films", 64, target, {"max_value": 4095})
    Image.fromarray(film.astype(np.uint16)).save(target / "film.png")
    text = json.dumps({"scores": scores}) + "\n"
    (target / "expected.json").write_text(text, encoding="utf-8")
    print(f"{target.name}: {film.shape} {scores}")


def main(target: Path) -> None:
    """Write all of them."""
    for key in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(key, tempfile.gettempdir())
    torch.set_num_threads(1)
    for seed, example in enumerate(EXAMPLES, 1):
        write_nnunet(example, target / "nnunet" / example.name, seed)
    write_bundle(target / "monai" / "spaced", 21, {})
    constant = {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "overlap": 0.5}
    write_bundle(target / "monai" / "constant", 22, {"inferer": constant})
    write_classifier(target / "classifier" / "films", 31)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
