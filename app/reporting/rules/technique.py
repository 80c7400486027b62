"""The examination named in the text against the one that was done: modality and contrast."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy

_MODALITY_WORDS: dict[str, re.Pattern[str]] = {
    "CT": re.compile(
        r"(?<!\w)(?:CT|CTA|HRCT|MDCT|(?i:computed tomograph\w+)|КТ|МСКТ|СКТ|КТА|МСКТА|"
        r"[Кк]омпьютерн\w+\s+томограф\w+|Hounsfield|HU|ед\.?\s*Н|"
        r"[Hh](?:ypo|yper)-?attenuat\w+)(?!\w)"
    ),
    "MR": re.compile(
        r"(?<!\w)(?:MRI|MR|MRA|(?i:magnetic resonance)|МРТ|МР|МРА|МРХПГ|магнитно-резонансн\w+|"
        r"[Мм]агнитно-резонансн\w+|DWI|FLAIR|STIR|ИКД|ДВИ|"
        r"[TТ][12][- ]?(?:[Ww]eighted|WI|ВИ|[Вв]звешенн\w+|[Ss]ignal|сигнал\w*|hyper\w+|hypo\w+|"
        r"гипер\w+|гипо\w+)|(?:на|on)\s+[TТ][12]|(?:[Hh](?:yper|ypo)|[Ii]so)-?intens\w+|"
        r"[Гг]ипер-?интенсивн\w+|[Гг]ипо-?интенсивн\w+)(?!\w)"
    ),
    "DX": re.compile(
        r"(?<!\w)(?:XR|X-ray|radiograph\w*|рентгенограмм\w*|рентгенограф\w+|флюорограф\w+)(?!\w)",
        re.IGNORECASE,
    ),
    "US": re.compile(r"(?<!\w)(?:US|(?i:ultraso\w+|sonogra\w+)|УЗИ|УЗ|"
                     r"(?i:ультразвуков\w+|эхограф\w+)|"
                     r"Ultrasound|Ультразвуков\w+|[Гг](?:ипер|ипо)эхоген\w+|[Аа]нэхоген\w+|"
                     r"[Ээ]хоген\w+|(?:[Hh]yper|[Hh]ypo|[Aa]n)echo\w+)(?!\w)"),
    "MG": re.compile(r"(?<!\w)(?:mammogra\w+|маммогра\w+)(?!\w)", re.IGNORECASE),
}  # fmt: skip
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
    r"выполнен\w*\s+ранее",
    re.IGNORECASE,
)


def modality(case: Case) -> Iterator[Discrepancy]:
    """``modality-mismatch``: another modality named for this examination."""
    own = _SAME_MODALITY.get(case.facts.modality.upper(), case.facts.modality.upper())
    if own not in _MODALITY_WORDS:
        return
    for sentence in case.document.sentences:
        if sentence.section in ("recommendation", "comparison", "indication", "communication"):
            continue
        text = case.flat[sentence.start : sentence.end]
        if OTHER_EXAM.search(text):
            continue
        named = {
            name: match
            for name, pattern in _MODALITY_WORDS.items()
            if (match := pattern.search(text))
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


_AGENT = (
    r"(?:контраст\w*|гадолин\w*|омнипак\w*|ультравист\w*|йогексол\w*|йопромид\w*|магневист\w*|"
    r"гадовист\w*|йодсодержащ\w*|contrast|gadolin\w*|iohexol|iopamidol|omnipaque|iodin\w*)"
)
_VEIN_RU, _VEIN_EN = r"(?:в/в|внутривенн\w+)", r"(?:intravenous|iv|i\.v\.)"
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
    rf"\b(?:after|following)\s+(?:the\s+)?(?:{_VEIN_EN}\s+)?(?:administration|injection|infusion)\s+"
    rf"of\s+(?:\S+\s+){{0,4}}?{_AGENT}|contrast[- ]enhanced|post-?contrast\s+(?:images|sequences)|"
    rf"{_AGENT}\s+(?:material\s+|medium\s+)?(?:was|were)\s+(?:given|administered|injected)|"
    rf"contrast:\s*\d|\bс\s+(?:{_VEIN_RU}\s+)?(?:болюсн\w+\s+|введением\s+)?{_AGENT}|"
    rf"(?:после|на фоне|с)\s+(?:{_VEIN_RU}\s+)?(?:болюсн\w+\s+)?введени\w+\s+"
    rf"(?:\S+\s+){{0,3}}?{_AGENT}|"
    rf"{_VEIN_RU}\s+(?:болюсн\w+\s+)?(?:контрастировани\w+|введен\w*\s+(?:\S+\s+){{0,3}}?{_AGENT})|"
    r"контрастн\w+\s+(?:вещество|препарат|средство)\s+введен\w*",
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
        without = bool(_CONTRAST_NO.search(text))
        with_contrast = bool(_CONTRAST_YES.search(_CONTRAST_NO.sub(" ", text)))
        if without == with_contrast or with_contrast == given:
            continue
        found = (_CONTRAST_NO if without else _CONTRAST_YES).search(text)
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
