"""The definitions as a page: ``docs/measurements-reference.md`` is what ``reference_page`` gives.

``overread measure --list --markdown`` prints it.
"""

from __future__ import annotations

from app.measure.definitions import Definition, definitions
from app.measure.reference_ranges import Range, ranges

_HEAD = """# Measurements: definitions, gates, sources

Made by `overread measure --list --markdown > docs/measurements-reference.md`; a test keeps it
current. The data behind it are `resources/measure/definitions.json` and
`resources/measure/reference_ranges.json`; names, formulas and gates in Russian are there too.

Rules for all: physical coordinates; volumes from the affine, never from a slice thickness;
densities from un-resampled values. A structure without voxels is `absent`, what could not be
measured is `failed`: neither has a value, and 0 never stands for it. A structure within three
voxels of the border of the image is `truncated_fov` (a lower bound). A condition that does not hold
is `wrong_protocol`, one about which nothing is known is `low_quality` and named in the note. Bounds
of uncertainty are given only where repeatability is published. "Source, textbook" marks general
knowledge that was not read again for this page.
"""
_RANGES = """
## Reference ranges

Shown only for the population they were measured on: where sex, age or the kind of image do not
fit, or are not known, there is none.

| kind | of | low | high | unit | population | source |
|---|---|---|---|---|---|---|
"""
_UNITS = {"[hnsf'U]": "HU", "1": "", "{point}": "point, mm", "d": "days"}


def reference_page() -> str:
    """The whole page, in Markdown."""
    regions = list(dict.fromkeys(entry.region for entry in definitions()))
    parts = [_HEAD]
    for region in regions:
        parts.append(f"\n## {region[:1].upper()}{region[1:]}\n")
        parts += [_section(entry) for entry in definitions() if entry.region == region]
    return "".join(parts) + _RANGES + "".join(_row(entry) for entry in ranges())


def _section(entry: Definition) -> str:
    numbers = ", ".join(
        f"`{kind.kind}` ({', '.join(filter(None, [kind.name.en, _unit(kind.unit)]))})"
        for kind in entry.kinds
    )
    lines = [f"\n### `{entry.id}`\n", f"\n{numbers}. Tier {entry.tier}.\n\n"]
    masks = "; ".join(" or ".join(f"`{role}`" for role in roles) for roles in entry.masks)
    asked = [
        f"masks {masks}" if masks else "",
        "image values" if entry.needs_values else "",
        f"points: {', '.join(entry.points)}" if entry.points else "",
        f"what is known of {', '.join(entry.tags)}" if entry.tags else "",
    ]
    lines += [
        f"- Inputs: {'; '.join(filter(None, asked))}.\n",
        f"- Formula: {entry.formula.en}.\n",
        f"- Gate: {entry.gate.en}.\n",
    ]
    if entry.uncertainty is not None:
        lines.append(f"- Uncertainty: {entry.uncertainty.en}.\n")
    textbook = ", textbook" if entry.mark == "textbook" else ""
    return "".join([*lines, f"- Source{textbook}: {entry.source}.\n"])


def _row(entry: Range) -> str:
    of = ", ".join(entry.structures) or "all"
    low = "" if entry.low is None else f"{entry.low:g}"
    high = "" if entry.high is None else f"{entry.high:g}"
    textbook = " (textbook)" if entry.mark == "textbook" else ""
    return (
        f"| `{entry.kind}` | {of} | {low} | {high} | {_unit(entry.unit)} | "
        f"{entry.population_en} | {entry.source}{textbook} |\n"
    )


def _unit(unit: str) -> str:
    return _UNITS.get(unit, unit)
