"""Role names and the numbers of labels: presets, and what is written on the command line."""

from __future__ import annotations

import functools
import json

from app.config.folders import resources_folder
from app.core.errors import InputError

Roles = dict[str, tuple[int, ...]]
_SIDES = ("left", "right")


@functools.cache
def presets() -> dict[str, Roles]:
    """The numberings known by name, from ``resources/measure/label_presets.json``."""
    path = resources_folder() / "measure" / "label_presets.json"
    data = json.loads(path.read_text(encoding="utf-8"))["presets"]
    return {
        name: {role: (int(number),) for number, role in labels.items()}
        for name, labels in data.items()
    }


def parse_roles(text: str) -> tuple[Roles, bool]:
    """Roles of ``heart=51,lungs=10+11`` or of a preset, and whether they are a preset.

    A preset may be followed by roles of one's own: ``totalsegmentator,nodule=200``.
    """
    roles: Roles = {}
    is_preset = False
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, numbers = part.partition("=")
        if not equals and name in presets():
            roles |= presets()[name]
            is_preset = True
            continue
        listed = [n.strip() for n in numbers.split("+")]
        if not equals or not all(n.isdigit() for n in listed):
            known = ", ".join(presets())
            raise InputError(
                f'"{part}" does not name labels.',
                ru=f"«{part}» не называет меток.",
                hint=f"Such as: heart=51,lungs=10+11+12+13+14; or one of: {known}.",
                hint_ru=f"Например: heart=51,lungs=10+11+12+13+14; или: {known}.",
            )
        role = role_name(name)
        roles[role] = (*roles.get(role, ()), *(int(n) for n in listed))
    return roles, is_preset


def role_name(text: str) -> str:
    """``Right lung`` and ``right_lung`` are ``lung_right``: the side comes last."""
    words = text.strip().lower().replace("-", "_").replace(" ", "_").split("_")
    sides = [word for word in words if word in _SIDES]
    return "_".join([word for word in words if word not in _SIDES] + sides)
