"""Model folders of other projects built in code: nnU-Net plans, classifiers, with tiny graphs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CT = {"mean": 40.0, "std": 120.0, "percentile_00_5": -400.0, "percentile_99_5": 600.0}
_RESAMPLING = {"is_seg": False, "order_z": 0, "force_separate_z": None}


def conv_graph(
    channels: int, heads: int, patch: tuple[int, ...], *, seed: int = 1, fixed: bool = True
) -> bytes:
    """A graph of one 3 x 3 (x 3) convolution with weights from a seed."""
    rng = np.random.default_rng(seed)
    kernel = (3,) * len(patch)
    weight = rng.normal(size=(heads, channels, *kernel)).astype(np.float32)
    space: list[Any] = list(patch) if fixed else [f"s{n}" for n in range(len(patch))]
    node = helper.make_node(
        "Conv", ["image", "weight"], ["logits"], kernel_shape=list(kernel),
        pads=[1] * (2 * len(patch)),
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "conv",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, *space])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, heads, *space])],
        [numpy_helper.from_array(weight, "weight")],
    )
    return _model(graph)


def score_graph(heads: int, size: int | None = 224, *, channels: int = 1, seed: int = 1) -> bytes:
    """A classifier: means over a grid of pools through one matrix."""
    weight = np.random.default_rng(seed).normal(size=(heads, channels)).astype(np.float32) / 300
    side: list[Any] = [size, size] if size else ["h", "w"]
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "scores",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, channels, *side])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, heads])],
        [numpy_helper.from_array(weight, "weight")],
    )
    return _model(graph)


def nnunet_plans(**changes: Any) -> dict[str, Any]:
    """Plans with one configuration ``3d_fullres``; ``changes`` go into that configuration."""
    function = "resample_data_or_seg_to_shape"
    configuration = {
        "preprocessor_name": "DefaultPreprocessor",
        "patch_size": [16, 16, 16],
        "spacing": [2.0, 2.0, 2.0],
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": function,
        "resampling_fn_data_kwargs": _RESAMPLING | {"order": 3},
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": _RESAMPLING | {"order": 1},
    } | changes
    return {
        "dataset_name": "Dataset001_Made",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "label_manager": "LabelManager",
        "configurations": {"3d_fullres": configuration},
        "foreground_intensity_properties_per_channel": {"0": copy.deepcopy(CT)},
    }


def nnunet_dataset(labels: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """A dataset.json of one CT channel."""
    return {
        "channel_names": {"0": "CT"},
        "labels": labels or {"background": 0, "nodule": 1},
        "file_ending": ".nii.gz",
    } | rest


def write_nnunet(
    folder: Path,
    plans: dict[str, Any] | None = None,
    dataset: dict[str, Any] | None = None,
    *,
    trainer: str = "nnUNetTrainer",
    heads: int | None = None,
    folds: int = 1,
    configuration: str = "3d_fullres",
) -> Path:
    """A model folder ``TRAINER__nnUNetPlans__CONFIGURATION`` with fold_N/model.onnx."""
    plans, dataset = plans or nnunet_plans(), dataset or nnunet_dataset()
    model = folder / f"{trainer}__nnUNetPlans__{configuration}"
    model.mkdir(parents=True)
    (model / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    (model / "dataset.json").write_text(json.dumps(dataset), encoding="utf-8")
    if heads is None:
        heads = sum(name != "ignore" for name in dataset["labels"])
        heads -= "regions_class_order" in dataset
    stated = plans["configurations"].get(configuration, {}).get("patch_size", [])
    usual = stated and all(0 < size < 100 for size in stated)
    patch = [int(size) for size in stated] if usual else [16, 16, 16]
    for fold in range(folds):
        (model / f"fold_{fold}").mkdir()
        content = conv_graph(len(dataset["channel_names"]), heads, tuple(patch), seed=fold)
        (model / f"fold_{fold}" / "model.onnx").write_bytes(content)
    return model


def _model(graph: Any) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
