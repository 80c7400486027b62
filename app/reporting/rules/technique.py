"""The examination named in the text against the one that was done: modality and contrast."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.reading.document import Sentence

_MODALITY_WORDS: dict[str, re.Pattern[str]] = {
    "CT": re.compile(
        r"(?<!\w)(?:CT|CTA|HRCT|MDCT|(?i:computed tomograph\w+)|КТ|МСКТ|СКТ|КТА|МСКТА|"
        r"(?i:компьютерн\w+\s+томограф\w+)|Hounsfield|HU|(?i:ед\.?\s*Н(?![а-я]))|"
        r"(?i:hypo-?attenuat\w+|hyper-?attenuat\w+))(?!\w)"
    ),
    "MR": re.compile(
        r"(?<!\w)(?:MRI|MR|MRA|(?i:magnetic resonance)|МРТ|МР|МРА|МРХПГ|(?i:магнитно-резонансн\w+)|"
        r"DWI|FLAIR|STIR|ИКД|ДВИ|SWI|"
        r"(?i:restricted diffusion|diffusion restriction|ограничени\w+ диффузии)|"
        r"[TТ][12][- ]?(?:(?i:weighted|взвешенн\w+|signal|сигнал\w*|hyper\w+|hypo\w+|гипер\w+|"
        r"гипо\w+)|WI|ВИ)|(?i:на|on)\s+[TТ][12]|(?i:(?:hyper|hypo|iso)-?intens\w+|"
        r"гипер-?интенсивн\w+|гипо-?интенсивн\w+))(?!\w)"
    ),
    "DX": re.compile(
        r"(?<!\w)(?:XR|X-ray|radiograph\w*|рентгенограмм\w*|рентгенограф\w+|флюорограф\w+)(?!\w)",
        re.IGNORECASE,
    ),
    "US": re.compile(
        r"(?<!\w)(?:US|(?i:ultraso\w+|sonogra\w+)|УЗИ|УЗ|ЦДК|"
        r"(?i:doppler|допплер\w*|цветов\w+ картирован\w+|"
        r"ультразвуков\w+|эхограф\w+|(?:гипер|гипо|ан)?эхоген\w+|"
        r"(?:hyper|hypo|an)?echo(?:ic|gen\w+)|posterior acoustic\w*|acoustic shadow\w*|"
        r"through[- ]transmission|акустическ\w+ (?:тен|усилен)\w+))(?!\w)"
    ),
    "MG": re.compile(r"(?<!\w)(?:mammogra\w+|маммогра\w+)(?!\w)", re.IGNORECASE),
}
_SAME_MODALITY = {"CR": "DX", "RF": "DX", "XR": "DX", "MRI": "MR"}
OTHER_EXAM = re.compile(
    r"evaluat|further|helpful|useful|require|may be|could|would|perform|better (?:seen|demonstrat)|"
    r"\bold\b|known|recently|seen on|(?:in|on) the|"
    r"\bsince\b|sensitiv|(?:CT|thoracic) ratio|КТИ|"
    r"compar|prior|previous|recommend|correlat|follow|suggest|consider|advis|if |contralateral|"
    r"correlation|recent|outside|earlier|history|dated|"
    r"сравн|сопостав|учрежден|"
    r"ранее|предыдущ|рекоменд|дообслед|показан|контрол|при необходимости|консультац|для "
    r"(?:уточн|исключ)|анамнез|от\s+\d|динамик|по данным|при наличии|целесообразн|"
    r"выполнен\w*\s+ранее|накануне|через\s+\d|"
    r"\b(?:in|after)\s+\d+(?:\s?(?:to|-|–)\s?\d+)?\s+(?:day|week|month|year)|"
    r"phoned|\bcalled\b|notified|informed|discussed|сообщ[её]н|извещ|доложен|уведом|передан[оаы]?\b|"
    r"(?<=[,;(] )при (?:УЗИ|МРТ|МСКТ|КТ|рентген|маммогр)|"
    r"(?<=[,;(] )(?:at|by|on) (?:ultrasound|sonography|MRI|MR|CT|mammography|radiograph|doppler)",
    re.IGNORECASE,
)


def own_modality(case: Case) -> str:
    """The modality of the study, one name for kinds that reports do not tell apart."""
    return _SAME_MODALITY.get(case.facts.modality.upper(), case.facts.modality.upper())


def modality_named(words: str) -> str | None:
    """The modality that a name of an examination belongs to."""
    found = (name for name, pattern in _MODALITY_WORDS.items() if pattern.search(words))
    return next(found, None)


def modality(case: Case) -> Iterator[Discrepancy]:
    """``modality-mismatch``: another modality named for this examination."""
    own = own_modality(case)
    if own not in _MODALITY_WORDS:
        return
    joined = _joined_modalities(case, own)
    for sentence in case.document.sentences:
        if sentence.section in ("recommendation", "comparison", "indication", "communication"):
            continue
        text = case.flat[sentence.start : sentence.end]
        if OTHER_EXAM.search(text):
            continue
        named = {
            name: match for name, match in _modalities(case, text).items() if name not in joined
        }
        if not named or own in named:
            continue
        match = next(iter(named.values()))
        start = sentence.start + match.start()
        yield discrepancy(
            "modality-mismatch",
            "block",
            Message(
                f"“{match.group()}” does not fit this study ({case.facts.modality}).",
                f"«{match.group()}» не соответствует исследованию ({case.facts.modality}).",
            ),
            spans=[case.sentence_span(sentence, start, start + len(match.group()))],
        )


def _joined_modalities(case: Case, own: str) -> frozenset[str]:
    """What the title or the technique names beside the study's own ("mammography with US")."""
    named: set[str] = set()
    for sentence in case.document.sentences:
        text = case.flat[sentence.start : sentence.end]
        if sentence.section not in ("other", "technique") or OTHER_EXAM.search(text):
            continue
        here = _modalities(case, text).keys()
        if own in here:
            named |= here - {own}
    return frozenset(named)


