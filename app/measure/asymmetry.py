"""The hippocampi: ``hippocampus-volume@1`` and ``hippocampus-asymmetry@1``.

The asymmetry index is (left - right) over the mean of both, in percent: positive where the left
one is larger. There is no reference range: normal volumes depend on the protocol of the outline
(which parts of subiculum, alveus and tail it takes in), and none was published for the outlines
that the shipped model learnt from.
"""

from __future__ import annotations

from app.measure.anatomy import Anatomy, Structure
from app.measure.outcome import Doubt, Found, Number, absent, failed, found, thin, whole

_SIDES = ("hippocampus_left", "hippocampus_right")
VOXEL_MM = 1.5
_INDEX = "hippocampus_asymmetry"


def hippocampi(anatomy: Anatomy) -> list[Found]:
    """Volume of each hippocampus (of its parts together) in mL, and the asymmetry index in %."""
    rows = []
    for role in (*_SIDES, "hippocampus"):
        if not anatomy.is_named(role):
            continue
        organ = anatomy.structure(role)
        if organ is None:
            rows.append(absent(role, "hippocampus_volume", "mL"))
        else:
            number = Number(organ.volume_ml, "mL")
            rows.append(found(role, "hippocampus_volume", number, _doubts(anatomy, organ)))
    if not any(map(anatomy.is_named, _SIDES)):
        return rows
    left, right = (anatomy.structure(role) for role in _SIDES)
    if left is None or right is None:
        why = ("Both sides are needed.", "Нужны обе стороны.")
        return [*rows, failed("hippocampi", _INDEX, "%", why)]
    index = 200.0 * (left.volume_ml - right.volume_ml) / (left.volume_ml + right.volume_ml)
    return [*rows, found("hippocampi", _INDEX, Number(index, "%"), _doubts(anatomy, left, right))]


def _doubts(anatomy: Anatomy, *organs: Structure) -> list[Doubt]:
    return [*whole(*organs), *thin(anatomy, VOXEL_MM)]
