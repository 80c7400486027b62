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


def decimal(number: str, language: str) -> str:
    """The text of a number with the decimal mark of ``language``."""
    return number.replace(".", ",") if language == "ru" else number


def number_ru(value: float, form: str = "g") -> str:
    """``value`` as Russian writes it; ``form`` as in a format string."""
    return decimal(format(value, form), "ru")
