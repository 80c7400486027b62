"""What the administrator says about model packs: who may sign them, which version runs, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from app.config.settings import Settings

PackMode = Literal["on", "shadow", "off"]


@dataclass(frozen=True, slots=True)
class PackChoice:
    """The word on one pack, or on one version of it (``version`` empty: on all).

    ``shadow``: it runs, its result is kept with the run and compared, nothing is shown.
    """

    pack_id: str
    version: str = ""
    mode: PackMode = "on"


@dataclass(frozen=True, slots=True)
class PackPolicy:
    """``trusted_keys`` are public keys in base64. Default: nothing is trusted, nothing required."""

    trusted_keys: tuple[str, ...] = ()
    require_signed: bool = False
    choices: tuple[PackChoice, ...] = field(default=())

    def choice(self, pack_id: str, version: str) -> PackChoice | None:
        """What was said about this version: itself before its pack as a whole."""
        for wanted in (version, ""):
            for choice in self.choices:
                if choice.pack_id == pack_id and choice.version == wanted:
                    return choice
        return None

    def chosen_version(self, pack_id: str) -> str:
        """The version that was put in use by name, or empty."""
        return next(
            (c.version for c in self.choices if c.pack_id == pack_id and c.version
             and c.mode == "on"),
            "",
        )  # fmt: skip


def policy_of(settings: Settings) -> PackPolicy:
    """The policy that the settings state."""
    return PackPolicy(
        settings.trusted_pack_keys,
        settings.require_signed_packs,
        tuple(PackChoice(p.id, p.version, p.mode) for p in settings.packs),
    )
