"""The text against the study's own data: age, earlier studies, missing images, who was told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.core.report import Discrepancy, Fix, Message
from app.reporting.case import Case, discrepancy
from app.reporting.dates import dates_in, iso_date, years_between
from app.reporting.phrases import phrases
from app.reporting.reading.document import Sentence
from app.reporting.rules.identity import BIRTH, EXAM, PERSON
from app.reporting.rules.technique import modality_named, own_modality

_AGE = re.compile(
    r"(?P<a>\d{1,3})[\s-]*(?:year|yr)s?[\s-]*old|(?P<b>\d{1,3})\s*y/?o\b|"
    r"\bag(?:e|ed)\s*:?\s*(?P<c>\d{1,3})\b|"
    r"(?<![.\d])(?P<d>\d{1,3})\s*(?:лет|года?|г\.|л\.)(?!\s*(?:назад|р\.?\b|\.?\s*р))|"
    r"возраст\w*\s*:?\s*(?P<e>\d{1,3})\b|(?P<f>\d{1,3})\s*-?\s*летн\w+|"
    r"(?<![\d.])(?P<g>\d{1,3})\s?-?(?:M|F|yo|y\.o\.)(?!\w)",
    re.IGNORECASE,
)
_HEADING = ("other", "indication")


def _heading(case: Case) -> Iterator[Sentence]:
    for sentence in case.document.sentences:
        first_lines = sentence.section == "findings" and not case.document.has_section("findings")
        if sentence.section in _HEADING or (first_lines and sentence.start < 200):
            yield sentence


def age(case: Case) -> Iterator[Discrepancy]:
    """``age``: the age in the heading against birth date and study date, a year either way."""
    birth, day = iso_date(case.facts.patient_birth_date), iso_date(case.facts.study_date)
    if birth is None or day is None:
        return
    actual = years_between(birth, day)
    for sentence in _heading(case):
        text = case.flat[sentence.start : sentence.end]
        for match in _AGE.finditer(text):
            stated = int(next(group for group in match.groups() if group))
            before = text[max(0, match.start() - 24) : match.end() + 16]
            if (
                not (PERSON.search(before) or _stands_alone(text, match))
                or stated > 120
                or abs(stated - actual) <= 1
            ):
                continue
            yield discrepancy(
                "age",
                "warn",
                Message(
                    f"The report says {stated} years, by the birth date it is {actual}.",
                    f"В отчёте возраст {stated}, по дате рождения — {actual}.",
                ),
                spans=[case.sentence_span(sentence, sentence.start + match.start(),
                                          sentence.start + match.end())],
            )  # fmt: skip


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """ "..., 53 года." between commas or stops: nothing else that it could be the age of."""
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    return (not before or before[-1] in ",.;:(") and (not after or after[0] in ",.;)")


COMPARED = re.compile(
    r"\bcompar(?:ed|ison)\s+(?:is\s+made\s+)?(?:with|to)|in comparison (?:with|to)|"
    r"(?:since|than|from|on)\s+(?:the\s+)?(?:prior|previous|last)\b|\bcomp(?:arison)?\s*:|"
    r"compared\s+(?:to|with|against)|unchanged (?:from|since)|"
    r"relative to (?:the )?(?:prior|previous)|reference (?:exam\w*|study|scan|film)\b|"
    r"earlier (?:exam\w*|study|scan|film|CT|MRI?|radiograph)|"
    r"since (?:the )?(?:study|scan|exam\w*|CT|MRI?|film) (?:of|from|dated)|"
    r"для\s+сравнения|сравнительн\w+\s+(?:анализ|оценк)\w*|сравнива\w+\s+с|в\s+динамике\s+с|"
    r"предшествующ\w+\s+(?:исследовани|КТ|МРТ|УЗИ|рентген|маммогр|снимк|обследовани)|"
    r"(?:накануне|ранее|в архиве)\s+(?:(?:выполнен|проведен)\w+\s+)?(?:МС)?"
    r"(?:КТ|МРТ|УЗИ|рентген)|"
    r"with reference to (?:the )?(?:prior|previous)|"
    r"(?:prior|previous)\s+(?:CT|MRI|MR|US|ultrasound|radiograph|mammogra\w+|film|exam\w*|study)|"
    r"(?:проведено\s+)?сравнени[еия]\s+с|в\s+сравнении\s+с|по\s+сравнению\s+с|сравнительно с|"
    r"при\s+сравнении|сопоставлен\w*\s+с|при сопоставлении|по\s+отношению\s+к\s+(?:предыдущ|прежн|"
    r"исследован|КТ|МРТ|УЗИ|рентген)|"
    r"предыдущ\w+\s+(?:исследовани|КТ|МРТ|УЗИ|рентген|маммогр|снимк|обследовани)|"
    r"динамическ\w+\s+(?:контрол|наблюдени)|данными\s+от\s+\d|исследовани\w+\s+от\s+\d|"
    r"архив\w*\W+(?:\w+\W+)?(?:от\s+)?\d",
    re.IGNORECASE,
)
_EXAM_BEFORE = re.compile(
    r"(?P<exam>(?<!\w)(?:КТ|МСКТ|МРТ|УЗИ|рентген\w*|маммогра\w+|флюорографи\w+|CT|MRI?|"
    r"ultrasound|radiograph\w*|mammogra\w+))\W{1,2}(?:(?:от|dated)\s+)?$",
    re.IGNORECASE,
)
_CUE_BEFORE = re.compile(
    r"(?<!\w)(?:динамик\w*|ранее|предыдущ\w+|снимк\w+|сравнив\w+|при исследовании|previously|prior|"
    r"reference exam)\W+(?:\w+\W+){0,4}$",
    re.IGNORECASE,
)
_SIZE_BEFORE = re.compile(r"\d\s*(?:мм|см|mm|cm)\s+(?:on|от|в)\s+$", re.IGNORECASE)
_SIZE_AFTER = re.compile(
    r"^\W+(?:[^\W\d]+\s+){0,3}\d+(?:[.,]\d+)?\s*(?:мм|см|mm|cm)(?!\w)", re.IGNORECASE
)
# What else is dated in a report.
_EVENT = re.compile(
    r"операц|оперир|резекц|эктоми|травм|ранени|химио|лучев|биопси|пункци|родов|менструац|surger|"
    r"resect|ectomy|biops|chemo|radiat|trauma|\bfall\b|\bfell\b|menstru|LMP",
    re.IGNORECASE,
)
_NO_PRIOR = re.compile(
    r"\bnone\b|not available|unavailable|no (?:prior|previous|comparison|relevant)|n/a|"
    r"не предоставлен|не представлен|не (?:имеется|получен|найден)|"
    r"(?:исследован\w+|архив\w*|данны\w+|снимк\w+|сравнени\w+)\W+"
    r"отсутств|отсутств\w+\W+(?:\w+\W+)?(?:предыдущ|предшеств|архив|данны|снимк|исследован)|"
    r"(?:исследований|архив\w*|данных|снимков)\s+нет|^\s*нет\b|"
    r"не проводил|недоступн|other side|contralateral|"
    r"противоположн|контралатеральн|здоров\w+ сторон|literature|возрастн",
    re.IGNORECASE,
)


def priors(case: Case) -> Iterator[Discrepancy]:
    """``comparison-without-prior`` and ``wrong-prior-date``."""
    known = case.facts.priors
    if known is None or (not known and case.facts.external_prior):
        return
    days = [day for day in map(iso_date, known) if day is not None]
    today, birth = iso_date(case.facts.study_date), iso_date(case.facts.patient_birth_date)
    for number, sentence in enumerate(case.document.sentences):
        if sentence.section in ("indication", "recommendation"):
            continue
        text = case.flat[sentence.start : sentence.end]
        compares = (
            sentence.section == "comparison"
            or COMPARED.search(text)
            or _compares_by_date(case, sentence, text)
            or (case.reading.changes[number] and any(dates_in(text)))
        )
        if not compares or _NO_PRIOR.search(text) or not text.strip():
            continue
        if _EVENT.search(text) and not COMPARED.search(text):
            continue  # the day of something else, beside the line of the comparison
        dates = [found for found in dates_in(text) if birth is None or not found.may_be(birth)]
        if dates and today is not None and all(found.may_be(today) for found in dates):
            continue  # "Исследование от ..." with the day of this study
        span = case.sentence_span(sentence, sentence.start, sentence.start + 60)
        if not days:
            yield discrepancy(
                "comparison-without-prior",
                "warn",
                Message(
                    "The report compares with an earlier study, none is known.",
                    "В отчёте есть сравнение, но более ранних исследований нет.",
                ),
                spans=[span],
            )
            continue
        for found in dates:
            if any(found.may_be(day) for day in days):
                continue
            yield discrepancy(
                "wrong-prior-date",
                "warn",
                Message(
                    "No earlier study has this date.",
                    "Более раннего исследования с такой датой нет.",
                ),
                spans=[span],
            )
            break


def _compares_by_date(case: Case, sentence: Sentence, text: str) -> bool:
    """Whether a date in the sentence is one of an earlier study of this kind.

    "по УЗИ от ..." in the report of a CT is what somebody else found, and no comparison.
    """
    if sentence.section not in ("findings", "impression") or _EVENT.search(text):
        return False
    day = iso_date(case.facts.study_date)
    for found in dates_in(text):
        before, after = text[max(0, found.start - 40) : found.start], text[found.end :]
        if (day is not None and found.may_be(day)) or EXAM.search(before) or BIRTH.search(before):
            continue
        exam = _EXAM_BEFORE.search(before)
        if exam is not None:
            if modality_named(exam["exam"]) == own_modality(case):
                return True
            continue
        if _CUE_BEFORE.search(before) or _SIZE_BEFORE.search(before) or _SIZE_AFTER.search(after):
            return True
    return False


def completeness(case: Case) -> Iterator[Discrepancy]:
    """``incomplete-study``: images are known to be missing, whatever the text says (D18)."""
    missing = case.facts.incompleteness
    if missing is not None:
        yield discrepancy(
            "incomplete-study",
            "warn",
            Message(
                f"{missing.en[0].upper()}{missing.en[1:]}.",
                f"{missing.ru[0].upper()}{missing.ru[1:]}.",
            ),
        )


_TOLD = re.compile(
    r"\bnotif(?:ied|ication)|\bdiscussed (?:with|by)|\bcommunicated|\binformed\b|\breported to|"
    r"\b(?:spoke|spoken) (?:with|to)|\balerted\b|\bmade aware|\baware of\b|\bread ?back|"
    r"\b(?:told|contacted|messaged|texted|reached|advised of|acknowledged)\b|verbal\w* (?:report|"
    r"communicat)|by (?:tele)?phone|via (?:tele)?phone|"
    r"(?<!so-)(?<!so )\b(?:called|conveyed|relayed|paged|telephoned|phoned|transmitted)\b|"
    r"\bphone call|telephone call|call (?:was )?(?:placed|returned)|"
    r"\b(?:is|are) aware\b|\bin person\b|"
    r"\bgiven to (?:the )?(?:dr|doctor|physician|surgeon|team|resident|nurse|ward)|"
    r"\b(?:flagged|handed over|passed on) to\b|\bconversation with\b|"
    r"сообщ[её]н[оаы]?(?!\w)|сообщил[аи]?(?!\w)|информирован\w*|информировал\w*|"
    r"информац\w+ (?:\w+\s+){0,4}передан\w*|"
    r"(?:результат\w*|данные|сведения|находк\w+)\s+(?:\w+\s+){0,4}(?:передан\w*|доведен\w*|"
    r"доведён\w*|озвучен\w*)|передан[оаы]? (?:\w+\s+){0,4}(?:врач|хирург|невролог|кардиолог|"
    r"терапевт|реаниматолог|дежурн|лечащ|онколог|отделени|уролог|травматолог|педиатр)|"
    r"уведом\w+|оповещ\w+|оповестил\w*|изве(?:щ[её]н|стил)\w*|поставлен\w*\s+в\s+известность|"
    r"доложен\w*|доложил\w*|довед[её]н\w* до|позвонил\w*|дозвонил\w*|"
    r"(?:телефонн|устн)\w+ (?:консультаци|разговор|сообщени)|\bзвонок (?:в|врачу|дежурн)|"
    r"\bпринял\w* врач|\bознакомлен\w*|бригад\w+ (?:\w+ )?вызван\w*|вызван\w* (?:бригад|скор)|"
    r"по телефону|телефонограмм\w*|"
    r"связал(?:ся|ась|ись)\s+с|созвонил\w*|вызван\w*\s+(?:дежурн\w+\s+)?(?:врач|хирург|невролог|"
    r"нейрохирург|кардиолог|реаниматолог)",
    re.IGNORECASE,
)
_NOT_TOLD = re.compile(
    r"\b(?:not|never) (?:yet )?(?:been )?(?:notified|informed|called|reached|told|contacted)|"
    r"(?<!\w)не (?:\w+ )?(?:сообщ|передан|уведом|информир|извещ|доложен|удалось)|could not be",
    re.IGNORECASE,
)


def communication(case: Case) -> Iterator[Discrepancy]:
    """``critical-without-communication``: an accepted critical finding that nobody was told of."""
    for match in _TOLD.finditer(case.flat):
        around = case.flat[max(0, match.start() - 20) : match.end()]
        # the place that a draft leaves for it ("communicated to [name]") tells nobody yet
        is_open = "[" in case.flat[match.end() : match.end() + 20]
        if not is_open and not _NOT_TOLD.search(around):
            return
    for subject in case.accepted:
        if subject.is_critical and subject.uid not in case.communicated:
            label = subject.finding.current.label
            yield discrepancy(
                "critical-without-communication",
                "block",
                Message(
                    f"Critical finding “{label.en}”: the report does not say who was told.",
                    f"Критическая находка «{label.ru}»: не указано, кому и когда сообщено.",
                ),
                subject=subject,
                fix=_communication_fix(case),
            )
            return


def _communication_fix(case: Case) -> Fix | None:
    """A line at the end for who was told and when, to be filled in; None where it is there."""
    end = len(case.text.rstrip())
    line = phrases(case.document.language).communication
    return None if line in case.text else Fix(f"\n{line}", end, end)
