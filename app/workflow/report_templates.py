"""Report templates in use: which fit a study, preview, add, remove, import, export."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.core.errors import EnvironmentFault, TemplateRefused
from app.core.finding import Label
from app.core.report import Language, Message, StudyFacts
from app.core.study_details import RequiredItem
from app.reporting.compose import Composing, compose
from app.reporting.reading.document import document_of
from app.reporting.templates.model import ReportTemplate
from app.reporting.templates.reading import (
    Problem,
    parse_json,
    parse_template,
    problems_of,
    template_text,
)
from app.reporting.templates.shelf import ShelvedTemplate, TemplateShelf, read_file
from app.workflow.context import AppContext
from app.workflow.report_variables import descriptions_of
from app.workflow.session import StudySession

# What a preview shows in the place of a study; nobody's.
_SAMPLE_DATES: Final = ("2025-03-12",)
_SAMPLE: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "study_date": "1 Dec 2026", "age": "64", "age_years": "64-year-old", "sex": "female",
        "contrast": "without intravenous contrast", "slice_thickness": "1.25", "kvp": "120",
        "spacing": "0.7 × 0.7 × 1.25", "views": "PA, lateral views", "prior_date": "12 Mar 2025",
        "prior_dates": "12 Mar 2025", "field_strength": "1.5", "sequences": "T1, T2, FLAIR, DWI",
    },
    "ru": {
        "study_date": "01.12.2026", "age": "64", "age_years": "64 года", "sex": "женский",
        "contrast": "без внутривенного контрастирования", "slice_thickness": "1,25", "kvp": "120",
        "spacing": "0,7 × 0,7 × 1,25", "views": "прямая, боковая проекции",
        "prior_date": "12.03.2025", "prior_dates": "12.03.2025", "field_strength": "1,5",
        "sequences": "T1-ВИ, T2-ВИ, FLAIR, ДВИ",
    },
}  # fmt: skip


_CHECKED_SECTIONS: Final = ("findings", "impression")  # the check knows when these are missing


def templates_folder(data_folder: Path) -> Path:
    """Where the site's own templates lie, one file each (``ID.LANGUAGE.json``)."""
    return data_folder / "report" / "templates"


def shelf(context: AppContext) -> TemplateShelf:
    """The templates of this installation."""
    return TemplateShelf(templates_folder(context.store.folder))


def templates_for(
    session: StudySession, language: Language | None = None
) -> tuple[ReportTemplate, ...]:
    """The templates that may be used for the open study, the best one first."""
    return shelf(session.context).fitting(
        session.facts, language or session.language, descriptions_of(session.study)
    )


def template_in_use(session: StudySession, language: Language | None = None) -> ReportTemplate:
    """The template that the draft was made from, where there is one, else the best fitting."""
    language = language or session.language
    made_from = session.report.template_id if session.report else ""
    if made_from:
        try:
            return shelf(session.context).get(made_from, language)
        except TemplateRefused:
            pass  # it was removed meanwhile
    return templates_for(session, language)[0]


def missing_items(template: ReportTemplate, text: str) -> tuple[RequiredItem, ...]:
    """The required items that a report text does not say yet."""
    document = document_of(text, template.language)
    missing = []
    for item in required_items(template):
        section = document.section(item.section) if item.section else None
        where = text[section.start : section.end] if section else text
        flat = where.lower().replace("ё", "е")
        if not any(word.lower().replace("ё", "е") in flat for word in item.words):
            missing.append(item)
    return tuple(missing)


def required_items(template: ReportTemplate) -> tuple[RequiredItem, ...]:
    """What the check demands of a report made from the template."""
    return tuple(
        RequiredItem(Label(item.label, item.label), item.words, item.section)
        for item in template.required
    )


def facts_with_requirements(session: StudySession) -> StudyFacts:
    """The facts of the study with what the template in use demands of the report."""
    made_from = session.report.template_id if session.report else ""
    if not made_from:
        return session.facts
    template = template_in_use(session)
    sections = tuple(one.id for one in template.sections if one.id in _CHECKED_SECTIONS)
    return replace(
        session.facts, required=required_items(template), required_sections=sections
    )  # fmt: skip


def validate(text: str) -> tuple[Problem, ...]:
    """All faults of a template's JSON text, in words; none where it is valid."""
    try:
        data = parse_json(text)
    except TemplateRefused as fault:
        return (Problem("", Message(fault.message, fault.ru)),)
    return problems_of(data)


def preview(template: ReportTemplate | str) -> str:
    """The draft of a template for a sample study without findings. Raises ``TemplateRefused``."""
    if isinstance(template, str):
        template = parse_template(template)
    modality = next(iter(template.applies.modalities), "CT")
    part = next(iter(template.applies.body_parts), "")
    facts = StudyFacts(modality=modality, body_part=part, priors=_SAMPLE_DATES)
    how = Composing(template, _SAMPLE[template.language])
    return compose((), facts, template.language, how).text


def save_template(context: AppContext, text: str) -> ShelvedTemplate:
    """Put a template of the site on the shelf. Raises ``TemplateRefused`` naming the fault."""
    added = shelf(context).add(parse_template(text))
    _audit(context, "template.saved", added.template.key)
    return added


def remove_template(context: AppContext, template_id: str, language: Language) -> None:
    """Take a template of the site away. Raises ``TemplateRefused`` for a shipped one."""
    shelf(context).remove(template_id, language)
    _audit(context, "template.removed", f"{template_id}.{language}")


def import_templates(context: AppContext, path: Path) -> tuple[ShelvedTemplate, ...]:
    """Add a template file, or all (``*.json``) of a folder: all or none."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    templates = [parse_template(read_file(file)) for file in files]
    if not templates:
        raise TemplateRefused(
            f"There is no template file in {path}.",
            ru=f"В {path} нет файлов шаблонов.",
            hint="Give a .json file or a folder with such files.",
            hint_ru="Укажите файл .json или папку с такими файлами.",
        )
    added = tuple(shelf(context).add(template) for template in templates)
    for one in added:
        _audit(context, "template.saved", one.template.key)
    return added


def export_template(
    context: AppContext, template_id: str, language: Language, path: Path
) -> Path:  # fmt: skip
    """Write a template (a shipped one too) to a file, or into a folder; the file written."""
    template = shelf(context).get(template_id, language)
    target = path / f"{template.key}.json" if path.is_dir() else path
    write_text_file(target, template_text(template))
    return target


def write_text_file(path: Path, text: str) -> None:
    """Write a text file; raises ``EnvironmentFault`` in words."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as fault:
        raise EnvironmentFault(
            f"{path} cannot be written.",
            ru=f"{path} не удаётся записать.",
            hint="Check permissions and free space.",
            hint_ru="Проверьте права и свободное место.",
            technical_detail=os.strerror(fault.errno) if fault.errno else str(fault),
        ) from fault


def _audit(context: AppContext, action: str, key: str) -> None:
    context.store.audit.append(context.user, action, key, {})
