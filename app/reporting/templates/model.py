"""A report template as data (``overread.report-template/1``); unknown keys are refused.

A template is of one language: an English and a Russian report of the same examination differ in
more than words. In a text, ``{name}`` is a variable of study or measurements (see ``variables``),
``{field:name}`` a place that a person fills in, ``{absent}`` the list of what is denied.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.reporting.templates.variables import VARIABLES, is_variable

SCHEMA: Final = "overread.report-template/1"
PLACES: Final = re.compile(r"\{([^{}]*)\}")
_FIELD: Final = "field:"
_ABSENT: Final = "absent"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,59}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Short = Annotated[str, Field(min_length=1, max_length=120)]
# What stands in brackets in the text; the check knows left-over brackets of up to 60 characters.
FieldLabel = Annotated[str, Field(min_length=2, max_length=56, pattern=r"^[^\[\]{}|<>\n]+$")]
SectionId = Literal[
    "indication", "technique", "comparison", "findings", "impression", "recommendation",
]  # fmt: skip


class Strict(BaseModel):
    """Frozen; unknown keys are refused: a typing error must not pass silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Statement(Strict):
    """One or more sentences of the template.

    ``when`` says in which draft it stands: with findings, without any (``clear``), or always.
    ``needs`` are variables that must be known, ``without`` such as must not be. A normal statement
    that an accepted finding contradicts is left out: read by the check's own reader, or where a
    finding's organ or concept is among ``unless``. ``absent`` are the things that the text denies
    at ``{absent}``; those that were found leave the list.
    """

    text: Text
    absent: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    unless: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    when: Literal["always", "clear", "findings"] = "always"
    needs: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    without: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    sex: Literal["", "F", "M"] = ""


class Part(Strict):
    """A paragraph of the findings: the organs whose findings are described in it, then what is
    normal there. ``organs`` are ids of ``resources/report/anatomy.json``.
    """

    organs: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    heading: str = Field(default="", max_length=80)
    statements: Annotated[tuple[Statement, ...], Field(strict=False)] = ()


class Section(Strict):
    """A section under its header; ``parts`` are for the findings alone."""

    id: SectionId
    header: Annotated[str, Field(min_length=2, max_length=60, pattern=r"^[^\n:]+$")]
    statements: Annotated[tuple[Statement, ...], Field(strict=False)] = ()
    parts: Annotated[tuple[Part, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.parts and self.id != "findings":
            raise ValueError("only the findings have parts")
        return self


class PickField(Strict):
    """A place to fill in: ``[label]`` in the text. ``options`` is its pick list; none: free text.

    ``hint`` says what is asked for, shown beside the list.
    """

    name: FieldName
    label: FieldLabel
    options: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    hint: str = Field(default="", max_length=200)


class Required(Strict):
    """What a whole report of this kind must say: one of ``words`` in the section (anywhere where
    ``section`` is empty), compared without case.
    """

    label: Short
    words: Annotated[tuple[Short, ...], Field(strict=False, min_length=1)]
    section: SectionId | Literal[""] = ""


class Applies(Strict):
    """To which studies the template belongs. Empty lists ask nothing.

    ``words`` in the description of study or series stand for a body part that is not stated, and
    make the template the better choice. One of ``only_with`` must stand in a description ("low
    dose", "screening").
    """

    modalities: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    body_parts: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    words: Annotated[tuple[Short, ...], Field(strict=False)] = ()
    only_with: Annotated[tuple[Short, ...], Field(strict=False)] = ()


class ReportTemplate(Strict):
    """One template. ``guideline`` names the recommendation table of this examination."""

    schema_id: Literal["overread.report-template/1"] = Field(alias="schema")
    id: Name
    language: Literal["en", "ru"]
    name: Short
    title: str = Field(default="", max_length=200)
    applies: Applies = Applies()
    sections: Annotated[tuple[Section, ...], Field(strict=False, min_length=1)]
    fields: Annotated[tuple[PickField, ...], Field(strict=False)] = ()
    required: Annotated[tuple[Required, ...], Field(strict=False)] = ()
    guideline: Literal["", "fleischner-2017", "lung-rads-2022"] = ""

    @property
    def key(self) -> str:
        """``id.language``: what names the template among all."""
        return f"{self.id}.{self.language}"

    def section(self, name: str) -> Section | None:
        """The section of that id, or None."""
        return next((one for one in self.sections if one.id == name), None)

    def field(self, name: str) -> PickField | None:
        """The field of that name, or None."""
        return next((one for one in self.fields if one.name == name), None)

    def statements(self) -> tuple[Statement, ...]:
        """All statements in the order of the report."""
        found: list[Statement] = []
        for section in self.sections:
            found += section.statements
            for part in section.parts:
                found += part.statements
        return tuple(found)

    @model_validator(mode="after")
    def _says_both(self) -> Self:
        ids = [section.id for section in self.sections]
        if len(set(ids)) != len(ids):
            raise ValueError("a section stands twice")
        missing = {"findings", "impression"} - set(ids)
        if missing:
            raise ValueError(f"the section {sorted(missing)[0]} is missing")
        return self

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        names = [field.name for field in self.fields]
        labels = [field.label for field in self.fields]
        if len(set(names)) != len(names) or len(set(labels)) != len(labels):
            raise ValueError("two fields have one name or label")
        used = {
            place[len(_FIELD) :]
            for text in (self.title, *(one.text for one in self.statements()))
            for place in PLACES.findall(text)
            if place.startswith(_FIELD)
        }
        for name in sorted(used - set(names)):
            raise ValueError(f"the field {name} is used and not described")
        for name in sorted(set(names) - used):
            raise ValueError(f"the field {name} is described and not used")
        return self

    @model_validator(mode="after")
    def _places_are_known(self) -> Self:
        for one in self.statements():
            places = PLACES.findall(one.text)
            if (_ABSENT in places) != bool(one.absent):
                raise ValueError("{absent} and the list absent belong together")
            for place in places:
                if not (place.startswith(_FIELD) or place == _ABSENT or is_variable(place)):
                    raise ValueError(f"{{{place}}} is no variable; known: {', '.join(VARIABLES)}")
            if "{" in PLACES.sub("", one.text) or "}" in PLACES.sub("", one.text):
                raise ValueError("a brace is not closed")
            if re.search(r"[\[\]<>]|_{2,}", one.text):
                raise ValueError("brackets and blanks in a text are fields: use {field:name}")
            for name in (*one.needs, *one.without):
                if not is_variable(name):
                    raise ValueError(f"{name} is no variable; known: {', '.join(VARIABLES)}")
        return self
