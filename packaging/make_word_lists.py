"""Makes ``resources/spelling/words.LANG.xz``: every form of a Hunspell dictionary as a graph.

The dictionaries are those of two Debian packages, unpacked by hand; what they are and under which
licences stands in ``resources/spelling/NOTICE.md``. The program itself needs neither.

    apt-get download hunspell-en-us hunspell-ru && dpkg -x ...
    python packaging/make_word_lists.py en en_US.aff en_US.dic
    python packaging/make_word_lists.py ru ru_RU.aff ru_RU.dic

Of the format (hunspell(5)) as much is read as these two need: prefixes and suffixes with
conditions, one letter per flag. Compounds and numbers are left out, and so are words that the
dictionary itself would not suggest.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.config.folders import resources_folder
from app.reporting.spelling.word_graph import make_graph, write_graph
from app.reporting.spelling.words import plain_form


@dataclass(frozen=True, slots=True)
class Affix:
    """One rule: take ``strip`` off, put ``add`` on, where ``condition`` matches the word."""

    strip: str
    add: str
    condition: re.Pattern[str]

    def suffixed(self, word: str) -> str | None:
        """The word with the suffix; None where the rule does not fit."""
        if not word.endswith(self.strip) or not self.condition.search(word):
            return None
        return word[: len(word) - len(self.strip)] + self.add

    def prefixed(self, word: str) -> str | None:
        """The word with the prefix; None where the rule does not fit."""
        if not word.startswith(self.strip) or not self.condition.match(word):
            return None
        return self.add + word[len(self.strip) :]


@dataclass(slots=True)
class AffixTable:
    """The rules of an ``.aff`` file, by flag; ``crossing`` flags go with one of the other kind."""

    prefixes: dict[str, list[Affix]] = field(default_factory=lambda: defaultdict(list))
    suffixes: dict[str, list[Affix]] = field(default_factory=lambda: defaultdict(list))
    crossing: set[str] = field(default_factory=set)
    unwanted: set[str] = field(default_factory=set)


def read_affixes(path: Path) -> AffixTable:
    """Read an ``.aff`` file in UTF-8."""
    table = AffixTable()
    for line in path.read_text("utf-8").splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[0] in ("NOSUGGEST", "ONLYINCOMPOUND", "FORBIDDENWORD"):
            table.unwanted.add(parts[1])
        if len(parts) < 4 or parts[0] not in ("SFX", "PFX"):
            continue
        if len(parts) == 4 and parts[3].isdigit():
            if parts[2] == "Y":
                table.crossing.add(parts[0] + parts[1])
            continue
        strip = "" if parts[2] == "0" else parts[2]
        add = "" if parts[3] == "0" else parts[3].split("/")[0]
        condition = parts[4] if len(parts) > 4 else "."
        pattern = "" if condition == "." else condition
        if parts[0] == "SFX":
            rule = Affix(strip, add, re.compile(f"{pattern}$"))
            table.suffixes[parts[1]].append(rule)
        else:
            table.prefixes[parts[1]].append(Affix(strip, add, re.compile(pattern)))
    return table


def word_forms(dictionary: Path, table: AffixTable) -> Iterator[str]:
    """Every form of every entry of a ``.dic`` file; some come twice."""
    for line in dictionary.read_text("utf-8").splitlines()[1:]:
        entry = line.split("\t")[0].strip()
        word, _, flags = entry.partition("/")
        if not word or set(flags) & table.unwanted or any(c.isdigit() for c in word):
            continue
        yield from _forms(word, flags, table)


def _forms(word: str, flags: str, table: AffixTable) -> Iterator[str]:
    yield word
    crossing = [word]
    for flag in flags:
        for rule in table.suffixes.get(flag, ()):
            made = rule.suffixed(word)
            if made:
                yield made
                if f"SFX{flag}" in table.crossing:
                    crossing.append(made)
    for flag in flags:
        for rule in table.prefixes.get(flag, ()):
            for base in crossing if f"PFX{flag}" in table.crossing else [word]:
                made = rule.prefixed(base)
                if made:
                    yield made


def main() -> int:
    """Make one word list."""
    parser = argparse.ArgumentParser(description="a word list from a Hunspell dictionary")
    parser.add_argument("language", choices=("en", "ru"))
    parser.add_argument("affixes", type=Path)
    parser.add_argument("dictionary", type=Path)
    given = parser.parse_args()
    forms = {plain_form(word) for word in word_forms(given.dictionary, read_affixes(given.affixes))}
    graph = make_graph(word for word in forms if len(word) > 1)
    path = resources_folder() / "spelling" / f"words.{given.language}.xz"
    write_graph(path, graph)
    sys.stdout.write(f"{path.name}: {len(forms)} forms, {path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
