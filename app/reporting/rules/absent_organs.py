"""Organs that were removed and are described all the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.reading.document import Sentence, by_sentence
from app.reporting.reading.patterns import Hit

# What tells that the organ is gone, in history, heading or comparison. Single organs only: of a
# pair one is left.
_REMOVED: Final[dict[str, re.Pattern[str]]] = {
    organ: re.compile(words, re.IGNORECASE)
    for organ, words in {
        "gallbladder": r"cholecystectomy|холецистэктоми\w+|ж[её]лчный пузырь удал[её]н",
        "spleen": r"splenectomy|спленэктоми\w+|селез[её]нка удалена",
        "uterus": r"hysterectomy|гистерэктоми\w+|экстирпаци\w+ матки|матка удалена",
        "prostate": r"prostatectomy|простатэктоми\w+|простата удалена",
        "thyroid": r"total thyroidectomy|тотальн\w+ тиреоидэктоми\w+|щитовидная железа удалена",
        "bladder": r"(?<!\w)(?:radical )?cystectomy|(?<!\w)цистэктоми\w+",
    }.items()
}  # fmt: skip
_PARTIAL: Final = re.compile(
    r"partial|subtotal|no (?:history|prior)|планир|planned|before|перед|до операции|"
    r"субтотальн|резекци|рекоменд|recommend|consider|reason for|показан\w* к",
    re.IGNORECASE,
)
_GONE: Final = re.compile(
    r"absent|removed|resect|surgical|post-?op|status post|s/p|ectomy|bed\b|fossa|clips?\b|"
    r"удал|отсутств|состояние после|после |эктоми|ложе|культ|клипс|резец|не визуализир|"
    r"не определяется|операци|not (?:seen|visuali[sz]ed|identified)",
    re.IGNORECASE,
)
_NAMES: Final = {
    "gallbladder": Message("gallbladder", "желчный пузырь"),
    "spleen": Message("spleen", "селезёнка"), "uterus": Message("uterus", "матка"),
    "prostate": Message("prostate", "предстательная железа"),
    "thyroid": Message("thyroid gland", "щитовидная железа"),
    "bladder": Message("urinary bladder", "мочевой пузырь"),
}  # fmt: skip
# Words beside the organ that speak of something else: "splenic vein", "prostate bed".
_OTHER_THING: Final = re.compile(
    r"\b(?:splenic|hepatic|uterine|prostatic) (?:vein|artery|flexure|hilum|vessels?)|"
    r"селез[её]ночн\w+ (?:вен|артери|изгиб|угол)|маточн\w+ (?:труб|артери)",
    re.IGNORECASE,
)


def absent_organ(case: Case) -> Iterator[Discrepancy]:
    """``absent-organ``: a removed organ is described as if it were there."""
    gone = _removed(case)
    if not gone:
        return
    organs = by_sentence(case.document, [h for h in case.document.hits if h.kind == "organ"])
    for sentence, hits in zip(case.document.sentences, organs, strict=True):
        if sentence.section not in ("findings", "impression"):
            continue
        text = case.flat[sentence.start : sentence.end]
        if _GONE.search(text) or _OTHER_THING.search(text):
            continue
        hit = next((h for h in hits if h.value in gone and _leads(sentence, h)), None)
        if hit is None:
            continue
        gone.discard(hit.value)
        words = case.document.words
        organ = _NAMES[hit.value]
        yield discrepancy(
            "absent-organ",
            "warn",
            Message(
                f"The {organ.en} was removed, the report describes it.",
                f"{organ.ru[0].upper()}{organ.ru[1:]}: орган удалён, а в отчёте он описан.",
            ),
            spans=[case.sentence_span(sentence, words[hit.first].start, words[hit.last - 1].end)],
        )


def _leads(sentence: Sentence, hit: Hit) -> bool:
    """Whether the sentence is about the organ: it stands among the first words of a clause."""
    return any(clause.first <= hit.first <= clause.first + 1 for clause in sentence.clauses)


def _removed(case: Case) -> set[str]:
    """Organs that the study's facts or the report's own history call removed."""
    gone = {organ for organ in case.facts.absent_organs if organ in _NAMES}
    for sentence in case.document.sentences:
        if sentence.section == "recommendation":
            continue
        text = case.flat[sentence.start : sentence.end]
        if _PARTIAL.search(text):
            continue
        gone.update(organ for organ, pattern in _REMOVED.items() if pattern.search(text))
    return gone
