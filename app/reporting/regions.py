"""The region of the body that a study shows, in the words of the lexicon."""

from __future__ import annotations

from typing import Final

REGIONS: Final = {
    "CHEST": "CHEST", "THORAX": "CHEST", "LUNG": "CHEST", "ABDOMEN": "ABDOMEN",
    "ABDOMENPELVIS": "ABDOMEN", "PELVIS": "ABDOMEN", "HEAD": "HEAD", "BRAIN": "HEAD",
    "SKULL": "HEAD", "KNEE": "KNEE", "BREAST": "BREAST", "LSPINE": "LSPINE", "TSPINE": "LSPINE",
    "CSPINE": "LSPINE", "SPINE": "LSPINE", "NECK": "NECK", "THYROID": "NECK",
    "SHOULDER": "JOINT", "HIP": "JOINT", "ANKLE": "JOINT", "ELBOW": "JOINT", "WRIST": "JOINT",
}  # fmt: skip


def region_of(body_part: str) -> str:
    """The region of BodyPartExamined; empty where it is unknown."""
    return REGIONS.get(body_part.upper().replace(" ", ""), "")
