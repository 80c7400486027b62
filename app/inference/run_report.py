"""What a run did, as ``run.json`` (schema ``overread.run/1``). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.core.geometry import Geometry
from app.core.study import Completeness, SeriesRef
from app.inference.gate import Suitability
from app.inference.manifest import ModelPack
from app.inference.result import InferenceResult

SCHEMA = "overread.run/1"
SCORES_SCHEMA = "overread.scores/1"
_COMPLETE = Completeness()
_SECONDS = ("read", "load", "pre", "model", "post", "write")


def run_json(
    result: InferenceResult,
    *,
    pack: ModelPack | None = None,
    geometry: Geometry | None = None,
    completeness: Completeness = _COMPLETE,
    read_seconds: float = 0.0,
    write_seconds: float = 0.0,
) -> dict[str, Any]:
    """The object of ``run.json``.

    ``outputs`` needs ``pack`` for the names of labels; ``geometry`` gives volumes, None leaves
    ``volume_ml`` null (films). A study that is not complete makes the run ``partial`` (D18).
    """
    seconds = dict.fromkeys(_SECONDS, 0.0) | result.seconds
    seconds |= {"read": read_seconds, "write": write_seconds}
    return {
        "schema": SCHEMA,
        "pack": result.pack_id,
        "version": result.version,
        "weights_sha256": result.weights_sha256,
        "manifest_sha256": result.manifest_sha256,
        "device": result.device,
        "providers": list(result.providers),
        "study_instance_uid": result.source.study_instance_uid,
        "series_instance_uid": result.source.series_instance_uid,
        "stack": result.source.stack,
        "forced": result.forced,
        "kept": result.is_kept,
        "partial": not completeness.is_complete,
        "received": completeness.received or None,
        "expected": completeness.expected,
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "patches": result.patches,
        "scores": {name: round(value, 6) for name, value in result.scores.items()},
        "quality_flags": [
            {
                "id": flag.id,
                "labels": list(flag.labels),
                "status": flag.status,
                "text": {"en": flag.text.en, "ru": flag.text.ru},
            }
            for flag in result.flags
        ],
        "notes": [{"en": note.en, "ru": note.ru} for note in result.notes],
        "outputs": _outputs(result, pack, geometry),
    }


def mask_file_name(pack: ModelPack, index: int) -> str:
    """``masks/<index>-<label>.nii.gz`` as in the contract; the label in plain ASCII."""
    name = unicodedata.normalize("NFKD", pack.label(index).name.en)
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "label"
    return f"masks/{index}-{plain}.nii.gz"


def scores_json(result: InferenceResult, pack: ModelPack) -> dict[str, Any]:
    """The object of ``scores.json`` (schema ``overread.scores/1``): each head by name, and in full.

    ``probability`` only where the pack is calibrated and was not forced on an image that it refuses
    (else null: a score is then no chance of anything). Every operating point says whether the
    score reaches it (``above``).
    """
    is_probability = pack.is_calibrated and not result.forced
    rows = []
    for label in pack.output.labels:
        score = result.scores.get(label.name.en)
        if score is None:
            continue
        default = pack.operating_point(label.index)
        rows.append(
            {
                "label": label.name.en,
                "label_ru": label.name.ru,
                "index": label.index,
                "score": round(score, 6),
                "probability": round(score, 6) if is_probability else None,
                "default_point": default.name if default else None,
                "above": None if default is None else score >= default.threshold,
                "operating_points": [
                    {
                        **point.model_dump(mode="json", exclude={"finding"}),
                        "above": score >= point.threshold,
                    }
                    for point in pack.operating_points
                    if point.finding == label.index
                ],
                "attention": attention_file_name(pack, label.index)
                if label.index in dict(result.attention)
                else None,
            }
        )
    return {
        "schema": SCORES_SCHEMA,
        "pack": result.pack_id,
        "version": result.version,
        "weights_sha256": result.weights_sha256,
        "calibrated": pack.is_calibrated,
        "forced": result.forced,
        "scores": {row["label"]: row["score"] for row in rows},
        "heads": rows,
    }


def attention_file_name(pack: ModelPack, index: int) -> str:
    """``attention/<index>-<label>.nii.gz``, as for masks."""
    return mask_file_name(pack, index).replace("masks/", "attention/", 1)


def _outputs(
    result: InferenceResult, pack: ModelPack | None, geometry: Geometry | None
) -> list[dict[str, Any]]:
    if pack is None:
        return []
    rows = []
    for index, mask in result.masks:
        voxels = int(np.count_nonzero(mask))
        volume = None if geometry is None else voxels * geometry.voxel_volume_mm3 / 1000.0
        rows.append(
            {
                "label": pack.label(index).name.en,
                "index": index,
                "mask": mask_file_name(pack, index),
                "voxels": voxels,
                "volume_ml": volume,
            }
        )
    return rows


def routing_row(ref: SeriesRef, fits: Sequence[Suitability]) -> dict[str, Any]:
    """The verdicts of all packs on one stack, as in ``overread.route/1``."""
    return {
        "series_instance_uid": ref.series_instance_uid,
        "stack": ref.stack,
        "packs": [suitability_row(fit) for fit in fits],
    }


def suitability_row(fit: Suitability) -> dict[str, Any]:
    """One verdict with its reasons."""
    return {
        "pack": fit.pack_id,
        "version": fit.version,
        "verdict": fit.verdict,
        "score": fit.score,
        "reasons": [
            {
                "rule": reason.rule,
                "ok": reason.ok,
                "text": {"en": reason.text.en, "ru": reason.text.ru},
            }
            for reason in fit.reasons
        ],
    }
