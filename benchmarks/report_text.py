"""Callables for the report text benchmarks: what does our reader see in a report?

score.py --data FOLDER --task negex --callable benchmarks.report_text:assertion --path .
score.py --data FOLDER --task openi --callable benchmarks.report_text:labels --path .
score_extract.py --task ru --data FILE --callable benchmarks.report_text:answer --path .
"""

from __future__ import annotations

import re
from typing import Any

from app.reporting.check_json import extraction_to_json
from app.reporting.extract import assertion_of, extract

# Label of the benchmark by the words of our concept labels.
_LABELS = {
    "atelectasis": "atelecta",
    "cardiomegaly": "cardiomegaly",
    "effusion": "^pleural effusion|hydrothorax",
    "infiltrate": "infiltrat",
    "mass": r"(pulmonary|lung) mass",
    "nodule": r"(pulmonary|lung) nodul",
    "pneumonia": "pneumonia",
    "pneumothorax": "pneumothorax",
    "consolidation": "consolidat",
    "edema": "pulmonary edema",
    "emphysema": "pulmonary emphysema",
    "fibrosis": "pulmonary fibrosis",
    "pleural_thickening": "pleural thickening",
    "pericardial_effusion": "pericardial effusion",
    "lymphadenopathy": "lymphadenopathy",
    "bronchiectasis": "bronchiectasis",
    "bone_lesion": "bone lesion",
    "fracture": "fracture",
    "granuloma": "granulom",
    "hiatal_hernia": "hiatal hernia",
    "scoliosis": "scoliosis",
    "opacity": "opaci",
    "catheter": "catheter",
}
_STRENGTH = {"absent": 0, "uncertain": 1, "present": 2}


def assertion(text: str, start: int, end: int) -> str:
    """The state of the finding that the characters ``start..end`` name: present, absent, ..."""
    return assertion_of(text, start, end)


def labels(text: str) -> dict[str, str]:
    """State per label of the benchmark; labels that are not mentioned are left out."""
    found: dict[str, str] = {}
    for name, state in extract(text, "en").presence.items():
        for label, words in _LABELS.items():
            if re.search(words, name.lower()):
                held = found.get(label)
                if held is None or _STRENGTH[state] > _STRENGTH[held]:
                    found[label] = state
    return found


def answer(row: dict[str, Any]) -> dict[str, Any]:
    """One line of ``overread.extract/1`` for a line with ``id``, ``text`` and ``lang``."""
    return extraction_to_json(extract(row["text"], row.get("lang")), id=row["id"])
