"""Two packs, or two versions of one, on the same image: what differs. Pure; any thread.

Each side is judged at its own operating points: a threshold belongs to the weights it was measured
with and is never lent to another (copilot-practice 7, trap 15).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.core.errors import ModelPackError
from app.core.geometry import Geometry
from app.inference.boxes import overlaps
from app.inference.manifest import ModelPack
from app.inference.result import DetectedBox, InferenceResult

SCHEMA = "overread.compare/1"
_SAME_BOX_IOU = 0.3


@dataclass(frozen=True, slots=True)
class Side:
    """One pack and what it made of the image."""

    pack: ModelPack
    result: InferenceResult


def compare(first: Side, second: Side, geometry: Geometry | None) -> dict[str, Any]:
    """The object ``overread.compare/1``. Labels are matched by their English names.

    ``difference_*`` is second minus first. Volumes need ``geometry``; on films voxels are pixels.
    Raises ``ModelPackError`` where the two did not read the same stack.
    """
    if first.result.source != second.result.source:
        raise ModelPackError(
            "The two results are of different images; they are not compared.",
            ru="Два результата относятся к разным изображениям; они не сравниваются.",
        )
    return {
        "schema": SCHEMA,
        "packs": [_pack(side) for side in (first, second)],
        "study_instance_uid": first.result.source.study_instance_uid,
        "series_instance_uid": first.result.source.series_instance_uid,
        "stack": first.result.source.stack,
        "labels": _labels(first, second, geometry),
        "scores": _scores(first, second),
        "boxes": _boxes(first, second),
        "landmarks": _landmarks(first, second, geometry),
        "numbers": _numbers(first, second),
        "only_first": sorted(_names(first) - _names(second)),
        "only_second": sorted(_names(second) - _names(first)),
    }


def dice(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> float:
    """Dice of two masks; 1 where both are empty."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    if total == 0:
        return 1.0
    return 2.0 * int(np.count_nonzero(np.logical_and(first, second))) / total


def _names(side: Side) -> set[str]:
    return {label.name.en for label in side.pack.output.labels}


def _pack(side: Side) -> dict[str, Any]:
    return {
        "pack": side.pack.id,
        "version": side.pack.version,
        "weights_sha256": side.result.weights_sha256,
        "device": side.result.device,
        "seconds": round(sum(side.result.seconds.values()), 4),
        "quality_flags": list(side.result.quality_flags),
    }


def _labels(first: Side, second: Side, geometry: Geometry | None) -> list[dict[str, Any]]:
    masks = [
        {side.pack.label(index).name.en: mask for index, mask in side.result.masks}
        for side in (first, second)
    ]
    rows = []
    for name in (n for n in masks[0] if n in masks[1]):
        one, other = masks[0][name], masks[1][name]
        if one.shape != other.shape:
            raise ModelPackError(
                "The two results have different grids; they are not compared.",
                ru="У двух результатов разные сетки; они не сравниваются.",
            )
        voxels = [int(np.count_nonzero(mask)) for mask in (one, other)]
        row: dict[str, Any] = {
            "label": name,
            "dice": round(dice(one, other), 6),
            "voxels": voxels,
            "volume_ml": None,
            "difference_ml": None,
            "difference_percent": _percent(voxels),
        }
        if geometry is not None:
            volumes = [n * geometry.voxel_volume_mm3 / 1000.0 for n in voxels]
            row |= {"volume_ml": volumes, "difference_ml": volumes[1] - volumes[0]}
        rows.append(row)
    return rows


def _percent(values: list[int]) -> float | None:
    """Change of the second against the first; None where the first is empty."""
    return None if values[0] == 0 else round(100.0 * (values[1] - values[0]) / values[0], 4)


def _scores(first: Side, second: Side) -> list[dict[str, Any]]:
    rows = []
    for name, score in first.result.scores.items():
        if name not in second.result.scores:
            continue
        scores = [score, second.result.scores[name]]
        points = [_threshold(side, name) for side in (first, second)]
        above = [
            None if point is None else value >= point
            for value, point in zip(scores, points, strict=True)
        ]
        rows.append(
            {
                "label": name,
                "scores": [round(value, 6) for value in scores],
                "thresholds": points,
                "above": above,
                "agree": None if None in above else above[0] == above[1],
            }
        )
    return rows


def _threshold(side: Side, name: str) -> float | None:
    index = next(label.index for label in side.pack.output.labels if label.name.en == name)
    point = side.pack.operating_point(index)
    return None if point is None else point.threshold


def _boxes(first: Side, second: Side) -> list[dict[str, Any]]:
    """Every box, those of the same label that overlap best as pairs."""
    rows = []
    for name in sorted(_names(first) & _names(second)):
        ours, theirs = (_of_label(side, name) for side in (first, second))
        free = list(range(len(theirs)))
        for box in ours:
            found = [float(overlaps(_corners(box), _corners(theirs[n])[None])[0]) for n in free]
            best = int(np.argmax(found)) if found else -1
            if best >= 0 and found[best] >= _SAME_BOX_IOU:
                other = theirs[free.pop(best)]
                scores: list[float | None] = [round(box.score, 6), round(other.score, 6)]
                rows.append({"label": name, "iou": round(found[best], 6), "scores": scores})
            else:
                rows.append({"label": name, "iou": 0.0, "scores": [round(box.score, 6), None]})
        rows += [
            {"label": name, "iou": 0.0, "scores": [None, round(theirs[n].score, 6)]} for n in free
        ]
    return rows


def _of_label(side: Side, name: str) -> list[DetectedBox]:
    return [b for b in side.result.boxes if side.pack.label(b.label).name.en == name]


def _corners(box: DetectedBox) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray([box.lower_ijk, box.upper_ijk], dtype=np.float64)


def _landmarks(first: Side, second: Side, geometry: Geometry | None) -> list[dict[str, Any]]:
    others = {mark.name: mark for mark in second.result.landmarks}
    rows = []
    for mark in first.result.landmarks:
        other = others.get(mark.name)
        if other is None:
            continue
        ends = np.asarray([mark.ijk, other.ijk], dtype=np.float64)
        unit = "pixels"
        if geometry is not None:
            ends, unit = geometry.ijk_to_lps(ends), "mm"
        apart = float(np.linalg.norm(ends[1] - ends[0]))
        rows.append({"label": mark.name, "distance": round(apart, 4), "unit": unit})
    return rows


def _numbers(first: Side, second: Side) -> list[dict[str, Any]]:
    """Numbers of the same label, kind, unit and method; others are not the same measure."""
    others = {(label, n.kind, n.unit, n.method): n.value for label, n in second.result.numbers}
    rows = []
    for label, number in first.result.numbers:
        key = (label, number.kind, number.unit, number.method)
        if key not in others:
            continue
        values = [number.value, others[key]]
        rows.append({"kind": number.kind, "unit": number.unit, "method": number.method,
                     "values": values})  # fmt: skip
    return rows
