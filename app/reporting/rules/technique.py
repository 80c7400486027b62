"""The examination named in the text against the one that was done: modality and contrast."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy

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
        r"(?i:ультразвуков\w+|эхограф\w+|(?:гипер|гипо|ан)?эхоген\w+|"
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
    r"выполнен\w*\s+ранее|накануне|"
    r"(?<=[,;(] )при (?:УЗИ|МРТ|МСКТ|КТ|рентген|маммогр)|"
    r"(?<=[,;(] )(?:at|by|on) (?:ultrasound|sonography|MRI|MR|CT|mammography|radiograph)",
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
            name: match
            for name, pattern in _MODALITY_WORDS.items()
            if name not in joined and (match := pattern.search(text))
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
        here = {name for name, pattern in _MODALITY_WORDS.items() if pattern.search(text)}
        if own in here:
            named |= here - {own}
    return frozenset(named)


_AGENT = (
    r"(?:контраст\w*|гадо\w+|омнипак\w*|ультравист\w*|йогексол\w*|йопромид\w*|йопамидол\w*|"
    r"йодиксанол\w*|йоверсол\w*|визипак\w*|магневист\w*|дотарем\w*|примовист\w*|"
    r"йодсодержащ\w*|contrast|gado\w+|iohexol|iopamidol|iopromide|iodixanol|ioversol|omnipaque|"
    r"visipaque|isovue|ultravist|dotarem|iodin\w*)"
)
_AGENT_RE = re.compile(_AGENT, re.IGNORECASE)
_VEIN_RU, _VEIN_EN = r"(?:в/в|внутривенн\w+)", r"(?:intravenous|iv|i\.v\.)"
_CONTRAST_BOTH = re.compile(
    r"\b(?:with and without|without and with|before (?:and|&) after|pre-? and post-?|w/ ?wo)\b|"
    r"(?<!\w)(?:до и после|без и с|до\s*/\s*после|нативно и)(?!\w)",
    re.IGNORECASE,
)
_CONTRAST_NO = re.compile(
    rf"\bwithout\s+(?:the\s+)?(?:administration of\s+|use of\s+)?(?:{_VEIN_EN}\s+)?{_AGENT}|"
    rf"\bnon-?\s?contrast|\bunenhanced|\bno\s+(?:{_VEIN_EN}\s+)?{_AGENT}|contrast:\s*none|"
    r"contrast\s+(?:material\s+|medium\s+)?was\s+not\s+(?:given|administered|used)|"
    r"без\s+(?:применения\s+|введения\s+|использования\s+)?"
    rf"(?:{_VEIN_RU}\s+)?(?:болюсн\w+\s+|введения\s+)?{_AGENT}|\bнативн|"
    r"контраст\w*\s+(?:вещество\s+|препарат\s+|средство\s+|усилени\w+\s+)?не\s+"
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
    r"\b(?:артериальн|портальн|венозн|отсроченн)\w+(?:\W+(?:и\W+)?\w+){0,3}\W+фаз|"
    r"\b(?:arterial|portal|venous|delayed)(?:\W+(?:and\W+)?\w+){0,3}\W+phase",
    re.IGNORECASE,
)


def contrast(case: Case) -> Iterator[Discrepancy]:
    """``contrast-mismatch``: technique against ContrastBolusAgent, both ways."""
    given = case.facts.contrast
    if given is None:
        return
    for sentence in case.document.sentences:
        if sentence.section not in ("technique", "other") and not (
            sentence.section == "findings" and not case.document.has_section("findings")
        ):
            continue
        text = case.flat[sentence.start : sentence.end]
        if OTHER_EXAM.search(text):
            continue
        both = _CONTRAST_BOTH.search(text) if _AGENT_RE.search(text) else None
        without = not both and bool(_CONTRAST_NO.search(text))
        with_contrast = bool(both or _CONTRAST_YES.search(_CONTRAST_NO.sub(" ", text)))
        # "native, arterial and venous phases": what was given counts
        without = without and not with_contrast
        if without == with_contrast or with_contrast == given:
            continue
        found = both or (_CONTRAST_NO if without else _CONTRAST_YES).search(text)
        start = sentence.start + (found.start() if found else 0)
        yield discrepancy(
            "contrast-mismatch",
            "block",
            Message(
                "The technique names contrast, the study has none."
                if with_contrast
                else "The technique denies contrast, the study has it.",
                "В методике указан контраст, в исследовании его нет."
                if with_contrast
                else "В методике контраст отрицается, в исследовании он есть.",
            ),
            spans=[case.sentence_span(sentence, start, start + 20)],
        )
