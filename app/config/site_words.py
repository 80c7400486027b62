"""The words that this site has added to the spell check: ``dictionary.txt`` in the data folder.

One word a line in UTF-8, so that an administrator can read, edit and copy it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from app.core.errors import EnvironmentFault

DICTIONARY_NAME: Final = "dictionary.txt"
_LONGEST: Final = 60


def site_words(folder: Path) -> frozenset[str]:
    """The words, as they were added; none where there is no file."""
    try:
        text = (folder / DICTIONARY_NAME).read_text("utf-8-sig", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as fault:
        raise _unusable(fault) from fault
    words = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(word for word in words if 0 < len(word) <= _LONGEST)


def add_site_word(folder: Path, word: str) -> frozenset[str]:
    """Add ``word`` and give all; the old file stays until the new one is complete.

    Raises ``EnvironmentFault`` where it cannot be written.
    """
    words = sorted({*site_words(folder), word.strip()}, key=str.casefold)
    path = folder / DICTIONARY_NAME
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text("\n".join(words) + "\n", "utf-8")
        partial.replace(path)
    except OSError as fault:
        raise _unusable(fault) from fault
    return frozenset(words)


def _unusable(fault: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"The site's dictionary {DICTIONARY_NAME} cannot be read or written.",
        ru=f"Словарь учреждения {DICTIONARY_NAME} не читается или не записывается.",
        hint="Check the permissions and the free space of the data folder.",
        hint_ru="Проверьте права и свободное место в папке данных.",
        technical_detail=str(fault),
    )
