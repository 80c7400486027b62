"""Model packs as the settings file writes them: ``[[packs]]`` tables."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PackSettings(BaseModel):
    """What is done with a pack, or with one version of it (empty: all).

    ``shadow``: it runs, its result is kept and compared, nothing is shown. ``off``: not run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(min_length=1)
    version: str = ""
    mode: Literal["on", "shadow", "off"] = "on"
