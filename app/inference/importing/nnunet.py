"""nnU-Net v2 exports as packs that carry nnU-Net's own inference rules (copilot-practice 2.1)."""

from __future__ import annotations

from typing import Any, Final

from app.inference.importing.draft import (
    ModelClass,
    PackDraft,
    Source,
    add_unknown,
    label_rows,
    manifest_head,
    onnx_part,
)
from app.inference.importing.facts import Facts
from app.inference.importing.nnunet_model import AS_STORED, NnunetModel, NnunetRequest, read_model
from app.inference.importing.nnunet_plans import Channel, Configuration, Resampling
from app.inference.importing.source_files import refusal

__all__ = ["NnunetRequest", "import_nnunet"]

_NEVER: Final = 1e9  # a ratio of spacings that no image has: the coarse axis is never apart


def import_nnunet(request: NnunetRequest) -> PackDraft:
    """The pack of an nnU-Net model folder. Raises ``BundleRefused``."""
    model = read_model(request)
    source = Source(
        "nnunet",
        model.dataset_name,
        f"nnU-Net v2, {model.dataset_name}, {model.trainer or 'trainer not named'}, "
        f"{model.configuration.name}, folds: {len(model.weights)}",
        "nnunet-model",
    )
    return draft_of(model, source, request.facts)


def draft_of(model: NnunetModel, source: Source, facts: Facts) -> PackDraft:
    """The pack of a model that was read."""
    indexes = model.classes.order or range(1, len(model.classes.names) + 1)
    if len(set(indexes)) != len(model.classes.names):
        raise refusal("regions_class_order names a label twice",
                      "regions_class_order называет метку дважды")  # fmt: skip
    classes = tuple(
        ModelClass(index, name) for index, name in zip(indexes, model.classes.names, strict=True)
    )
    rows, coded = label_rows(classes, facts, source.known)
    manifest = manifest_head(source, facts, "segmentation")
    if not coded:
        add_unknown(manifest, "codes")
    _require_no_mirrored_sides(model, rows)
    if not model.orientation:
        _require_orientation_for(model, rows)
        add_unknown(manifest, "orientation")
    series = facts.series.model_dump(exclude_defaults=True) if facts.series else {}
    spatial = ["row", "column"] if model.slicewise else ["depth", "row", "column"]
    names = [path for path, _ in model.weights]
    axes = ["batch", "channel", *spatial]
    post: dict[str, Any] = {"step": "argmax"}
    if model.classes.regions:
        post = {"step": "regions", "order": list(model.classes.order)}
    manifest |= {
        "onnx": onnx_part(model.graph, names, axes, axes),
        "input": {
            "dimensions": 3,
            "series": [{"modality": [model.modality]} | series],
            "units": "HU" if model.modality == "CT" else "arbitrary",
            "train_orientation": model.orientation or AS_STORED,
            "steps": steps_of(model.configuration, model.orientation),
        },
        "infer": {
            "patch": list(model.configuration.patch),
            "overlap": 0.5,
            "mirror_axes": list(model.mirror_axes),
            "activation": "sigmoid" if model.classes.regions else "softmax",
        },
        "output": {"labels": sorted(rows, key=lambda row: row["index"]), "post": [post]},
    }
    return PackDraft(manifest, model.weights, facts, classes, model.notes, facts.licence_text)


def _require_no_mirrored_sides(model: NnunetModel, rows: list[dict[str, Any]]) -> None:
    sided = [row["name"]["en"] for row in rows if row["laterality"] in ("left", "right")]
    if sided and model.mirror_axes:
        raise refusal(
            f'the model has classes with sides ("{sided[0]}") and mirrors at test time, which '
            "exchanges them",
            f"у модели есть классы со стороной («{sided[0]}»), а при запуске она отражает "
            "изображение и путает стороны",
            hint="Import it with --mirror-axes none.",
            hint_ru="Импортируйте её с --mirror-axes none.",
        )


def _require_orientation_for(model: NnunetModel, rows: list[dict[str, Any]]) -> None:
    """Without a known orientation only models that do not depend on it are imported."""
    sided = any(row["laterality"] in ("left", "right") for row in rows)
    moved = model.configuration.transpose_forward != (0, 1, 2)
    if sided or moved or not model.mirror_axes:
        raise refusal(
            "in which orientation the training images lay is not known, and the result depends "
            "on it",
            "неизвестно, в какой ориентации были обучающие изображения, а результат от неё зависит",
            hint="Give --orientation, for example RAS or LPS (letters: where i, j, k grow to), or "
            "as-stored.",
            hint_ru="Укажите --orientation, например RAS или LPS (куда растут i, j, k), или "
            "as-stored.",
        )


def steps_of(configuration: Configuration, orientation: str) -> list[dict[str, Any]]:
    """``input.steps``: orient, crop to non-zero, normalise, resample, in nnU-Net's order."""
    steps: list[dict[str, Any]] = []
    identity = configuration.transpose_forward == (0, 1, 2)
    if orientation and orientation != AS_STORED:
        axes = transposed(orientation, configuration.transpose_forward)
        steps.append({"step": "orient_volume", "axes": axes})
    elif not identity:
        raise refusal(
            "the plans exchange axes, so the orientation of the training images must be known",
            "планы переставляют оси, поэтому нужно знать ориентацию обучающих изображений",
            hint="Give --orientation, for example RAS.",
            hint_ru="Укажите --orientation, например RAS.",
        )
    steps.append({"step": "crop_nonzero"})
    steps += normalisation(configuration.channels[0])
    steps.append(resampling(configuration.spacing, configuration.data, configuration.logits))
    return steps


def transposed(orientation: str, forward: tuple[int, ...]) -> str:
    """Axis letters (of i, j, k) after nnU-Net's transposition of array axes (k, j, i)."""
    kji = orientation[::-1]
    return "".join(kji[axis] for axis in forward)[::-1]


def normalisation(channel: Channel) -> list[dict[str, Any]]:
    """nnU-Net's scheme of a channel as steps of the closed list."""
    match channel.scheme:
        case "CTNormalization":
            return [
                {"step": "clip", "low": channel.low, "high": channel.high},
                {"step": "normalize", "mean": channel.mean, "std": max(channel.std or 0.0, 1e-8)},
            ]
        case "ZScoreNormalization":
            return [{"step": "zscore", "nonzero_only": channel.use_mask}]
        case "RescaleTo01Normalization":
            return [{"step": "scale", "low": 0.0, "high": 1.0}]
        case "RGBTo01Normalization":
            return [{"step": "normalize", "mean": 0.0, "std": 255.0}]
        case _:
            return []


def resampling(spacing: tuple[float, ...], data: Resampling, logits: Resampling) -> dict[str, Any]:
    """The step ``resample``. Two spacings: the first axis keeps its own."""
    if (logits.order, logits.order_z) != (1, 0):
        raise refusal("the plans bring logits back otherwise than linearly",
                      "планы возвращают логиты не линейно")  # fmt: skip
    if data.separate_z != logits.separate_z:
        raise refusal("data and probabilities treat the coarse axis differently",
                      "данные и вероятности по-разному обращаются с грубой осью")  # fmt: skip
    if data.separate_z is True:
        raise refusal("the plans force the coarse axis apart for every image",
                      "планы всегда пересчитывают грубую ось отдельно")  # fmt: skip
    step: dict[str, Any] = {
        "step": "resample",
        "spacing_kji": list(spacing),
        "order": data.order,
        "order_z": data.order_z,
    }
    if data.separate_z is False:
        step["separate_z_ratio"] = _NEVER
    return step
