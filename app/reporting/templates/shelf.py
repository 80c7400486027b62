"""Where templates stand: those that ship and those of the site, and which one fits a study."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.config.folders import resources_folder
from app.core.errors import AppError, EnvironmentFault, TemplateRefused
from app.core.report import Language, Message, StudyFacts
from app.reporting.templates.model import ReportTemplate
from app.reporting.templates.reading import parse_template, template_text

GENERAL: Final = "general"
_SAME_BODY_PART: Final = {
    "THORAX": "CHEST", "LUNG": "CHEST", "BRAIN": "HEAD", "SKULL": "HEAD",
    "ABDOMENPELVIS": "ABDOMEN",
    "CHESTABDOMEN": "CHEST", "CHESTABDPELVIS": "CHEST", "CERVICALSPINE": "CSPINE", "NECK": "NECK",
    "LUMBARSPINE": "LSPINE", "LSSPINE": "LSPINE", "KNEEJOINT": "KNEE", "MAMMA": "BREAST",
    "THYROIDGLAND": "THYROID",
}  # fmt: skip
_SAME_MODALITY: Final = {"CR": "DX", "RF": "DX", "XR": "DX", "MRI": "MR"}


@dataclass(frozen=True, slots=True)
class ShelvedTemplate:
    """A template and where it comes from: shipped, or a file of the site."""

    template: ReportTemplate
    is_built_in: bool
    path: Path


@dataclass(frozen=True, slots=True)
class UnreadableTemplate:
    """A file of the site that is no valid template, with the reason."""

    path: Path
    reason: Message


class TemplateShelf:
    """The templates of this installation. A template of the site stands in for the shipped one of
    the same id and language. ``folder`` None: only what ships.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def all(self, language: Language | None = None) -> tuple[ShelvedTemplate, ...]:
        """The templates in use, by id and language."""
        found = {one.template.key: one for one in built_in()}
        found |= {one.template.key: one for one in self._of_site()[0]}
        rows = sorted(found.values(), key=lambda one: one.template.key)
        return tuple(one for one in rows if language in (None, one.template.language))

    def faults(self) -> tuple[UnreadableTemplate, ...]:
        """Files of the site that cannot be read as templates; they are not in use."""
        return self._of_site()[1]

    def get(self, template_id: str, language: Language) -> ReportTemplate:
        """A template; raises ``TemplateRefused`` where there is none of that id and language."""
        for one in self.all(language):
            if one.template.id == template_id:
                return one.template
        raise TemplateRefused(
            f"There is no template {template_id} in this language.",
            ru=f"Шаблона {template_id} на этом языке нет.",
            hint="overread templates list shows what there is.",
            hint_ru="Список: overread templates list.",
        )

    def choose(
        self, facts: StudyFacts, language: Language, descriptions: Sequence[str] = ()
    ) -> ReportTemplate:
        """The template that fits the study best; the general one where none does.

        ``descriptions`` are those of study and series.
        """
        return self.fitting(facts, language, descriptions)[0]

    def fitting(
        self, facts: StudyFacts, language: Language, descriptions: Sequence[str] = ()
    ) -> tuple[ReportTemplate, ...]:
        """All templates of the language that may be used for the study, the best one first."""
        said = " ".join(descriptions).lower()
        rated = []
        for one in self.all(language):
            score = _score(one, facts, said)
            if score >= 0:
                rated.append((-score, one.template.key, one.template))
        return tuple(template for _score_, _key, template in sorted(rated, key=lambda r: r[:2]))

    def add(self, template: ReportTemplate) -> ShelvedTemplate:
        """Put a template of the site on the shelf, in place of its earlier version."""
        folder = self._own_folder()
        path = folder / f"{template.key}.json"
        partial = path.with_suffix(".partial")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_text(template_text(template), "utf-8")
            partial.replace(path)
        except OSError as fault:
            raise _not_written(path, fault) from fault
        return ShelvedTemplate(template, is_built_in=False, path=path)

    def remove(self, template_id: str, language: Language) -> None:
        """Take a template of the site away; a shipped one of that id is in use again."""
        path = self._own_folder() / f"{template_id}.{language}.json"
        if not any(one.path == path for one in self._of_site()[0]):
            raise TemplateRefused(
                f"The site has no template {template_id} in this language.",
                ru=f"У клиники нет шаблона {template_id} на этом языке.",
                hint="Templates that ship cannot be removed.",
                hint_ru="Шаблоны из поставки удалить нельзя.",
            )
        try:
            path.unlink()
        except OSError as fault:
            raise _not_written(path, fault) from fault

    def _own_folder(self) -> Path:
        if self._folder is None:
            raise TemplateRefused(
                "There is no folder for templates of the site.",
                ru="Для шаблонов клиники нет папки.",
            )
        return self._folder

    def _of_site(self) -> tuple[tuple[ShelvedTemplate, ...], tuple[UnreadableTemplate, ...]]:
        good: list[ShelvedTemplate] = []
        bad: list[UnreadableTemplate] = []
        if self._folder is None or not self._folder.is_dir():
            return (), ()
        for path in sorted(self._folder.glob("*.json")):
            try:
                template = parse_template(read_file(path))
                if path.name != f"{template.key}.json":
                    raise TemplateRefused(
                        f"The file is not named after its template ({template.key}.json).",
                        ru=f"Имя файла не по шаблону ({template.key}.json).",
                    )
            except AppError as fault:
                bad.append(UnreadableTemplate(path, Message(fault.message, fault.ru)))
            else:
                good.append(ShelvedTemplate(template, is_built_in=False, path=path))
        return tuple(good), tuple(bad)


