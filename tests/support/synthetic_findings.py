"""Accepted findings of every concept that the lexicon knows, drawn by a seeded generator."""

from __future__ import annotations

import random
from typing import Any

from app.core.finding import Finding
from app.core.findings_json import finding_from_json
from app.reporting.nouns import organ_of_name
from app.reporting.reading.lexicon import concepts

_SITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lung", {"value": "266005", "scheme": "SCT", "meaning": "Right lower lobe of lung"}),
    ("lung", {"value": "44714003", "scheme": "SCT", "meaning": "Left upper lobe of lung",
              "segment": "S3"}),
    ("disc canal spine", {"value": "L4-L5", "scheme": "level", "meaning": "L4-L5"}),
    ("spine", {"value": "L3", "scheme": "level", "meaning": "L3"}),
    ("rib", {"value": "rib 7", "scheme": "level", "meaning": "rib 7"}),
    ("liver", {"value": "S6", "scheme": "level", "meaning": "liver segment 6"}),
    ("kidney", {"value": "upper pole", "scheme": "text", "meaning": "upper pole",
                "meaning_ru": "верхний полюс"}),
    ("brain", {"value": "frontal", "scheme": "text", "meaning": "frontal lobe",
               "meaning_ru": "лобная доля"}),
    ("breast", {"value": "q", "scheme": "text", "meaning": "upper outer quadrant",
                "meaning_ru": "верхненаружный квадрант"}),
    ("meniscus", {"value": "h", "scheme": "text", "meaning": "posterior horn",
                  "meaning_ru": "задний рог"}),
    ("soft_tissue", {"value": "j", "scheme": "text", "meaning": "jugular notch",
                     "meaning_ru": "яремная вырезка"}),
)  # fmt: skip
PRIOR = "2025-03-12"
# Of one organ, and named in words that a text does not keep apart.
_ALIKE_IN_TEXT = (
    frozenset({"spine_degeneration", "spondylolisthesis"}),
    frozenset({"pituitary_adenoma", "demyelinating_lesion", "brain_lesion", "brain_tumor"}),
    frozenset({"intracerebral_hemorrhage", "hematoma", "subdural_hematoma", "epidural_hematoma"}),
)


_NAMES_ITS_PLACE = frozenset({"basal_ganglia_calcification"})


def accepted_findings(rng: random.Random, names: list[str]) -> list[Finding]:
    """One finding for each concept of ``names``, now and then several that are alike."""
    rows: list[Finding] = []
    for number, name in enumerate(names):
        row = _row(rng, name)
        rows.append(finding_from_json({"uid": f"f{number}", **row}))
        if row["presence"] == "present" and rng.random() < 0.2:
            for more in range(rng.randint(1, 5)):
                length = round(rng.uniform(1.0, 60.0), 1)
                measures = [{"kind": "long_axis", "value": length, "unit": "mm"}]
                alike = row | {"uid": f"f{number}-{more}", "measurements": measures}
                rows.append(finding_from_json(alike))
    return rows


def distinct_concepts(rng: random.Random, count: int) -> list[str]:
    """Concepts of which none may stand for another in a text."""
    chosen: list[str] = []
    for name in rng.sample(sorted(concepts()), len(concepts())):
        if len(chosen) == count:
            break
        one = concepts()[name]
        if "postoperative_change" in one.parents or name == "renal_agenesis":
            continue  # says that an organ is gone: whatever else is said of it contradicts
        others = [concepts()[other] for other in chosen]
        related = one.near | one.parents
        if any(o.id in related or name in o.near | o.parents or related & (o.near | o.parents)
               for o in others):  # fmt: skip
            continue
        if any(name in group and group & set(chosen) for group in _ALIKE_IN_TEXT):
            continue
        chosen.append(name)
    return chosen


def _row(rng: random.Random, name: str) -> dict[str, Any]:
    label = concepts()[name].label
    organ = organ_of_name(name, label.en)
    sites = [site for organs, site in _SITES if organ in organs.split()]
    site = rng.choice([None, *(sites if name not in _NAMES_ITS_PLACE else ())])
    side = rng.choice([None, "left", "right", "bilateral"])
    if site is not None and site["meaning"].startswith(("Right", "Left")):
        side = site["meaning"].split(" ", 1)[0].lower()
    measures: list[dict[str, Any]] = []
    if rng.random() < 0.6:
        length = round(rng.uniform(1.0, 180.0), 1)
        measures.append({"kind": "long_axis", "value": length, "unit": "mm"})
        if rng.random() < 0.5:
            short = round(max(0.5, length * rng.uniform(0.3, 1.0)), 1)
            measures.append({"kind": "short_axis", "value": short, "unit": "mm"})
        if rng.random() < 0.3:
            before = round(rng.uniform(1.0, 180.0), 1)
            measures[0]["previous"] = {"value": before, "unit": "mm", "date": PRIOR}
    if rng.random() < 0.3:
        status = rng.choice(["valid", "truncated_fov"])
        value = round(rng.uniform(0.1, 900.0), 1)
        measures.append({"kind": "volume", "value": value, "unit": "mL", "status": status})
    return {
        "label": {"en": label.en, "ru": label.ru},
        "state": rng.choice(["accepted", "edited"]),
        "significance": rng.choice(["significant", "incidental", "descriptive"]),
        "presence": rng.choice(["present"] * 4 + ["uncertain", "absent"]),
        "laterality": side,
        "site": site,
        "measurements": measures,
    }
