"""The concepts that the marked texts name by a short code (``data/concepts.txt``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
HALVES = ("dev", "dev2", "held", "fresh", "fresh2", "traps")
READABLE = ("dev", "dev2", "traps")  # by whoever improves the check
LANGUAGES = ("en", "ru")
SIGNIFICANCE = {"C": "critical", "S": "significant", "I": "incidental", "D": "descriptive"}


@dataclass(frozen=True, slots=True)
class Concept:
    """One kind of finding; ``snomed`` is empty where the code is not sure."""

    code: str
    english: str
    russian: str
    significance: str
    snomed: str

    @property
    def label(self) -> dict[str, str]:
        """The label of a finding in ``overread.findings/1``."""
        return {"en": self.english, "ru": self.russian}


@cache
def concepts() -> dict[str, Concept]:
    """Every concept by its code."""
    found: dict[str, Concept] = {}
    for line in (DATA / "concepts.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        code, english, russian, weight, snomed = (part.strip() for part in line.split("|"))
        if code in found:
            raise ValueError(f"{code} is given twice")
        found[code] = Concept(code, english, russian, SIGNIFICANCE[weight], snomed)
    return found
