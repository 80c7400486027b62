"""One measurement of masks that go by the names of a pack's labels.

A label whose name is a role ("right kidney" is ``kidney_right``) has that role; the others get the
roles of the definition in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from app.core.acquisition import Acquisition
from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.measure.anatomy import Anatomy
from app.measure.definitions import definition_of, unit_of
from app.measure.known import known_of
from app.measure.methods import METHODS
from app.measure.regional import measure_anatomy
from app.measure.roles import role_name


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the masks lie and what is known: values are modality values of the same shape."""

    geometry: Geometry | None
    values: npt.NDArray[Any] | None
    quantity: str
    facts: Acquisition = field(default_factory=Acquisition)


def measure_labels(
    kind: str, masks: Mapping[str, npt.NDArray[Any]], of: str, setting: Setting
) -> Measurement:
    """The measurement ``kind`` of the label named ``of``; ``masks`` ``[k, j, i]`` by label name.

    ``failed`` where the images have no place in the patient, or the definition does not measure
    such a structure.
    """
    if setting.geometry is None:
        return _failed(
            kind, "The images have no place in the patient.", "У изображений нет места в пациенте."
        )
    roles = roles_of(kind, tuple(masks))
    person, protocol = known_of(setting.facts)
    anatomy = Anatomy(
        setting.geometry,
        masks={roles[name]: mask for name, mask in masks.items()},
        values=setting.values,
        quantity=setting.quantity,
        person=person,
        protocol=protocol,
    )
    rows = [row for row in measure_anatomy(anatomy, (kind,)) if row.measurement.kind == kind]
    own = [row for row in rows if row.structure == roles.get(of)]
    if own or len(rows) == 1:
        return (own or rows)[0].measurement
    return _failed(
        kind, "It is not measured on this structure.", "На этой структуре это не измеряется."
    )


def roles_of(kind: str, names: tuple[str, ...]) -> dict[str, str]:
    """The role of each label name for a kind."""
    wanted = definition_of(kind).masks
    known = {role for alternatives in wanted for role in alternatives}
    roles = {name: role_name(name) for name in names if role_name(name) in known}
    free = [
        alternatives[0] for alternatives in wanted if not set(alternatives) & set(roles.values())
    ]
    for name in names:
        if name not in roles:
            roles[name] = free.pop(0) if free else role_name(name)
    return roles


def _failed(kind: str, en: str, ru: str) -> Measurement:
    return Measurement(kind, None, unit_of(kind), METHODS[kind], "failed", en, note_ru=ru)
