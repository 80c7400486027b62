"""A template from JSON, and what is wrong with one, in words."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.core.errors import TemplateRefused
from app.core.report import Message
from app.reporting.templates.model import ReportTemplate

_LONGEST = 1_000_000
_WORDS = {
    "extra_forbidden": ("this key is not known", "такого ключа нет"),
    "missing": ("this is missing", "этого не хватает"),
    "string_type": ("this must be text", "здесь должен быть текст"),
    "tuple_type": ("this must be a list", "здесь должен быть список"),
    "string_too_long": ("this text is too long", "этот текст слишком длинный"),
    "string_too_short": ("this text is empty", "этот текст пуст"),
    "too_short": ("this list is empty", "этот список пуст"),
    "literal_error": ("this value is not allowed", "это значение недопустимо"),
    "string_pattern_mismatch": (
        "this text has characters that are not allowed here",
        "в этом тексте есть недопустимые здесь знаки",
    ),
    "model_type": ("this must be an object", "здесь должен быть объект"),
}
# What the template's own laws say (``model``), in Russian.
_LAWS = {
    "only the findings have parts": "части (parts) бывают только у описания",
    "a section stands twice": "раздел указан дважды",
    "the section findings is missing": "нет раздела findings (описание)",
    "the section impression is missing": "нет раздела impression (заключение)",
    "two fields have one name or label": "у двух полей одно имя или одна подпись",
    "{absent} and the list absent belong together": "{absent} и список absent нужны вместе",
    "a brace is not closed": "фигурная скобка не закрыта",
    "brackets and blanks in a text are fields: use {field:name}": (
        "скобки и прочерки в тексте — это поля: пишите {field:имя}"
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a template: where (``sections.2.statements.0.text``) and what, in words."""

    place: str
    text: Message


def problems_of(data: object) -> tuple[Problem, ...]:
    """Everything that is wrong with the data of a template; none where it is valid."""
    try:
        ReportTemplate.model_validate(data)
    except ValidationError as fault:
        return tuple(_problem(error) for error in fault.errors())
    return ()


def template_of(data: object) -> ReportTemplate:
    """The template; raises ``TemplateRefused`` naming the first fault."""
    try:
        return ReportTemplate.model_validate(data)
    except ValidationError as fault:
        found = [_problem(error) for error in fault.errors()]
        first = found[0]
        more = len(found) - 1
        en = f"{first.place}: {first.text.en}" if first.place else first.text.en
        ru = f"{first.place}: {first.text.ru}" if first.place else first.text.ru
        raise TemplateRefused(
            f"The template is not valid: {en}{f' (and {more} more)' if more else ''}.",
            ru=f"Шаблон содержит ошибку: {ru}{f' (и ещё {more})' if more else ''}.",
            hint="Correct it; overread templates validate lists every fault.",
            hint_ru="Исправьте его; все ошибки перечисляет overread templates validate.",
        ) from fault


def parse_template(text: str) -> ReportTemplate:
    """The template in a JSON text; raises ``TemplateRefused``."""
    return template_of(parse_json(text))


def parse_json(text: str) -> object:
    """The data of a template's JSON text; raises ``TemplateRefused`` where it is none."""
    if len(text) > _LONGEST:
        raise TemplateRefused(
            "The template is longer than a million characters.",
            ru="Шаблон длиннее миллиона знаков.",
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as fault:
        line = getattr(fault, "lineno", None)
        place = f", line {line}" if line else ""
        place_ru = f", строка {line}" if line else ""
        raise TemplateRefused(
            f"The template is not valid JSON{place}.",
            ru=f"Шаблон не является верным JSON{place_ru}.",
            hint="Check commas, quotes and brackets there.",
            hint_ru="Проверьте там запятые, кавычки и скобки.",
        ) from fault


def template_text(template: ReportTemplate) -> str:
    """The template as a file holds it."""
    data = template.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    rest = {key: value for key, value in data.items() if key != "schema"}
    data = {"schema": template.schema_id, **rest}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def schema_text() -> str:
    """The JSON Schema as ``docs/report-template.schema.json`` holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:overread:report-template:1",
        **ReportTemplate.model_json_schema(by_alias=True),
        "title": "Report template of Overread, overread.report-template/1",
    }
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _problem(error: ErrorDetails) -> Problem:
    place = ".".join(str(part) for part in error["loc"])
    kind = error["type"]
    if kind == "value_error":
        en = str(error["msg"]).removeprefix("Value error, ")
        return Problem(place, Message(en, _law(en)))
    if kind in _WORDS:
        en, ru = _WORDS[kind]
        allowed = error.get("ctx", {}).get("expected") if kind == "literal_error" else None
        if allowed:
            en, ru = f"{en}: {allowed}", f"{ru}: {str(allowed).replace(' or ', ' или ')}"
        return Problem(place, Message(en, ru))
    return Problem(place, Message(str(error["msg"]), "недопустимое значение"))


def _law(en: str) -> str:
    if en in _LAWS:
        return _LAWS[en]
    for start, end, ru in (
        ("the field ", " is used and not described", "поле {} стоит в тексте и не описано"),
        ("the field ", " is described and not used", "поле {} описано и не стоит в тексте"),
    ):
        if en.startswith(start) and en.endswith(end):
            return ru.format(en[len(start) : -len(end)])
    name, separator, known = en.partition(" is no variable; known: ")
    return f"{name} — не переменная; известны: {known}" if separator else en