def _modalities(case: Case, text: str) -> dict[str, re.Match[str]]:
    """The modalities that words of ``text`` belong to; a report without capitals names them too."""
    shown = text.upper() if case.text.islower() else text
    found = ((name, pattern.search(shown)) for name, pattern in _MODALITY_WORDS.items())
    return {name: match for name, match in found if match}


_AGENT = (
    r"(?:контраст\w*|КУ(?!\w)|гадо\w+|омнипак\w*|ультравист\w*|йогексол\w*|йопромид\w*|йопамидол\w*|"
    r"йодиксанол\w*|йоверсол\w*|визипак\w*|магневист\w*|дотарем\w*|примовист\w*|"
    r"йодсодержащ\w*|contrast|gado\w+|iohexol|iopamidol|iopromide|iodixanol|ioversol|omnipaque|"
    r"visipaque|isovue|ultravist|dotarem|iodin\w*|iohexol|gadavist|optiray|"
    r"omniscan|multihance|prohance|eovist|primovist|оптирей\w*|йогекс\w*|сканлюкс\w*|йомерон\w*)"
)
_AGENT_RE = re.compile(_AGENT, re.IGNORECASE)
_VEIN_RU, _VEIN_EN = r"(?:в/в|внутривенн\w+)", r"(?:intravenous|iv|i\.v\.)"
_CONTRAST_BOTH = re.compile(
    r"\b(?:with\s?(?:and|&|/)\s?without|without\s?(?:and|&|/)\s?with|w/\s?(?:and|&)\s?w/?o|"
    r"before (?:and|&) after|pre-? and post-?|w/ ?wo)\b|"
    r"(?<!\w)(?:до и после|без и с|до\s*/\s*после|нативно и)(?!\w)",
    re.IGNORECASE,
)
_CONTRAST_NO = re.compile(
    rf"\bwithout\s+(?:the\s+)?(?:administration of\s+|use of\s+)?(?:{_VEIN_EN}\s+)?{_AGENT}|"
    r"\bplain\s+(?:CT|MRI?|scan)\b|"
    r"\bnon[- ]?enhanced\s+(?:CT|MRI?|scan|study|images?|series|phase|exam)|"
    r"contrast\s+(?:was\s+)?withheld|"
    rf"\bw/?o\s+(?:{_VEIN_EN}\s+)?{_AGENT}|бесконтраст\w+|\bбез\s+{_VEIN_RU}\s+усилени\w+|"
    r"от\s+контрастировани\w*\s+(?:\w+\s+){0,2}отказ\w+|"
    rf"\bnon-?\s?contrast|\bunenhanced|\bno\s+(?:{_VEIN_EN}\s+)?{_AGENT}|contrast:\s*none|"
    r"contrast\s+(?:material\s+|medium\s+)?was\s+not\s+(?:given|administered|used)|"
    r"без\s+(?:применения\s+|введения\s+|использования\s+)?"
    rf"(?:{_VEIN_RU}\s+)?(?:болюсн\w+\s+|введения\s+)?{_AGENT}|\bнативн|"
    r"(?:контраст\w*|\bКУ)\s+(?:вещество\s+|препарат\s+|средство\s+|усилени\w+\s+)?не\s+"
    r"(?:вводил|применял|использовал|выполнял|проводил)",
    re.IGNORECASE,
)
_CONTRAST_YES = re.compile(
    rf"\bwith\s+(?:the\s+)?(?:administration of\s+|use of\s+)?(?:{_VEIN_EN}\s+)?{_AGENT}|"
    rf"\b(?:after|following|post)\s+(?:the\s+)?(?:{_VEIN_EN}\s+)?{_AGENT}|"
    rf"\b(?:multi|bi)-?phas\w+\s+(?:\w+\s+)?contrast|"
    rf"\b(?:after|following)\s+(?:the\s+)?(?:{_VEIN_EN}\s+)?(?:administration|injection|infusion)\s+"
    rf"of\s+(?:\S+\s+){{0,4}}?{_AGENT}|contrast[- ]enhanced|post-?contrast\s+(?:images|sequences)|"
    rf"{_AGENT}\s+(?:material\s+|medium\s+)?(?:was|were)\s+(?:given|administered|injected)|"
    rf"contrast:\s*\d|\bс\s+(?:{_VEIN_RU}\s+)?(?:болюсн\w+\s+|введением\s+)?{_AGENT}|"
    rf"(?:после|на фоне|с)\s+(?:{_VEIN_RU}\s+)?(?:болюсн\w+\s+)?введени\w+\s+"
    rf"(?:\S+\s+){{0,3}}?{_AGENT}|"
    rf"{_VEIN_RU}\s+(?:болюсн\w+\s+)?(?:контрастировани\w+|введен\w*\s+(?:\S+\s+){{0,3}}?{_AGENT})|"
    r"контрастн\w+\s+(?:вещество|препарат|средство)\s+введен\w*|"
    rf"\bболюсн\w+\s+(?:введени\w+|контрастировани\w+|усилени\w+)|"
    rf"\bвведен\w*\s+(?:\S+\s+){{0,4}}?{_AGENT}|"
    r"\bпост-?контраст\w+|\bпосле\s+контрастировани\w+|\bдинамическ\w+\s+контраст\w+|"
    r"\b(?:двух|тр[её]х|четыр[её]х|много|мульти)-?фазн\w+\s+(?:\w+\s+){0,2}?"
    rf"(?:{_AGENT}|КТ|исследован\w+|сканирован\w+)|"
    r"контрастн\w+\s+(?:вещество|препарат|средство)\s*[:—-]\s*(?!не|нет|без|-)\w|"
    rf"\b\d+\s?(?:ml|cc|мл)\s+(?:of\s+)?(?:\w+\s+)?{_AGENT}|\bbolus tracking|"
    rf"{_AGENT}[^.;\n]{{0,24}}?\d\s?(?:ml|cc|мл)(?!\w)|"
    rf"\bw/\s?(?:{_VEIN_EN}\s+)?{_AGENT}|\bwith\s+\d+\s*(?:ml|cc)\s+(?:of\s+)?{_AGENT}|"
    rf"{_AGENT}[- ]?\d*\s+(?:was|were)\s+(?:given|administered|injected)|"
    r"(?<!un)(?<!non)(?<!non[- ])\benhanced\s+(?:CT|MRI?|scan)\b|"
    r"\b(?:артериальн|портальн|венозн|отсроченн)\w+(?:\W+(?:и\W+)?\w+){0,3}\W+фаз|"
    r"\b(?:arterial|portal|venous|delayed)(?:\W+(?:and\W+)?\w+){0,3}\W+phase",
    re.IGNORECASE,
)


