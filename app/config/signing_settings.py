"""Who may sign and how one knows, as the settings file writes it: the table ``[signing]``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SigningSettings(BaseModel):
    """How signers are identified. See docs/signing.md.

    ``identity`` local: the accounts of the library, or a name alone while there are none; system:
    the user of the operating system, whose password is asked; system-session: the same, trusted
    as logged in. ``time_server`` is asked over NTP when a report is signed; empty: none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    identity: Literal["local", "system", "system-session"] = "local"
    # a resident's report stays preliminary until a radiologist co-signs it
    require_cosignature: bool = True
    lock_after: int = Field(default=5, ge=3, le=20)
    lock_minutes: int = Field(default=15, ge=1, le=1440)
    time_server: str = Field(default="", pattern=r"^$|^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")
    # seconds that our clock may differ from the server's
    clock_tolerance_s: int = Field(default=60, ge=1, le=3600)
