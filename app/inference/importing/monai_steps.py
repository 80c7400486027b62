"""MONAI transforms, inferers and post-processing as our closed lists of steps.

What is recognised is mapped exactly; what is not is refused by name. Axes of MONAI are (i, j, k);
an image is turned so that our array axes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.inference.importing.monai_config import Component
from app.inference.importing.source_files import integers, number, numbers, refusal

_NOTHING: Final = (
    "LoadImaged", "LoadImage", "EnsureChannelFirstd", "EnsureChannelFirst", "EnsureTyped",
    "EnsureType", "ToTensord", "ToTensor", "ToDeviced", "SaveImaged", "SaveImage",
    "AddChanneld", "CastToTyped",
)  # fmt: skip
_SPATIAL: Final = ("orient_volume", "crop_foreground", "resample")


@dataclass(slots=True)
class MappedInput:
    """Steps before the model, and how its outputs find back."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    orientation: str = ""
    resampled: bool = False


@dataclass(slots=True)
class MappedOutput:
    """What becomes of the raw outputs."""

    activation: str = "none"
    post: list[dict[str, Any]] = field(default_factory=list)
    back: str = "raw"
    inverted: bool = False
    threshold: float | None = None


def map_preprocessing(components: Sequence[Component]) -> MappedInput:
    """``input.steps`` of a bundle. Raises ``BundleRefused`` for what cannot be mapped."""
    mapped = MappedInput()
    for component in components:
        name = _plain(component.name)
        if component.name in _NOTHING:
            continue
        mapping = _BEFORE.get(name)
        if mapping is None:
            raise _unknown(component)
        mapping(component, mapped)
    return mapped


def map_inferer(component: Component | None) -> dict[str, Any]:
    """``infer`` of a bundle, without ``mirror_axes`` and ``activation``."""
    if component is None or component.name == "SimpleInferer":
        return {"patch": None}
    if component.name not in ("SlidingWindowInferer", "SlidingWindowInfererAdapt"):
        raise _unknown(component)
    component.require_only(
        "roi_size", "sw_batch_size", "overlap", "mode", "sigma_scale", "padding_mode", "cval",
        "sw_device", "device", "progress", "cache_roi_weight_map", "cpu_thresh",
    )  # fmt: skip
    roi = integers(component.value("roi_size"), "roi_size")
    if len(roi) not in (2, 3) or min(roi) < 1 or max(roi) > 4096:
        raise refusal("the roi_size of the bundle is not two or three sizes",
                      "roi_size в бандле — не два или три размера")  # fmt: skip
    overlap = component.value("overlap", 0.25)
    shares = numbers(overlap, "overlap") if isinstance(overlap, list) else [
        number(overlap, "overlap")
    ]  # fmt: skip
    if len(set(shares)) != 1 or not 0 <= shares[0] < 1:
        raise refusal("the overlap of the bundle differs by axis or is not below 1",
                      "overlap в бандле различается по осям или не меньше 1")  # fmt: skip
    mode = component.value("mode", "constant")
    if mode not in ("constant", "gaussian") or component.value("padding_mode", "constant") != (
        "constant"
    ):
        raise refusal("the window or padding of the bundle's inferer is not known",
                      "окно или дополнение в бандле неизвестно")  # fmt: skip
    window: dict[str, Any] = {"kind": "none"}
    if mode == "gaussian":
        sigma = component.number("sigma_scale", 0.125)
        window = {"kind": "gaussian_middle", "sigma": sigma, "scale": 1.0}
    return {
        "patch": list(roi),
        "overlap": shares[0],
        "placement": "interval",
        "window": window,
        "pad_value": component.number("cval", 0.0),
    }


def map_postprocessing(components: Sequence[Component]) -> MappedOutput:
    """Activation, inversion and labels of a bundle, in the order that they have there."""
    mapped = MappedOutput()
    for component in components:
        name = _plain(component.name)
        if component.name in _NOTHING:
            continue
        mapping = _AFTER.get(name)
        if mapping is None:
            raise _unknown(component)
        mapping(component, mapped)
    return mapped


def _plain(name: str) -> str:
    """``Spacingd``, ``SpacingD`` and ``SpacingDict`` are ``Spacing``."""
    for ending in ("Dict", "d", "D"):
        if name.endswith(ending) and len(name) > len(ending) + 3:
            return name.removesuffix(ending)
    return name


def _orientation(component: Component, mapped: MappedInput) -> None:
    component.require_only("axcodes", "labels", "allow_missing_keys", "as_closest_canonical")
    codes = component.value("axcodes")
    if component.value("as_closest_canonical", default=False) is True:
        codes = "RAS"
    if not isinstance(codes, str) or len(codes) != 3 or set(codes) - set("LRAPSI"):
        raise refusal("the axcodes of the bundle are not like RAS", "axcodes бандла не вида RAS")
    if mapped.orientation or any(step["step"] in _SPATIAL for step in mapped.steps):
        raise refusal("the bundle turns the image after it was resampled or cropped",
                      "бандл поворачивает изображение после пересчёта или обрезки")  # fmt: skip
    mapped.orientation = codes
    # arrays of MONAI are [i, j, k], ours [k, j, i]: turned so that our k runs along its i
    mapped.steps.append({"step": "orient_volume", "axes": codes[::-1]})


