"""From probability maps on the native grid to labelmaps, and the checks of the result.

The native grid is the image as the model sees it, mirrored but at full resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.measurement import MeasurementStatus
from app.core.report import Message
from app.imaging import labelmap
from app.inference import manifest_steps as steps
from app.inference.label_field import LabelField
from app.inference.result import QualityFlag

Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelMaps:
    """Per label index its mask and its probability on the native grid (2D or 3D).

    ``masks`` may be a ``LabelField``, which holds one array for all labels of a volume and knows
    the probability of the winner only.
    """

    masks: Mapping[int, BoolArray]
    probability: Mapping[int, Float32Array]
    voxel_ml: float | None = None

    def confidence(self, index: int) -> float | None:
        """Mean probability of a label inside its own mask; None for an empty one.

        In a field, voxels that a step of the post-processing gave to the label do not count.
        """
        if isinstance(self.masks, LabelField):
            return self.masks.confidence(index)
        mask = self.masks[index]
        return float(self.probability[index][mask].mean()) if mask.any() else None

    def confidences(self, indexes: Sequence[int]) -> dict[int, float]:
        """``confidence`` of the labels that have voxels."""
        if isinstance(self.masks, LabelField):
            found = self.masks.confidences()
            return {index: found[index] for index in indexes if index in found}
        values = {index: self.confidence(index) for index in indexes}
        return {index: value for index, value in values.items() if value is not None}


def to_masks(
    probability: dict[int, Float32Array],
    plan: tuple[steps.PostStep, ...],
    *,
    exclusive: bool,
    voxel_ml: float | None,
) -> LabelMaps:
    """Run the post steps. ``exclusive``: probabilities share 1 with the background (softmax)."""
    masks = _argmax(probability) if exclusive else _threshold(probability, 0.5)
    return LabelMaps(_cleaned(masks, probability, plan, voxel_ml), probability, voxel_ml)


def clean_field(
    field: LabelField, plan: tuple[steps.PostStep, ...], voxel_ml: float | None
) -> LabelMaps:
    """Run the post steps on labels that were won already; ``argmax`` is done, then."""
    rest = tuple(step for step in plan if not isinstance(step, steps.Argmax))
    return LabelMaps(_cleaned(field, {}, rest, voxel_ml), {}, voxel_ml)


def _cleaned(
    masks: MutableMapping[int, BoolArray],
    probability: Mapping[int, Float32Array],
    plan: tuple[steps.PostStep, ...],
    voxel_ml: float | None,
) -> MutableMapping[int, BoolArray]:
    for step in plan:
        match step:
            case steps.Argmax():
                masks = _argmax(probability)
            case steps.Threshold():
                masks = _threshold(probability, step.at)
            case steps.Regions():
                masks = _painted(probability, step)
            case steps.RestrictTo():
                for index in step.labels:
                    masks[index] = masks[index] & masks[step.inside]
            case steps.KeepLargest():
                for index in step.labels:
                    masks[index] = _as_3d(masks[index], labelmap.largest_component)
            case steps.JoinIslands():
                _join_islands(masks, step)
            case steps.MinComponent():
                for index in step.labels:
                    least = _least_voxels(step, masks[index].size, voxel_ml)
                    masks[index] = _without_small(masks[index], least)
            case steps.FillHoles():
                _fill_holes(masks, step.labels)
    return masks


def check_quality(
    maps: LabelMaps, checks: tuple[steps.QualityCheck, ...]
) -> tuple[QualityFlag, ...]:
    """The flags of all checks that found something, in the order of the manifest."""
    found = []
    for check in checks:
        labels = _concerned(maps, check)
        if labels:
            text = Message(check.text.en, check.text.ru)
            status: MeasurementStatus = check.status
            found.append(QualityFlag(check.id, labels, text, status, check.action == "fail"))
    return tuple(found)


def _argmax(probability: Mapping[int, Float32Array]) -> dict[int, BoolArray]:
    """Where a label beats every other label and the background; ties go to the lower index."""
    indexes = sorted(probability)
    background = np.float32(1.0) - sum(
        (probability[index] for index in indexes), np.zeros((), dtype=np.float32)
    )
    best = np.asarray(background)
    winner = np.zeros(best.shape, dtype=np.uint16)
    for index in indexes:
        better = probability[index] > best
        winner[better] = index
        best = np.maximum(best, probability[index])
    return {index: winner == index for index in indexes}


def _painted(probability: Mapping[int, Float32Array], step: steps.Regions) -> dict[int, BoolArray]:
    """Regions painted one over the other; what a later one covers is no longer of the earlier."""
    masks: dict[int, BoolArray] = {}
    for index in step.order:
        mask = probability[index] > np.float32(step.at)
        for earlier in masks:
            masks[earlier] = masks[earlier] & ~mask
        masks[index] = mask
    return masks


def _threshold(probability: Mapping[int, Float32Array], at: float) -> dict[int, BoolArray]:
    return {index: values >= np.float32(at) for index, values in probability.items()}


def _as_3d(mask: BoolArray, work: object, **options: object) -> BoolArray:
    if not callable(work):
        raise TypeError("work is a function of a mask")
    volume = mask[None] if mask.ndim == 2 else mask
    result = np.asarray(work(volume.astype(np.uint8), **options), dtype=bool)
    return result[0] if mask.ndim == 2 else result


def _least_voxels(step: steps.MinComponent, size: int, voxel_ml: float | None) -> int:
    if step.fraction is not None:
        return int(np.ceil(step.fraction * size))
    if step.ml is None or voxel_ml is None:
        return 0  # no spacing, no volume: nothing is removed
    return int(np.ceil(step.ml / voxel_ml))


def _without_small(mask: BoolArray, least: int) -> BoolArray:
    if least <= 1:
        return mask
    return _as_3d(mask, labelmap.remove_small, minimum_voxels=least)


def _join_islands(masks: MutableMapping[int, BoolArray], step: steps.JoinIslands) -> None:
    """Islands change over to the label whose largest component makes up most of their outline."""
    main = {index: _as_3d(masks[index], labelmap.largest_component) for index in step.labels}
    owner = np.zeros(next(iter(masks.values())).shape, np.int64)
    for index, mask in main.items():
        owner[mask] = index
    for index in step.labels:
        rest = masks[index] & ~main[index]
        volume = rest[None] if rest.ndim == 2 else rest
        islands, sizes = labelmap.connected_components(volume.astype(np.uint8))
        if not sizes:
            continue
        shape = islands if rest.ndim == 3 else islands[0]
        contacts = _contacts(shape.astype(np.int64), owner, len(sizes), max(step.labels))
        outline = contacts.sum(axis=1)
        contacts[:, [0, index]] = 0
        neighbour = contacts.argmax(axis=1)
        joins = contacts.max(axis=1) >= np.maximum(step.contact * outline, 1)
        joins[0] = False
        for other in step.labels:
            moved = np.isin(shape, np.flatnonzero(joins & (neighbour == other)))
            masks[index] = masks[index] & ~moved
            masks[other] = masks[other] | moved


def _contacts(
    islands: npt.NDArray[np.int64], owner: npt.NDArray[np.int64], count: int, labels: int
) -> npt.NDArray[np.int64]:
    """How often a face of each island meets each owner: [island, owner], 0 for none."""
    table = np.zeros((count + 1) * (labels + 1), np.int64)
    for axis in range(islands.ndim):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(islands.ndim))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(islands.ndim))
        for inside, outside in ((low, high), (high, low)):
            at_edge = (islands[inside] > 0) & (islands[outside] != islands[inside])
            pairs = islands[inside][at_edge] * (labels + 1) + owner[outside][at_edge]
            table += np.bincount(pairs, minlength=table.size)
    return table.reshape(count + 1, labels + 1)


def _fill_holes(masks: MutableMapping[int, BoolArray], labels: tuple[int, ...]) -> None:
    """Fill what a label encloses, without taking voxels from another label."""
    for index in labels:
        own = masks[index]
        filled = _as_3d(own, labelmap.fill_holes, per_slice=own.ndim == 2)
        for other, mask in masks.items():
            if other != index:
                filled &= ~mask
        masks[index] = filled | own


def _concerned(maps: LabelMaps, check: steps.QualityCheck) -> tuple[int, ...]:
    """The labels for which a check has found something."""
    match check:
        case steps.TouchesEdge():
            return tuple(i for i in check.labels if touches_edge(maps.masks[i], check))
        case steps.Missing():
            size = next(iter(maps.masks.values())).size
            return tuple(i for i in check.labels if maps.masks[i].sum() < check.below * size)
        case steps.LowConfidence():
            values = maps.confidences(check.labels)
            return tuple(i for i, value in values.items() if value < check.below)
        case steps.AreaRatio():
            first, second = maps.masks[check.numerator].sum(), maps.masks[check.denominator].sum()
            if first == 0 or second == 0:
                return ()  # "missing" is a check of its own
            wrong = not check.low <= first / second <= check.high
            return (check.numerator, check.denominator) if wrong else ()
        case steps.Order():
            return _out_of_order(maps, check)


def touches_edge(mask: BoolArray, check: steps.TouchesEdge) -> bool:
    """Whether a 2D mask comes within the margin of one of the named edges."""
    if mask.ndim != 2:
        mask = np.asarray(mask.any(axis=0))
    band = max(1, round(check.margin * max(mask.shape)))
    contact = {
        "top": mask[:band].any(axis=0),
        "bottom": mask[-band:].any(axis=0),
        "left": mask[:, :band].any(axis=1),
        "right": mask[:, -band:].any(axis=1),
    }
    return any(
        contact[side].any() and contact[side].mean() >= check.min_length for side in check.sides
    )


def _out_of_order(maps: LabelMaps, check: steps.Order) -> tuple[int, ...]:
    first, second = maps.masks[check.first], maps.masks[check.second]
    if not first.any() or not second.any():
        return ()
    axis = first.ndim - (1 if check.axis == "columns" else 2)
    wrong = _center(first, axis) >= _center(second, axis)
    return (check.first, check.second) if wrong else ()


def _center(mask: BoolArray, axis: int) -> float:
    others = tuple(a for a in range(mask.ndim) if a != axis)
    profile = mask.sum(axis=others).astype(np.float64)
    return float((profile * np.arange(profile.size)).sum() / profile.sum())