# An angiography by CT needs contrast; one by MR does not (time of flight).
_TITLE_CHARACTERS = 120
_CT_ANGIOGRAPHY = re.compile(
    r"(?<!\w)(?:CT\s?-?angio\w+|CTA|CTPA|(?:МС)?КТ\s?-?ангио\w+|(?:МС)?КТА)(?!\w)", re.IGNORECASE
)


# Contrast by mouth or rectum is no bolus.
_ENTERIC = re.compile(
    rf"(?:\boral|\brectal|\benteric|перорал\w+|ректал\w+)\s+(?:введени\w+\s+)?{_AGENT}",
    re.IGNORECASE,
)
# Another study than this one, in a sentence on contrast.
_OTHER_STUDY = re.compile(
    r"\bold\b|compar|prior|previous|outside|earlier|history|recommend|correlat|suggest|consider|"
    r"advis|\bif\b|could|would|may be|helpful|further|follow-?up|"
    r"сравн|сопостав|ранее|предыдущ|рекоменд|дообслед|показан|при необходимости|консультац|"
    r"для (?:уточн|исключ)|от\s+\d{1,2}\.\d|по данным|при наличии|целесообразн|накануне|через\s+\d",
    re.IGNORECASE,
)
_CONTRAST_HEADER = re.compile(r"contrast|контраст", re.IGNORECASE)
_NONE_GIVEN = re.compile(
    r"^\W*(?:none\b|no\b|not\b|nil\b|without|n/a|was not|нет(?!\w)|не(?!\w)|без(?!\w)|отсутств)",
    re.IGNORECASE,
)
_SOME_GIVEN = re.compile(
    rf"\d\s?(?:ml|cc|мл)(?!\w)|{_AGENT}|^\W*(?:yes\b|iv\b|given|intravenous|да(?!\w)|в/в|введ|"
    r"внутривенн|проведено|выполнено|болюс)",
    re.IGNORECASE,
)


