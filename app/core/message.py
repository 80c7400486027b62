"""One sentence in both languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence in both languages."""

    en: str
    ru: str

    def text(self, language: str) -> str:
        """The sentence in ``language``."""
        return self.ru if language == "ru" else self.en