def _spacing(component: Component, mapped: MappedInput) -> None:
    component.require_only(
        "pixdim", "mode", "diagonal", "padding_mode", "align_corners", "dtype", "scale_extent",
        "recompute_affine", "allow_missing_keys", "ensure_same_shape", "min_pixdim", "max_pixdim",
    )  # fmt: skip
    pixdim = component.value("pixdim")
    given = numbers(pixdim, "pixdim") if isinstance(pixdim, list) else [number(pixdim, "pixdim")]
    spacing = [*given, *[given[-1]] * (3 - len(given))]
    mode = component.value("mode", "bilinear")
    mode = mode[0] if isinstance(mode, list) and mode else mode
    odd = any(
        component.value(key) not in (None, False) for key in ("scale_extent", "diagonal",
                                                              "min_pixdim", "max_pixdim")
    )  # fmt: skip
    if odd or mode not in ("bilinear", "nearest") or min(spacing) <= 0 or len(spacing) != 3:
        raise refusal(
            "the Spacing of the bundle is not one of three sizes with bilinear or nearest",
            "Spacing бандла — не три размера с bilinear или nearest",
        )
    if component.value("padding_mode", "border") != "border":
        raise refusal("the Spacing of the bundle pads otherwise than with the border",
                      "Spacing бандла дополняет не краевым значением")  # fmt: skip
    if mapped.resampled:
        raise refusal("the bundle resamples twice", "бандл пересчитывает изображение дважды")
    mapped.resampled = True
    mapped.steps.append({
        "step": "resample", "spacing_kji": spacing, "order": 1 if mode == "bilinear" else 0,
        "separate_z_ratio": 1e9, "anchor": "first_voxel",
    })  # fmt: skip


def _scale_range(component: Component, mapped: MappedInput) -> None:
    component.require_only("a_min", "a_max", "b_min", "b_max", "clip", "dtype",
                           "allow_missing_keys")  # fmt: skip
    a_min, a_max = component.number("a_min"), component.number("a_max")
    b_min, b_max = component.value("b_min"), component.value("b_max")
    low, high = (0.0, 1.0) if b_min is None or b_max is None else (
        number(b_min, "b_min"), number(b_max, "b_max")
    )  # fmt: skip
    if a_min >= a_max or low >= high:
        raise refusal("a range of the bundle does not rise", "диапазон в бандле не возрастает")
    std = (a_max - a_min) / (high - low)
    mapped.steps.append({"step": "normalize", "mean": a_min - low * std, "std": std})
    if component.flag("clip"):
        mapped.steps.append({"step": "clip", "low": low, "high": high})


def _scale_percentiles(component: Component, mapped: MappedInput) -> None:
    component.require_only("lower", "upper", "b_min", "b_max", "clip", "relative", "channel_wise",
                           "dtype", "allow_missing_keys")  # fmt: skip
    if component.flag("relative") or not component.flag("clip"):
        raise refusal("percentiles of the bundle are relative or do not clip",
                      "процентили в бандле относительные или без обрезки")  # fmt: skip
    mapped.steps.append({"step": "clip_percentile", "low": component.number("lower"),
                         "high": component.number("upper")})  # fmt: skip
    mapped.steps.append({"step": "scale", "low": component.number("b_min"),
                         "high": component.number("b_max")})  # fmt: skip


def _scale(component: Component, mapped: MappedInput) -> None:
    component.require_only("minv", "maxv", "factor", "channel_wise", "dtype",
                           "allow_missing_keys")  # fmt: skip
    if component.value("factor") is not None:
        raise refusal("the ScaleIntensity of the bundle has a factor",
                      "у ScaleIntensity бандла есть factor")  # fmt: skip
    mapped.steps.append({"step": "scale", "low": component.number("minv", 0.0),
                         "high": component.number("maxv", 1.0)})  # fmt: skip


def _normalize(component: Component, mapped: MappedInput) -> None:
    component.require_only("subtrahend", "divisor", "nonzero", "channel_wise", "dtype",
                           "allow_missing_keys")  # fmt: skip
    mean, divisor = component.value("subtrahend"), component.value("divisor")
    nonzero = component.flag("nonzero")
    if mean is None and divisor is None:
        mapped.steps.append({"step": "zscore", "nonzero_only": nonzero})
        return
    if mean is None or divisor is None or nonzero:
        raise refusal("the NormalizeIntensity of the bundle mixes constants with the image's own",
                      "NormalizeIntensity бандла смешивает константы и данные")  # fmt: skip
    first = mean[0] if isinstance(mean, list) and len(mean) == 1 else mean
    second = divisor[0] if isinstance(divisor, list) and len(divisor) == 1 else divisor
    std = number(second, "divisor")
    if std <= 0:
        raise refusal("the divisor of the bundle is not above 0", "divisor бандла не больше 0")
    mapped.steps.append({"step": "normalize", "mean": number(first, "subtrahend"), "std": std})


