"""Small nnU-Net v2 model folders without a data set: plans, dataset.json and checkpoints.

The networks are nnU-Net's own PlainConvUNet, a few kilobytes large, with weights from a seed (or
given ones). They exist to compare our import with nnU-Net's own inference (``compare_nnunet.py``)
and to make the fixtures of the tests (``make_fixtures.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

CT = {"mean": 40.0, "std": 120.0, "percentile_00_5": -400.0, "percentile_99_5": 600.0,
      "max": 2000.0, "min": -1024.0, "median": 30.0}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """One made-up model. Spacing and patch are in array order after the transposition."""

    name: str
    configuration: str = "3d_fullres"
    trainer: str = "nnUNetTrainer"
    channels: dict[str, str] = field(default_factory=lambda: {"0": "CT"})
    labels: dict[str, Any] = field(default_factory=lambda: {"background": 0, "organ": 1})
    regions_class_order: list[int] | None = None
    schemes: tuple[str, ...] = ("CTNormalization",)
    use_mask: tuple[bool, ...] = (False,)
    spacing: tuple[float, ...] = (2.0, 2.0, 2.0)
    patch: tuple[int, ...] = (16, 16, 16)
    transpose: tuple[int, int, int] = (0, 1, 2)
    mirror_axes: tuple[int, ...] = (0, 1, 2)
    folds: int = 1
    features: tuple[int, ...] = (4, 8)
    reader: str = "SimpleITKIO"


EXAMPLES = (
    Example(
        "ct_sides", trainer="nnUNetTrainerNoMirroring", mirror_axes=(),
        labels={"background": 0, "kidney_right": 1, "kidney_left": 2, "spleen": 3},
    ),
    Example(
        "mr_thick", channels={"0": "T1"}, schemes=("ZScoreNormalization",), use_mask=(True,),
        spacing=(4.0, 1.0, 1.0), patch=(8, 24, 24),
        labels={"background": 0, "nucleus": 1, "cortex": 2},
    ),
    Example(
        "ct_regions", labels={"background": 0, "whole": [1, 2, 3], "core": [2, 3], "rim": 3},
        regions_class_order=[1, 2, 3], transpose=(1, 0, 2), spacing=(2.5, 2.0, 2.0), folds=2,
    ),
    Example(
        "mr_slices", configuration="2d", channels={"0": "MR"},
        schemes=("RescaleTo01Normalization",), spacing=(1.5, 1.5), patch=(24, 16),
        mirror_axes=(0, 1), labels={"background": 0, "lesion": 1, "ignore": 2},
    ),
)  # fmt: skip


def write_example(example: Example, folder: Path, weights: list[Any] | None = None) -> Path:
    """The model folder as nnU-Net would have left it; the folder."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    model = folder / f"{example.trainer}__nnUNetPlans__{example.configuration}"
    model.mkdir(parents=True, exist_ok=True)
    plans = plans_of(example)
    (model / "plans.json").write_text(json.dumps(plans, indent=1), encoding="utf-8")
    dataset = {"channel_names": example.channels, "labels": example.labels, "numTraining": 1,
               "file_ending": ".nii.gz"}  # fmt: skip
    if example.regions_class_order:
        dataset["regions_class_order"] = example.regions_class_order
    (model / "dataset.json").write_text(json.dumps(dataset, indent=1), encoding="utf-8")
    architecture = plans["configurations"][example.configuration]["architecture"]
    plain = [value for name, value in example.labels.items() if name != "ignore"]
    heads = len(plain) - 1 if example.regions_class_order else len(plain)
    for fold in range(example.folds):
        torch.manual_seed(100 + fold)
        network = get_network_from_plans(
            architecture["network_class_name"], architecture["arch_kwargs"],
            architecture["_kw_requires_import"], len(example.channels), heads,
            allow_init=True, deep_supervision=False,
        )  # fmt: skip
        state = weights[fold] if weights else spread(network, len(example.channels), example.patch)
        (model / f"fold_{fold}").mkdir(exist_ok=True)
        torch.save(
            {
                "network_weights": state,
                "trainer_name": example.trainer,
                "init_args": {"configuration": example.configuration},
                "inference_allowed_mirroring_axes": example.mirror_axes or None,
            },
            model / f"fold_{fold}" / "checkpoint_final.pth",
        )
    return model


def spread(network: Any, channels: int, patch: tuple[int, ...]) -> dict[str, Any]:
    """Random weights whose last layer is shifted so that every class occurs, and scaled up."""
    state = network.state_dict()
    last = [name for name in state if "seg_layers" in name and name.endswith("weight")][-1]
    bias = last.removesuffix("weight") + "bias"
    state[last] = torch.randn(state[last].shape) * 2.0
    state[bias] = torch.zeros_like(state[bias])
    network.load_state_dict(state)
    with torch.no_grad():
        answer = network.eval()(torch.randn(2, channels, *patch))
    state[bias] = -answer.mean(dim=[0, *range(2, answer.ndim)])
    return dict(state)


def plans_of(example: Example) -> dict[str, Any]:
    """The plans file."""
    dimensions = len(example.patch)
    stages = len(example.features)
    conv = f"torch.nn.modules.conv.Conv{dimensions}d"
    norm = f"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d"
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    function = "resample_data_or_seg_to_shape"
    configuration = {
        "data_identifier": "x", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
        "patch_size": list(example.patch), "spacing": list(example.spacing),
        "normalization_schemes": list(example.schemes), "use_mask_for_norm": list(example.use_mask),
        "resampling_fn_data": function, "resampling_fn_data_kwargs": resampling | {"order": 3},
        "resampling_fn_seg": function,
        "resampling_fn_seg_kwargs": resampling | {"order": 1, "is_seg": True},
        "resampling_fn_probabilities": function,
        "resampling_fn_probabilities_kwargs": resampling | {"order": 1},
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "n_stages": stages, "features_per_stage": list(example.features),
                "conv_op": conv, "kernel_sizes": [[3] * dimensions] * stages,
                "strides": [[1] * dimensions] + [[2] * dimensions] * (stages - 1),
                "n_conv_per_stage": [1] * stages, "n_conv_per_stage_decoder": [1] * (stages - 1),
                "conv_bias": True, "norm_op": norm,
                "norm_op_kwargs": {"eps": 1e-05, "affine": True}, "dropout_op": None,
                "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }  # fmt: skip
    backward = [example.transpose.index(n) for n in range(3)]
    return {
        "dataset_name": f"Dataset001_{example.name}", "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [2.0, 2.0, 2.0],
        "original_median_shape_after_transp": [32, 32, 32], "image_reader_writer": example.reader,
        "transpose_forward": list(example.transpose), "transpose_backward": backward,
        "configurations": {example.configuration: configuration},
        "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": dict.fromkeys(example.channels, CT),
    }  # fmt: skip
