"""Every measurement of named structures: which function gives which kinds, and what it needs.

``measure_anatomy`` runs what applies and adds reference ranges. A group applies where one of its
structures has voxels; asked for by name it answers for every role that was named, ``absent``
where there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.core.errors import InputError
from app.measure import (
    abdomen,
    aorta,
    asymmetry,
    body_composition,
    chest,
    head,
    heart,
    pulmonary,
    reader_points,
    spine,
)
from app.measure.anatomy import Anatomy
from app.measure.definitions import definition_of
from app.measure.outcome import Found, failed, no_values
from app.measure.reference_ranges import reference_for
from app.measure.vertebra import LEVELS, role_of


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds that one function measures together; ``roles`` are what it measures, without what it
    only consults; ``points`` are those of the reader that it is made of.
    """

    kinds: tuple[str, ...]
    roles: tuple[str, ...]
    function: Callable[[Anatomy], list[Found]]
    points: tuple[str, ...] = ()


GROUPS: Final[tuple[Group, ...]] = (
    Group(("liver_hu", "liver_hu_iqr", "liver_spleen_difference"), ("liver",), abdomen.liver),
    Group(
        ("liver_volume", "spleen_volume", "kidney_volume"),
        ("liver", "spleen", "kidney_right", "kidney_left"),
        abdomen.organ_volumes,
    ),
    Group(("spleen_length",), ("spleen",), abdomen.spleen_length),
    Group(("kidney_length",), ("kidney_right", "kidney_left"), abdomen.kidney_length),
    Group(
        ("adrenal_hu",),
        ("adrenal_gland_right", "adrenal_gland_left", "adrenal_nodule"),
        abdomen.adrenals,
    ),
    Group(
        ("stone_diameter", "stone_volume", "stone_mean_hu", "stone_max_hu"),
        ("stone",),
        abdomen.stones,
    ),
    Group(("lung_volume", "lung_share"), ("lungs",), chest.lung_volumes),
    Group(("lung_laa950", "lung_perc15", "lung_haa"), ("lungs",), chest.lung_density),
    Group(("effusion_volume",), ("pleural_effusion",), chest.effusions),
    Group(
        (
            "nodule_long_axis", "nodule_short_axis", "nodule_mean_diameter", "nodule_volume",
            "nodule_effective_diameter",
        ),
        ("nodule",),
        chest.nodule,
    ),
    Group(
        ("muscle_area", "muscle_hu", "muscle_index"),
        ("skeletal_muscle",),
        body_composition.muscle,
    ),
    Group(
        ("visceral_fat_area", "subcutaneous_fat_area", "visceral_subcutaneous_ratio"),
        ("torso_fat", "subcutaneous_fat"),
        body_composition.fat,
    ),
    Group(("midline_shift",), (), reader_points.shift, reader_points.MIDLINE_POINTS),
    Group(
        ("cardiothoracic_ratio_of_lines",), (), reader_points.ratio, reader_points.LINE_POINTS
    ),
    Group(("hemorrhage_volume", "hemorrhage_abc2"), ("hemorrhage",), head.hemorrhage),
    Group(("evans_index",), ("ventricle_frontal",), head.evans),
    Group(
        ("coronary_agatston", "coronary_calcium_volume"),
        ("coronary_calcium", "coronary_arteries"),
        heart.coronary_calcium,
    ),
    Group(
        ("epicardial_fat_volume", "epicardial_fat_index"), ("pericardium",), heart.epicardial_fat
    ),
    Group(
        ("rv_lv_ratio",), ("heart_ventricle_right", "heart_ventricle_left"), heart.ventricles
    ),
    Group(aorta.KINDS, ("aorta",), aorta.aorta),
    Group(
        tuple(kind for kind, _ in pulmonary.KINDS),
        ("pulmonary_artery",),
        pulmonary.pulmonary_trunk,
    ),
    Group(
        ("l1_trabecular_hu",),
        tuple(role_of(level) for level in spine.TRABECULAR_LEVELS),
        spine.trabecular,
    ),
    Group(
        (
            "vertebral_anterior_height", "vertebral_middle_height", "vertebral_posterior_height",
            "vertebral_height_loss", "vertebral_height_loss_to_neighbours",
        ),
        tuple(role_of(level) for level in LEVELS),
        spine.heights,
    ),
    Group(
        ("hippocampus_volume", "hippocampus_asymmetry"),
        ("hippocampus_left", "hippocampus_right", "hippocampus"),
        asymmetry.hippocampi,
    ),
)  # fmt: skip


def measure_anatomy(anatomy: Anatomy, what: Sequence[str] | None = None) -> list[Found]:
    """Measure named structures; any thread, deterministic.

    ``what`` None: everything that applies, without what is absent. Raises ``InputError`` for a
    kind that is not measured on named structures.
    """
    measured = {kind for group in GROUPS for kind in group.kinds}
    for kind in what or ():
        if kind not in measured:
            raise InputError(
                f'There is no measurement "{kind}" of named structures.',
                ru=f"Измерения «{kind}» для названных структур нет.",
                hint="overread measure --list shows what there is.",
                hint_ru="Список: overread measure --list.",
            )
    rows: list[Found] = []
    for group in GROUPS:
        wanted = set(group.kinds) if what is None else set(group.kinds) & set(what)
        given = any(name in anatomy.points for name in group.points)
        applies = given or any(map(anatomy.present, group.roles))
        if not wanted or (what is None and not applies):
            continue
        rows += [
            row
            for row in group.function(anatomy)
            if row.measurement.kind in wanted and (what is not None or _applies(row, anatomy))
        ]
    return [with_reference(_not_looked_for(row, anatomy), anatomy) for row in rows]


def _applies(row: Found, anatomy: Anatomy) -> bool:
    """Whether a row is shown that nobody asked for: not what is absent, and no HU of an MR."""
    number = row.measurement
    if number.status == "failed" and definition_of(number.kind).needs_values:
        return no_values(anatomy) is None
    return number.status != "absent"


def _not_looked_for(row: Found, anatomy: Anatomy) -> Found:
    """Absent is only what was looked for: without a mask nothing is known about it."""
    number = row.measurement
    if number.status != "absent" or anatomy.is_named(row.structure):
        return row
    return failed(
        row.structure, number.kind, number.unit,
        ("No mask is named for it.", "Маска для этого не названа."),
    )  # fmt: skip


def with_reference(row: Found, anatomy: Anatomy) -> Found:
    """The row with its reference range, where there is one for this patient."""
    reference = reference_for(row.measurement.kind, row.structure, anatomy.person, anatomy.protocol)
    if reference is None or row.measurement.value is None:
        return row
    return Found(row.structure, replace(row.measurement, reference=reference))
