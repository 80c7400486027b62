"""A MONAI bundle's configuration as data: plain ``@`` references followed, ``$`` never evaluated.

Bundles may hold Python in ``$`` expressions and name any class in ``_target_`` (copilot-practice 7,
trap 4). Here a ``_target_`` is looked up in closed lists by its last name and its arguments must be
literals; a value that is an expression is refused where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.inference.importing.source_files import number, refusal

_MAX_STEPS: Final = 16
_MODULES: Final = ("monai.",)  # a full path must be MONAI's own


@dataclass(frozen=True, slots=True)
class Component:
    """One ``_target_`` with its arguments, references not yet followed."""

    name: str
    given: Mapping[str, Any]
    config: BundleConfig

    def value(self, key: str, default: object = None) -> object:
        """An argument with its references followed; an expression is refused."""
        return self.config.literal(self.given.get(key, default), f"{self.name}.{key}")

    def number(self, key: str, default: float | None = None) -> float:
        """A number among the arguments."""
        return number(self.value(key, default), f"{self.name}.{key}")

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false among the arguments."""
        found = self.value(key, default)
        if not isinstance(found, bool):
            raise refusal(f"{self.name}.{key} is not true or false", f"{self.name}.{key} не bool")
        return found

    def require_only(self, *known: str) -> None:
        """Refuse an argument that is not among ``known``: it could change the result."""
        strange = sorted(set(self.given) - {"_target_", "keys", *known})
        if strange:
            raise refusal(
                f"{self.name} of the bundle has the argument {strange[0][:40]}, which cannot be "
                "mapped",
                f"у {self.name} в бандле есть аргумент {strange[0][:40]}, который нельзя перенести",
            )


class BundleConfig:
    """``inference.json`` of a bundle."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def literal(self, value: object, where: str) -> object:
        """``value`` with ``@`` references followed, in lists too. ``BundleRefused`` for ``$``."""
        for _ in range(_MAX_STEPS):
            if not isinstance(value, str) or not value.startswith(("@", "%", "$")):
                break
            if not value.startswith("@"):
                raise refusal(
                    f"{where} of the bundle is an expression or another file, and nothing in a "
                    "bundle is executed",
                    f"{where} в бандле — выражение или другой файл, а из бандла ничего не "
                    "исполняется",
                    value[:200],
                )
            value = self._at(value[1:], where)
        else:
            raise refusal(f"the references of {where} lead in a circle",
                          f"ссылки {where} ведут по кругу")  # fmt: skip
        if isinstance(value, list):
            return [self.literal(item, where) for item in value]
        return value

    def component(self, key: str) -> Component | None:
        """The component under ``key``; None where there is none."""
        found = self.literal(self._data.get(key), key)
        return None if found is None else self._component(found, key)

    def steps(self, key: str) -> tuple[Component, ...]:
        """The components of a ``Compose`` under ``key``; empty where there is none."""
        whole = self.component(key)
        if whole is None:
            return ()
        if whole.name != "Compose":
            return (whole,)
        whole.require_only("transforms")
        listed = self.literal(whole.given.get("transforms"), f"{key}.transforms")
        if not isinstance(listed, list):
            raise refusal(f"{key} of the bundle lists no transforms",
                          f"в {key} бандла нет списка преобразований")  # fmt: skip
        steps = [self._component(item, f"{key}.transforms") for item in listed]
        return tuple(step for step in steps if step is not None)

    def _component(self, found: object, where: str) -> Component | None:
        if not isinstance(found, dict) or not isinstance(found.get("_target_"), str):
            raise refusal(f"{where} of the bundle is no component with a _target_",
                          f"{where} в бандле — не компонент с _target_")  # fmt: skip
        if self.literal(found.get("_disabled_", False), where) is True:
            return None
        path = found["_target_"]
        if "." in path and not path.startswith(_MODULES):
            raise refusal(f'the bundle uses "{path[:60]}", which is not MONAI\'s own',
                          f"бандл использует «{path[:60]}», а это не часть MONAI")  # fmt: skip
        arguments = {key: value for key, value in found.items() if key != "_disabled_"}
        return Component(path.rsplit(".", 1)[-1], arguments, self)

    def _at(self, reference: str, where: str) -> object:
        """What ``a::b::0`` (or ``a#b#0``) names in the configuration."""
        found: object = self._data
        for part in reference.replace("#", "::").split("::"):
            if isinstance(found, dict) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            else:
                raise refusal(f'{where} of the bundle refers to "@{reference[:60]}", which is not '
                              "there",
                              f"{where} в бандле ссылается на отсутствующее "
                              f"«@{reference[:60]}»")  # fmt: skip
        return found
