"""What was examined and how: body part, slices, field strength, dose, phases against the study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.core.message import number_ru
from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.reading.document import Sentence
from app.reporting.rules.technique import OTHER_EXAM

# Body parts as titles name them. Longer names come before those that they contain.
_PARTS: Final[dict[str, re.Pattern[str]]] = {
    part: re.compile(rf"(?<!\w)(?:{words})", re.IGNORECASE)
    for part, words in {
        "cervical spine": r"cervical spine|шейн\w+ отдел\w*(?: позвоночник\w*)?",
        "thoracic spine": r"thoracic spine|dorsal spine|грудн\w+ отдел\w*(?: позвоночник\w*)",
        "lumbar spine": r"lumbar(?:-?sacral)? spine|lumbosacral spine|"
        r"пояснично-?\s?(?:крестцов\w+)? отдел\w*|поясничн\w+ отдел\w*",
        "chest": r"chest|thorax(?!\w)|thoracic cavity|органов грудной (?:клетки|полости)|"
        r"грудной клетки|ОГК(?!\w)|огк(?!\w)",
        "abdomen": r"abdomen|abdominal|органов брюшной полости|брюшной полости|ОБП(?!\w)|"
        r"забрюшинн\w+ пространств",
        "pelvis": r"pelvis|pelvic|(?:органов )?малого таза|костей таза",
        "head": r"head(?!\w)|brain|skull|cranial|головного мозга|(?:костей )?черепа|"
        r"(?<!из )головы(?!\w)",
        "neck": r"neck(?!\w)|мягких тканей шеи|органов шеи",
        "sinuses": r"paranasal sinus|придаточных пазух|околоносовых пазух",
        "knee": r"knee|коленн\w+ сустав", "shoulder": r"shoulder|плечев\w+ сустав",
        "hip": r"hip(?:s| joint)?(?!\w)|тазобедренн\w+ сустав",
        "ankle": r"ankle|голеностопн\w+ сустав", "foot": r"foot(?!\w)|feet(?!\w)|стоп[ыа](?!\w)",
        "hand": r"hand(?!\w)|wrist|кист(?:и|ей) (?:рук|прав|лев)|лучезапястн\w+",
        "elbow": r"elbow|локтев\w+ сустав",
        "breast": r"breasts?(?!\w)|mammogra|молочн\w+ желез|маммограф",
    }.items()
}  # fmt: skip
_OWN_PARTS: Final[dict[str, frozenset[str]]] = {
    "CHEST": frozenset({"chest"}), "THORAX": frozenset({"chest"}), "LUNG": frozenset({"chest"}),
    "ABDOMEN": frozenset({"abdomen", "pelvis"}), "PELVIS": frozenset({"pelvis", "abdomen", "hip"}),
    "ABDOMENPELVIS": frozenset({"abdomen", "pelvis"}),
    "HEAD": frozenset({"head", "sinuses", "neck"}), "BRAIN": frozenset({"head"}),
    "SKULL": frozenset({"head", "sinuses"}), "NECK": frozenset({"neck", "cervical spine"}),
    "KNEE": frozenset({"knee"}), "SHOULDER": frozenset({"shoulder"}),
    "HIP": frozenset({"hip", "pelvis"}), "ANKLE": frozenset({"ankle", "foot"}),
    "FOOT": frozenset({"foot", "ankle"}), "HAND": frozenset({"hand"}),
    "WRIST": frozenset({"hand"}), "ELBOW": frozenset({"elbow"}), "BREAST": frozenset({"breast"}),
    "CSPINE": frozenset({"cervical spine", "neck"}), "TSPINE": frozenset({"thoracic spine"}),
    "LSPINE": frozenset({"lumbar spine"}),
    "SPINE": frozenset({"cervical spine", "thoracic spine", "lumbar spine"}),
}  # fmt: skip
_EXAM: Final = re.compile(
    r"(?<!\w)(?:CT|CTA|MRI|MR|X-?ray|radiograph\w*|ultrasound|sonograph\w*|mammogra\w*|"
    r"examination|КТ|МСКТ|СКТ|МРТ|УЗИ|рентгенограф\w*|рентгенограмм\w*|томограф\w*|"
    r"ультразвуков\w*|маммограф\w*)(?!\w)",
    re.IGNORECASE,
)


def _head(case: Case) -> Iterator[Sentence]:
    """Sentences of title and technique."""
    for sentence in case.document.sentences:
        if sentence.section in ("other", "technique"):
            yield sentence


def body_part(case: Case) -> Iterator[Discrepancy]:
    """``body-part-mismatch``: the title names another examination than was done."""
    own = _OWN_PARTS.get(case.facts.body_part.upper().replace(" ", "").replace("-", ""))
    if own is None:
        return
    named: dict[str, tuple[Sentence, re.Match[str]]] = {}
    for sentence in _head(case):
        text = case.flat[sentence.start : sentence.end]
        if not _EXAM.search(text) or OTHER_EXAM.search(text):
            continue
        for part, pattern in _PARTS.items():
            match = pattern.search(text)
            if match and part not in named:
                named[part] = (sentence, match)
    if not named or own & named.keys():
        return
    part, (sentence, match) = next(iter(named.items()))
    start = sentence.start + match.start()
    yield discrepancy(
        "body-part-mismatch",
        "block",
        Message(
            f"“{match.group()}” does not fit this study (body part {case.facts.body_part}).",
            f"«{match.group()}» не соответствует исследованию (область — {case.facts.body_part}).",
        ),
        spans=[case.sentence_span(sentence, start, start + len(match.group()))],
    )


_NUMBER = r"(?P<value>\d+(?:[.,]\d+)?)"
_THICKNESS: Final = re.compile(
    rf"(?:(?:slice|section)\s+thickness|толщин\w+\s+(?:срез\w*|сло[яёе]\w*|реконструкци\w*)|"
    rf"срез\w*\s+толщиной)[^\d.;]{{0,24}}{_NUMBER}\s*(?:mm|мм)",
    re.IGNORECASE,
)
_THICKNESS_AFTER: Final = re.compile(
    rf"(?<![\d.,]){_NUMBER}[\s-]?(?:mm|мм)[\s-]+(?:thick\s+)?(?:axial\s+)?(?:slices?|sections?)\b",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(rf"(?<![\d.,]){_NUMBER}\s?(?:T(?![\w-])|Tesla|Тл(?!\w)|тесла)")
_DLP: Final = re.compile(rf"(?<!\w)DLP[^\d.;]{{0,16}}{_NUMBER}", re.IGNORECASE)
_CTDI: Final = re.compile(
    rf"(?<!\w)CTDI\s*\(?\s*(?:vol)?\)?[^\d.;]{{0,16}}{_NUMBER}", re.IGNORECASE
)
_PHASES: Final[dict[str, re.Pattern[str]]] = {
    "native": re.compile(r"native phase|unenhanced phase|нативн\w+ фаз", re.IGNORECASE),
    "arterial": re.compile(r"arterial(?:[\s,/-]+\w+)? phase|артериальн\w+(?:[\s,]+\w+)? фаз",
                           re.IGNORECASE),
    "venous": re.compile(r"(?:portal|venous)(?:[\s,/-]+\w+)? phase|"
                         r"(?:портальн\w+|венозн\w+)(?:[\s,]+\w+)? фаз", re.IGNORECASE),
    "delayed": re.compile(r"(?:delayed|excretory) phase|"
                          r"(?:отсроченн\w+|выделительн\w+|экскреторн\w+) фаз", re.IGNORECASE),
}  # fmt: skip
_DOSE_SHARE: Final = 0.05


def actual_technique(case: Case) -> Iterator[Discrepancy]:
    """``technique-mismatch``: slices, field strength, dose or phases other than acquired."""
    for sentence in _head(case):
        if OTHER_EXAM.search(case.flat[sentence.start : sentence.end]):
            continue
        yield from _thickness(case, sentence)
        yield from _numbers(case, sentence)
        yield from _phases(case, sentence)


def _value(match: re.Match[str]) -> float:
    return float(match["value"].replace(",", "."))


def _mismatch(case: Case, sentence: Sentence, match: re.Match[str], actual: Message) -> Discrepancy:
    shown = match.group().strip()
    return discrepancy(
        "technique-mismatch",
        "warn",
        Message(f"“{shown}” is not how the study was made: {actual.en}.",
                f"«{shown}» не соответствует исследованию: {actual.ru}."),
        spans=[case.sentence_span(sentence, match.start(), match.end())],
    )  # fmt: skip


def _thickness(case: Case, sentence: Sentence) -> Iterator[Discrepancy]:
    """Thinner than the thinnest images there are; thicker ones can be made of thin ones."""
    known = [s.slice_thickness_mm for s in case.facts.series if s.slice_thickness_mm]
    if not known:
        return
    least = min(known)
    for pattern in (_THICKNESS, _THICKNESS_AFTER):
        for match in pattern.finditer(case.flat, sentence.start, sentence.end):
            if _value(match) < least - max(0.1, 0.1 * least):
                ru = number_ru(least)
                yield _mismatch(
                    case, sentence, match,
                    Message(f"the thinnest images are {least:g} mm",
                            f"самые тонкие срезы — {ru} мм"),
                )  # fmt: skip


def _numbers(case: Case, sentence: Sentence) -> Iterator[Discrepancy]:
    technique = case.facts.technique
    for pattern, actual, unit, slack in (
        (_FIELD, technique.field_strength_t, ("T", "Тл"), 0.1),
        (_DLP, technique.dlp_mgy_cm, ("mGy·cm", "мГр·см"), None),
        (_CTDI, technique.ctdi_vol_mgy, ("mGy", "мГр"), None),
    ):
        if actual is None:
            continue
        for match in pattern.finditer(case.flat, sentence.start, sentence.end):
            if abs(_value(match) - actual) > (slack or max(0.1, _DOSE_SHARE * actual)):
                ru = number_ru(actual)
                yield _mismatch(
                    case, sentence, match, Message(f"{actual:g} {unit[0]}", f"{ru} {unit[1]}")
                )  # fmt: skip


def _phases(case: Case, sentence: Sentence) -> Iterator[Discrepancy]:
    acquired = case.facts.technique.phases
    if not acquired:
        return
    for phase, pattern in _PHASES.items():
        match = pattern.search(case.flat, sentence.start, sentence.end)
        if match and phase not in acquired:
            yield _mismatch(
                case, sentence, match,
                Message(f"phases acquired: {', '.join(acquired)}",
                        f"выполнены фазы: {', '.join(_PHASE_RU.get(p, p) for p in acquired)}"),
            )  # fmt: skip


_PHASE_RU = {
    "native": "нативная", "arterial": "артериальная", "venous": "венозная",
    "delayed": "отсроченная",
}  # fmt: skip
