"""The variables of a template from the headers of a study (``reporting.templates.variables``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.core.message import decimal
from app.core.report import Language, StudyFacts
from app.core.study import Series, Study
from app.reporting.dates import iso_date, years_between
from app.reporting.figures import date_text
from app.reporting.phrases import phrases
from app.workflow.facts import EarlierStudy, image_series

_CONTRAST: Final[dict[tuple[Language, bool], str]] = {
    ("en", True): "with intravenous contrast",
    ("en", False): "without intravenous contrast",
    ("ru", True): "с внутривенным контрастированием",
    ("ru", False): "без внутривенного контрастирования",
}
_SEX: Final = {("en", "F"): "female", ("en", "M"): "male", ("ru", "F"): "женский",
               ("ru", "M"): "мужской"}  # fmt: skip
_SIDE: Final = {("en", "R"): "right", ("en", "L"): "left", ("ru", "R"): "справа",
                ("ru", "L"): "слева"}  # fmt: skip
_VIEWS: Final = {
    "PA": ("PA", "прямая"), "AP": ("AP", "прямая (переднезадняя)"), "LL": ("lateral", "боковая"),
    "RL": ("lateral", "боковая"), "LATERAL": ("lateral", "боковая"), "CC": ("CC", "CC"),
    "MLO": ("MLO", "MLO"), "ML": ("ML", "ML"), "LM": ("LM", "LM"),
}  # fmt: skip
_MOST_SEQUENCES: Final = 8


def report_variables(
    study: Study, facts: StudyFacts, language: Language, priors: Sequence[EarlierStudy] = ()
) -> dict[str, str]:
    """Values by name, as they stand in a text; what the headers do not say is not in it.

    ``priors`` are the earlier studies that are named with their modality.
    """
    words = phrases(language)
    series = image_series(study)
    found = {
        "study_date": date_text(facts.study_date, language),
        "age": _age(facts),
        "age_years": _age_years(facts, language),
        "sex": _SEX.get((language, facts.patient_sex.upper()), ""),
        "modality": words.examination.get(facts.modality.upper(), ""),
        "body_part": words.body_parts.get(facts.body_part.upper(), ""),
        "side": _SIDE.get((language, facts.laterality), ""),
        "contrast": "" if facts.contrast is None else _CONTRAST[language, facts.contrast],
        "spacing": _spacing(series, language),
        "slice_thickness": _slice_thickness(series, language),
        "kvp": _only([f"{s.kvp:g}" for s in series if s.kvp]),
        "field_strength": _field_strength(facts, language),
        "views": _views(series, language),
        "sequences": _sequences(series, facts),
    }
    earlier = _earlier(priors, facts, language)
    found["prior_date"] = earlier[0] if earlier else ""
    found["prior_dates"] = ", ".join(earlier)
    return {name: value for name, value in found.items() if value}


def _earlier(
    priors: Sequence[EarlierStudy], facts: StudyFacts, language: Language
) -> list[str]:  # fmt: skip
    """The newest first: "CT 12 Mar 2025", or the date alone where no more is known."""
    named: dict[str, str] = {}
    for prior in priors:
        words = [phrases(language).examination.get(kind, kind) for kind in sorted(prior.modalities)]
        day = date_text(prior.study_date, language)
        joint = " от " if language == "ru" else " "
        named[prior.study_date] = f"{'/'.join(words)}{joint}{day}" if words and day else day
    dates = sorted({*(facts.priors or ()), *named}, reverse=True)
    return [text for date in dates if (text := named.get(date) or date_text(date, language))]


def descriptions_of(study: Study) -> tuple[str, ...]:
    """What study and series are called: a template may ask for words in it."""
    return (study.description, *(series.description for series in image_series(study)))


def _age(facts: StudyFacts) -> str:
    birth, day = iso_date(facts.patient_birth_date), iso_date(facts.study_date)
    return "" if birth is None or day is None else str(years_between(birth, day))


def _age_years(facts: StudyFacts, language: Language) -> str:
    age = _age(facts)
    if not age:
        return ""
    if language == "en":
        return f"{age}-year-old"
    last, last_two = int(age) % 10, int(age) % 100
    if last == 1 and last_two != 11:
        return f"{age} год"
    is_few = last in (2, 3, 4) and last_two not in (12, 13, 14)
    return f"{age} года" if is_few else f"{age} лет"


def _spacing(series: Sequence[Series], language: Language) -> str:
    grids = {
        tuple(round(value, 2) for value in stack.geometry.spacing_ijk)
        for one in series
        for stack in one.stacks
        if stack.geometry is not None
    }
    if len(grids) != 1:
        return ""
    return " × ".join(_number(value, language) for value in grids.pop())


def _slice_thickness(series: Sequence[Series], language: Language) -> str:
    """The thinnest of a volume: the others are made from it."""
    found = [s.slice_thickness_mm for s in series if s.slice_thickness_mm]
    return _number(min(found), language) if found else ""


def _field_strength(facts: StudyFacts, language: Language) -> str:
    value = facts.technique.field_strength_t
    return "" if not value else _number(value, language)


def _views(series: Sequence[Series], language: Language) -> str:
    named = []
    for one in series:
        for view in (one.view_position, *(stack.view_position for stack in one.stacks)):
            pair = _VIEWS.get(view.upper())
            if pair is not None:
                named.append(pair[language == "ru"])
    text = ", ".join(dict.fromkeys(named))
    if not text:
        return ""
    if language == "en":
        return f"{text} view" if "," not in text else f"{text} views"
    return f"{text} проекция" if "," not in text else f"{text} проекции"


def _sequences(series: Sequence[Series], facts: StudyFacts) -> str:
    if facts.modality.upper() != "MR":
        return ""
    names = dict.fromkeys(s.description.strip() for s in series if s.description.strip())
    return ", ".join(list(names)[:_MOST_SEQUENCES])


def _only(texts: Sequence[str]) -> str:
    return texts[0] if len(set(texts)) == 1 else ""


def _number(value: float, language: Language) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return decimal(text, language)
