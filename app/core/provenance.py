"""Who or what made a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of a finding or number: a model (pack, version, hash, device) or a person.

    ``at_utc`` is ISO 8601 with offset. ``operating_point`` names the threshold set in force.
    ``manufacturer`` made the model where it is none of ours: its results were read, not computed.
    ``partial``: the study was known to be incomplete when the model ran (D18). ``lossy``: the ratio
    by which the images had been compressed with loss, ``?`` where it is not stated (I16).
    """

    kind: Literal["model", "person"]
    at_utc: str
    person: str = ""
    pack: str = ""
    version: str = ""
    weights_sha256: str = ""
    manifest_sha256: str = ""
    device: str = ""
    operating_point: str = ""
    forced: bool = False
    partial: bool = False
    manufacturer: str = ""
    lossy: str = ""
