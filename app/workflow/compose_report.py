"""A draft from what was accepted, and its sentences kept in step with the findings."""

from __future__ import annotations

from dataclasses import replace

from app.core.report import Language, Message, Report
from app.reporting.compose import Composing, Draft, compose
from app.reporting.normals import Filling, Found, statement_text
from app.reporting.nouns import organ_of
from app.reporting.regions import region_of
from app.reporting.sentence_states import (
    SentenceState,
    relinked,
    sentence_states,
    with_replacement,
)
from app.reporting.sentences import is_structure
from app.reporting.subjects import concept_of
from app.reporting.templates.model import Part, ReportTemplate
from app.workflow.report_templates import template_in_use, templates_for
from app.workflow.report_variables import report_variables
from app.workflow.session import StudySession


def draft(
    session: StudySession,
    language: Language | None = None,
    template: ReportTemplate | None = None,
) -> Report:
    """Compose the draft anew from the accepted findings; replaces the text of the draft.

    A ``template`` that somebody chose brings its statements of what is normal. Without a choice
    the best fitting template gives sections and order alone: nobody has said that anything is
    normal. Every generated sentence is linked to its finding. Raises ``AlreadySigned``.
    """
    session.require_unsigned()
    language = language or session.language
    made = composed(session, language, template)
    report = replace(
        session.draft_or_new(),
        language=language,
        text=made.text,
        links=made.links,
        template_id=made.template_id,
    )
    session.write_report(report, "draft", action="report.drafted")
    return report


def composed(
    session: StudySession, language: Language, template: ReportTemplate | None = None
) -> Draft:
    """What ``draft`` would write, with its notes; changes nothing."""
    chosen = template or templates_for(session, language)[0]
    values = report_variables(session.study, session.facts, language, session.earlier)
    how = Composing(chosen, values, normals=template is not None)
    return compose(session.findings, session.facts, language, how)


def notes(session: StudySession) -> tuple[Message, ...]:
    """What is left out of the text and why, and what a recommendation lacks."""
    language = session.language
    return composed(session, language, template_in_use(session, language)).notes


def sentences(session: StudySession) -> tuple[SentenceState, ...]:
    """The generated sentences of the draft: fresh, stale, withdrawn or gone."""
    return sentence_states(
        session.report_text, session.links, session.findings, session.language, session.facts
    )


def refresh(session: StudySession, one: SentenceState) -> Report:
    """Put the sentence in as it would now be written; a withdrawn one goes.

    Raises ``AlreadySigned``.
    """
    session.require_unsigned()
    draft_now = session.draft_or_new()
    report = replace(
        draft_now,
        text=with_replacement(draft_now.text, one),
        links=relinked(draft_now.links, one, session.findings),
    )
    session.write_report(report, "refresh")
    return report


def normal_statements(session: StudySession) -> tuple[tuple[str, str], ...]:
    """(paragraph heading or first organ, text) of what the template would call normal.

    For each paragraph of the findings; what an accepted finding contradicts is not offered.
    """
    language = session.language
    template = template_in_use(session, language)
    shown = [f for f in session.findings if f.is_in_report]
    positive = [f for f in shown if f.current.presence != "absent" and not is_structure(f)]
    found = Found(frozenset(concept_of(f) for f in positive), frozenset(map(organ_of, positive)))
    filling = Filling(
        language,
        report_variables(session.study, session.facts, language, session.earlier),
        {field.name: field.label for field in template.fields},
        region_of(session.facts.body_part),
        session.facts.patient_sex.upper(),
    )
    section = template.section("findings")
    offered = []
    for part in section.parts if section else ():
        here = replace(found, here=_has_finding(part, found))
        texts = (statement_text(one, here, filling) for one in part.statements)
        text = " ".join(one for one in texts if one)
        if text:
            offered.append((part.heading.rstrip(":") or next(iter(part.organs), ""), text))
    return tuple(offered)


def _has_finding(part: Part, found: Found) -> bool:
    return bool(found.organs & set(part.organs))
