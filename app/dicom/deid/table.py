"""What PS3.15 Annex E says about each attribute: the table as data, read once.

Where the data come from and which edition they are: ``resources/deid/README.md``.
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.tag import BaseTag

from app.config.folders import resources_folder

EDITION: Final = "2026c"

_REPEATING_CURVES: Final = 0x5000
_REPEATING_OVERLAYS: Final = 0x6000


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """One row of Table E.1-1.

    ``basic`` is D (dummy), Z (empty or dummy), X (remove), U (replace UID) or a combination such
    as ``X/Z/D``. ``options`` maps a column of the table (``uids``, ``device``, ``institution``,
    ``patient``, ``full_dates``, ``modified_dates``, ``descriptors``, ``structured``,
    ``graphics``, ``safe_private``) to K (keep), C (clean) or another action.
    """

    tag: str
    keyword: str
    basic: str
    options: Mapping[str, str]


def rule_for(tag: BaseTag) -> AttributeRule | None:
    """The row that is about ``tag``, or None: the table does not name it.

    A whole curve group (50xx) and a whole overlay group (60xx) go with their data: an overlay
    plane module without its data is no valid module.
    """
    rules = attribute_rules()
    if tag.group & 0xFF00 == _REPEATING_CURVES:
        return rules["50xxxxxx"]
    if tag.group & 0xFF00 == _REPEATING_OVERLAYS:
        return rules["60xx4000" if tag.element == 0x4000 else "60xx3000"]
    return rules.get(f"{int(tag):08X}")


@functools.cache
def attribute_rules() -> Mapping[str, AttributeRule]:
    """All rows by tag (eight hexadecimal digits; ``50xxxxxx``, ``60xx3000``, ``60xx4000``).

    Besides the table the few attributes that it does not name and that can tell as much.
    """
    rules = {}
    for name in ("attributes.csv", "beyond_table.csv"):
        path = resources_folder() / "deid" / name
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        for row in rows:
            tag, keyword, basic = row.pop("tag"), row.pop("keyword"), row.pop("basic")
            options = {option: action for option, action in row.items() if action}
            rules[tag] = AttributeRule(tag, keyword, basic, options)
    return rules


@functools.cache
def safe_private_elements() -> frozenset[tuple[str, int, int]]:
    """Private attributes that hold no identity: creator, group, low byte of the element."""
    path = resources_folder() / "deid" / "safe_private.json"
    creators = json.loads(path.read_text("utf-8"))["creators"]
    return frozenset(
        (creator, int(group, 16), int(low, 16))
        for creator, groups in creators.items()
        for group, elements in groups.items()
        for low in elements.split()
    )