def contrast(case: Case) -> Iterator[Discrepancy]:
    """``contrast-mismatch``: technique against ContrastBolusAgent, both ways."""
    given = case.facts.contrast
    if given is None:
        return
    said = [claim for sentence in _of_technique(case) if (claim := _claim(case, sentence))]
    for claim in said:
        if claim.is_with != given:
            yield discrepancy(
                "contrast-mismatch",
                "block",
                Message(
                    "The technique names contrast, the study has none."
                    if claim.is_with
                    else "The technique denies contrast, the study has it.",
                    "В методике указан контраст, в исследовании его нет."
                    if claim.is_with
                    else "В методике контраст отрицается, в исследовании он есть.",
                ),
                spans=[case.sentence_span(claim.sentence, claim.start, claim.start + 20)],
            )


@dataclass(frozen=True, slots=True)
class _Claim:
    """A sentence on contrast; ``start`` is where it says so."""

    sentence: Sentence
    is_with: bool
    start: int


def _of_technique(case: Case) -> Iterator[Sentence]:
    is_bare = not case.document.has_section("findings")
    for sentence in case.document.sentences:
        if sentence.section in ("technique", "other") or (
            is_bare and sentence.section == "findings"
        ):
            yield sentence


def _claim_of_header(case: Case, sentence: Sentence, text: str) -> _Claim | None:
    """What stands behind a header "Contrast:"; the sentence itself need not name it again."""
    section = next(
        (s for s in case.document.sections if s.start <= sentence.start < s.end and s.header), None
    )
    if section is None or not _CONTRAST_HEADER.search(section.header):
        return None
    if _NONE_GIVEN.search(text):
        return _Claim(sentence, False, sentence.start)
    found = _SOME_GIVEN.search(text)
    return _Claim(sentence, True, sentence.start) if found else None


def _claim(case: Case, sentence: Sentence) -> _Claim | None:
    text = _ENTERIC.sub(
        lambda match: " " * len(match.group()), case.flat[sentence.start : sentence.end]
    )
    if _OTHER_STUDY.search(text):
        return None
    headed = _claim_of_header(case, sentence, text)
    if headed is not None:
        return headed
    both = _CONTRAST_BOTH.search(text) if _AGENT_RE.search(text) else None
    is_denied = bool(_CONTRAST_NO.search(text))
    # "native, arterial and venous phases": what was given counts
    is_with = bool(both or _CONTRAST_YES.search(_CONTRAST_NO.sub(" ", text)))
    is_title = sentence.section == "other" or sentence.start < _TITLE_CHARACTERS
    if case.facts.modality == "CT" and is_title and not is_denied:
        is_with = is_with or bool(_CT_ANGIOGRAPHY.search(text))
    if not (is_with or is_denied):
        return None
    pattern = _CONTRAST_YES if is_with else _CONTRAST_NO
    found = both or pattern.search(text) or _CT_ANGIOGRAPHY.search(text)
    return _Claim(sentence, is_with, sentence.start + (found.start() if found else 0))
