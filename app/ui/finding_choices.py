"""What the finding editor offers: coded findings and common sites, in both languages."""

from __future__ import annotations

from typing import Final

from app.core import codes
from app.core.codes import Code
from app.core.finding import Label, Site

FINDINGS: Final[tuple[tuple[Code, Label], ...]] = (
    (codes.NODULE, Label("Nodule", "Узел")),
    (codes.MASS, Label("Mass", "Образование")),
    (codes.OPACITY, Label("Opacity", "Затенение")),
    (codes.CONSOLIDATION, Label("Consolidation", "Консолидация")),
    (codes.ATELECTASIS, Label("Atelectasis", "Ателектаз")),
    (codes.PLEURAL_EFFUSION, Label("Pleural effusion", "Плевральный выпот")),
    (codes.PNEUMOTHORAX, Label("Pneumothorax", "Пневмоторакс")),
    (codes.CARDIOMEGALY, Label("Cardiomegaly", "Кардиомегалия")),
    (codes.RIB_FRACTURE, Label("Rib fracture", "Перелом ребра")),
)

SITES: Final[tuple[tuple[str, str], ...]] = (
    ("upper lobe", "верхняя доля"),
    ("middle lobe", "средняя доля"),
    ("lower lobe", "нижняя доля"),
    ("lingula", "язычковые сегменты"),
    ("hilum", "корень лёгкого"),
    ("apex", "верхушка"),
    ("lung base", "базальные отделы"),
    ("mediastinum", "средостение"),
)


def label_for(text: str, language: str) -> tuple[Code | None, Label]:
    """Concept and label for what was chosen or typed; free text has no code."""
    wanted = text.strip()
    for code, label in FINDINGS:
        if label.text(language).casefold() == wanted.casefold():
            return code, label
    return None, Label(wanted, wanted)


def site_for(text: str, segment: str, language: str) -> Site | None:
    """The site for what was chosen or typed; None when both fields are empty."""
    wanted, segment = text.strip(), segment.strip()
    if not wanted and not segment:
        return None
    for en, ru in SITES:
        if (ru if language == "ru" else en).casefold() == wanted.casefold():
            return Site(meaning_en=en, meaning_ru=ru, segment=segment)
    return Site(meaning_en=wanted, meaning_ru=wanted, segment=segment)
