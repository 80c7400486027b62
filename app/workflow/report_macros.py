"""Macros of the site, kept as one file per language, beside those that ship."""

from __future__ import annotations

from pathlib import Path

from app.config.folders import resources_folder
from app.core.errors import TemplateRefused
from app.core.report import Language
from app.reporting.macros import Macro, macros_text, parse_macros, require_valid
from app.reporting.templates.shelf import read_file
from app.workflow.context import AppContext
from app.workflow.report_templates import write_text_file


def macros(context: AppContext, language: Language) -> tuple[Macro, ...]:
    """The macros in use, by trigger; one of the site stands in for a shipped one of its trigger."""
    found = {one.trigger.lower(): one for one in _shipped(language)}
    found |= {one.trigger.lower(): one for one in site_macros(context, language)}
    return tuple(sorted(found.values(), key=lambda one: one.trigger.lower()))


def site_macros(context: AppContext, language: Language) -> tuple[Macro, ...]:
    """The macros of the site alone. Raises ``TemplateRefused`` where their file is damaged."""
    path = _file(context, language)
    return parse_macros(read_file(path))[1] if path.exists() else ()


def save_macro(context: AppContext, language: Language, macro: Macro) -> None:
    """Add a macro of the site, in place of its earlier one. Raises ``TemplateRefused``."""
    require_valid(macro)
    kept = [
        one for one in site_macros(context, language)
        if one.trigger.lower() != macro.trigger.lower()
    ]  # fmt: skip
    _write(context, language, [*kept, macro])
    context.store.audit.append(
        context.user, "macro.saved", macro.trigger, {"language": language}
    )  # fmt: skip


def remove_macro(context: AppContext, language: Language, trigger: str) -> None:
    """Remove a macro of the site. Raises ``TemplateRefused`` where the site has none."""
    own = site_macros(context, language)
    kept = [one for one in own if one.trigger.lower() != trigger.lower()]
    if len(kept) == len(own):
        raise TemplateRefused(
            f"The site has no macro {trigger} in this language.",
            ru=f"У клиники нет макроса {trigger} на этом языке.",
            hint="Macros that ship cannot be removed.",
            hint_ru="Макросы из поставки удалить нельзя.",
        )
    _write(context, language, kept)
    context.store.audit.append(context.user, "macro.removed", trigger, {"language": language})


def import_macros(context: AppContext, path: Path) -> tuple[Macro, ...]:
    """Add all macros of a file to those of the site. Raises ``TemplateRefused``."""
    language, found = parse_macros(read_file(path))
    triggers = {one.trigger.lower() for one in found}
    kept = [m for m in site_macros(context, language) if m.trigger.lower() not in triggers]
    _write(context, language, [*kept, *found])
    for one in found:
        context.store.audit.append(
            context.user, "macro.saved", one.trigger, {"language": language}
        )  # fmt: skip
    return found


def export_macros(context: AppContext, language: Language, path: Path) -> Path:
    """Write the macros in use to a file."""
    write_text_file(path, macros_text(language, macros(context, language)))
    return path


def _shipped(language: Language) -> tuple[Macro, ...]:
    path = resources_folder() / "report" / "macros" / f"{language}.json"
    return parse_macros(path.read_text("utf-8"))[1]


def _file(context: AppContext, language: Language) -> Path:
    return context.store.folder / "report" / "macros" / f"{language}.json"


def _write(context: AppContext, language: Language, found: list[Macro]) -> None:
    ordered = sorted(found, key=lambda one: one.trigger.lower())
    write_text_file(_file(context, language), macros_text(language, ordered))