def read_file(path: Path) -> str:
    """The text of a template or macro file; raises ``TemplateRefused``."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise TemplateRefused(
            f"The file {path} cannot be read as text.",
            ru=f"Файл {path} не читается как текст.",
            hint="Give a JSON file in UTF-8.",
            hint_ru="Нужен файл JSON в кодировке UTF-8.",
        ) from fault


@functools.cache
def built_in() -> tuple[ShelvedTemplate, ...]:
    """The templates that ship; read once per process."""
    folder = resources_folder() / "report" / "templates"
    return tuple(
        ShelvedTemplate(parse_template(path.read_text("utf-8")), is_built_in=True, path=path)
        for path in sorted(folder.glob("*.json"))
    )


def _score(one: ShelvedTemplate, facts: StudyFacts, said: str) -> int:
    """How well it fits; below 0: not at all."""
    applies = one.template.applies
    modality, part = _modality(facts.modality), _body_part(facts.body_part)
    modalities = {_modality(name) for name in applies.modalities}
    parts = {_body_part(name) for name in applies.body_parts}
    has_words = any(word.lower() in said for word in applies.words)
    if applies.only_with and not any(word.lower() in said for word in applies.only_with):
        return -1
    if modality and modalities and modality not in modalities:
        return -1
    if parts and part and part not in parts:
        return -1
    if parts and (not modality or (not part and not has_words)):
        return -1  # nothing says that it is this examination
    score = 8 * bool(modalities and modality) + 4 * bool(parts and part)
    score += 3 * bool(applies.only_with) + 2 * has_words
    score += 1 if not one.is_built_in else 0
    return score


def _modality(name: str) -> str:
    return _SAME_MODALITY.get(name.upper(), name.upper())


def _body_part(name: str) -> str:
    plain = "".join(letter for letter in name.upper() if letter.isalnum())
    return _SAME_BODY_PART.get(plain, plain)


def _not_written(path: Path, fault: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"The template cannot be written to {path}.",
        ru=f"Шаблон нельзя записать в {path}.",
        hint="Check permissions and free space.",
        hint_ru="Проверьте права и свободное место.",
        technical_detail=os.strerror(fault.errno) if fault.errno else str(fault),
    )
