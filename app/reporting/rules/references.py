"""Images and earlier studies that the text points at, or does not."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy, name
from app.reporting.dates import dates_in, iso_date
from app.reporting.image_references import ImageReference, agreement, references_in
from app.reporting.reading.document import Sentence
from app.reporting.rules.metadata import COMPARED

_RECENT_YEARS = 3


def slice_reference(case: Case) -> Iterator[Discrepancy]:
    """``slice-reference``: an image that the study does not have, or that shows no such finding."""
    images = {series.number: series.images for series in case.facts.series}
    if not images:
        return
    for number, sentence in enumerate(case.document.sentences):
        if sentence.section not in ("findings", "impression"):
            continue
        references = list(references_in(case.text, sentence.start, sentence.end))
        for ref in references:
            if ref.first < 1 or ref.last > images.get(ref.series, 0):
                yield _no_such_image(case, sentence, ref, images.get(ref.series))
        yield from _elsewhere(case, number, sentence, references)


def _no_such_image(
    case: Case, sentence: Sentence, ref: ImageReference, images: int | None
) -> Discrepancy:
    message = Message(
        f"The study has no series {ref.series}.",
        f"В исследовании нет серии {ref.series}.",
    ) if images is None else Message(
        f"Series {ref.series} has {images} images.",
        f"В серии {ref.series} изображений: {images}.",
    )  # fmt: skip
    return discrepancy(
        "slice-reference", "warn", message,
        spans=[case.sentence_span(sentence, ref.start, ref.end)],
    )  # fmt: skip


def _elsewhere(
    case: Case, number: int, sentence: Sentence, references: list[ImageReference]
) -> Iterator[Discrepancy]:
    """One finding in the sentence, and every reference points at images beside it."""
    named = [
        matches.subject
        for matches in case.matches.values()
        if any(m.sentence == number for m in matches.all)
    ]
    if len(named) != 1 or not references:
        return
    places = [p for p in case.facts.finding_images if p.finding_uid == named[0].uid]
    if agreement(references, places) is not False:
        return
    shown = ", ".join(f"{p.series}: {p.first}–{p.last}" for p in places)
    yield discrepancy(
        "slice-reference",
        "warn",
        Message(
            f"{name(named[0], 'en')} lies on other images ({shown}).",
            f"Находка {name(named[0], 'ru')} — на других изображениях ({shown}).",
        ),
        subject=named[0],
        spans=[case.sentence_span(sentence, references[0].start, references[0].end)],
    )


def prior_not_mentioned(case: Case) -> Iterator[Discrepancy]:
    """``prior-not-mentioned``: an earlier study of the last years, and nothing is compared."""
    facts = case.facts
    known = facts.priors if facts.comparable_priors is None else facts.comparable_priors
    day = iso_date(facts.study_date)
    if not known or day is None or not case.text.strip():
        return
    days = [d for d in map(iso_date, known) if d is not None and d < day]
    recent = [d for d in days if (day - d).days <= 365.25 * _RECENT_YEARS]
    if not recent or _compares(case):
        return
    latest = max(recent)
    yield discrepancy(
        "prior-not-mentioned",
        "note",
        Message(
            f"There is an earlier study of {latest.isoformat()}; the report does not mention it.",
            f"Есть исследование от {latest:%d.%m.%Y}, в отчёте оно не упомянуто.",
        ),
    )


def _compares(case: Case) -> bool:
    if case.document.has_section("comparison") or any(case.reading.changes):
        return True
    if COMPARED.search(case.flat):
        return True
    known = [day for day in map(iso_date, case.facts.priors or ()) if day is not None]
    return any(found.may_be(day) for found in dates_in(case.text) for day in known)