def _crop(component: Component, mapped: MappedInput) -> None:
    component.require_only("source_key", "margin", "k_divisible", "allow_smaller",
                           "start_coord_key", "end_coord_key", "allow_missing_keys")  # fmt: skip
    if component.value("margin", 0) not in (0, [0, 0, 0]) or component.value("k_divisible", 1) != 1:
        raise refusal("the CropForeground of the bundle has a margin or sizes to divide by",
                      "у CropForeground бандла есть margin или k_divisible")  # fmt: skip
    mapped.steps.append({"step": "crop_foreground", "above": 0.0})


_BEFORE: Final[dict[str, Callable[[Component, MappedInput], None]]] = {
    "Orientation": _orientation,
    "Spacing": _spacing,
    "ScaleIntensityRange": _scale_range,
    "ScaleIntensityRangePercentiles": _scale_percentiles,
    "ScaleIntensity": _scale,
    "NormalizeIntensity": _normalize,
    "CropForeground": _crop,
}


def _activations(component: Component, mapped: MappedOutput) -> None:
    component.require_only("sigmoid", "softmax", "allow_missing_keys")
    softmax, sigmoid = component.flag("softmax"), component.flag("sigmoid")
    if softmax == sigmoid or mapped.activation != "none":
        raise refusal("the activation of the bundle is not one of softmax and sigmoid",
                      "активация бандла — не softmax и не sigmoid")  # fmt: skip
    mapped.activation = "softmax" if softmax else "sigmoid"
    if not mapped.inverted:
        mapped.back = "probability"


def _invert(component: Component, mapped: MappedOutput) -> None:
    if component.flag("nearest_interp", default=True) or mapped.post:
        raise refusal(
            "the bundle brings labels or nearest values back to the image; only raw outputs or "
            "probabilities can be (Invertd with nearest_interp false before AsDiscreted)",
            "бандл возвращает на изображение метки или ближайшие значения; можно только сырые "
            "выходы или вероятности (Invertd с nearest_interp false перед AsDiscreted)",
        )
    mapped.inverted = True


def _discrete(component: Component, mapped: MappedOutput) -> None:
    component.require_only("argmax", "threshold", "to_onehot", "rounding", "allow_missing_keys")
    threshold = component.value("threshold")
    if component.value("to_onehot") is not None or component.value("rounding") is not None:
        raise refusal("the AsDiscrete of the bundle makes one-hot or rounded values",
                      "AsDiscrete бандла делает one-hot или округляет")  # fmt: skip
    if component.flag("argmax") == (threshold is not None):
        raise refusal("the AsDiscrete of the bundle is not one of argmax and threshold",
                      "AsDiscrete бандла — не argmax и не threshold")  # fmt: skip
    if threshold is None:
        mapped.post.append({"step": "argmax"})
    else:
        mapped.threshold = number(threshold, "threshold")
        mapped.post.append({"step": "threshold", "at": mapped.threshold})


def _keep_largest(component: Component, mapped: MappedOutput) -> None:
    component.require_only("applied_labels", "is_onehot", "independent", "connectivity",
                           "num_components", "allow_missing_keys")  # fmt: skip
    labels = component.value("applied_labels")
    listed = labels if isinstance(labels, list) else [labels]
    usual = component.value("connectivity") == 1 and component.value("num_components", 1) == 1
    if not mapped.post or labels is None or not usual:
        raise refusal(
            "the KeepLargestConnectedComponent of the bundle does not name its labels, or not "
            "connectivity 1",
            "KeepLargestConnectedComponent бандла не называет метки или не connectivity 1",
        )
    mapped.post.append({"step": "keep_largest", "labels": list(integers(listed, "applied_labels"))})


_AFTER: Final[dict[str, Callable[[Component, MappedOutput], None]]] = {
    "Activations": _activations,
    "Invert": _invert,
    "AsDiscrete": _discrete,
    "KeepLargestConnectedComponent": _keep_largest,
}


def _unknown(component: Component) -> Exception:
    known = ", ".join((*_BEFORE, *_AFTER))
    return refusal(
        f"the bundle uses {component.name[:60]}, which has no counterpart here",
        f"бандл использует {component.name[:60]}, а соответствия ему здесь нет",
        hint=f"Known: {known}.",
        hint_ru=f"Известны: {known}.",
    )
