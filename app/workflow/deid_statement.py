"""What a de-identified study says of itself: a manifest for programs, a statement for people.

Neither holds a value of the original, a path of it, or the key.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from app import __version__
from app.core.codes import Code
from app.core.report import Message
from app.dicom.deid.burned_in_look import BurnedIn
from app.dicom.deid.deidentify import DeidReport
from app.dicom.deid.options import DeidentifyOptions
from app.dicom.deid.table import EDITION
from app.workflow.output_files import write_json, write_text

SCHEMA: Final = "overread.deidentified/1"
MANIFEST: Final = "deidentification.json"
STATEMENT: Final = "deidentification.txt"


@dataclass(frozen=True, slots=True)
class DoneFile:
    """A file written: its name below the folder (``images/01/00001.dcm``) and what was done."""

    name: str
    sop_class_uid: str
    report: DeidReport


@dataclass(frozen=True, slots=True)
class DoneSeries:
    """A series written: where, of what modality, and what the look at its pixels gave."""

    folder: str
    modality: str
    looks: tuple[BurnedIn, ...]
    masked: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An object that was not written, by the number of its series (0: of the review)."""

    series: int
    kind: str
    reason: Message


@dataclass(frozen=True, slots=True)
class Statement:
    """All that is said."""

    options: DeidentifyOptions
    key_fingerprint: str
    files: tuple[DoneFile, ...]
    series: tuple[DoneSeries, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[Message, ...]
    texts_left: tuple[str, ...]
    accepted_burned_in: bool


def write_statement(statement: Statement, folder: Path, language: str) -> None:
    """Write both into ``folder``; the statement in ``language`` (``en`` or ``ru``)."""
    write_json(folder / MANIFEST, _manifest(statement))
    text = "\n".join(line.text(language) for line in _lines(statement))
    write_text(folder / STATEMENT, text + "\n")


def _manifest(said: Statement) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "program": f"Overread {__version__}",
        "profile": f"DICOM PS3.15 {EDITION} Annex E",
        "key_fingerprint": said.key_fingerprint,
        "options": asdict(said.options),
        "methods": [
            {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}
            for code in _methods(said)
        ],
        "series": [
            {
                "folder": one.folder,
                "modality": one.modality,
                "blacked_out": one.masked,
                "looks": [_look_row(look) for look in one.looks],
            }
            for one in said.series
        ],
        "files": [
            {"file": f.name, "sop_class_uid": f.sop_class_uid, "counts": dict(f.report.counts)}
            for f in said.files
        ],
        "left_out": [
            {"series": one.series, "kind": one.kind, "reason": asdict(one.reason)}
            for one in said.left_out
        ],
        "texts_left": list(said.texts_left),
        "warnings": [asdict(warning) for warning in said.warnings],
        "accepted_burned_in": said.accepted_burned_in,
    }


def _look_row(look: BurnedIn) -> dict[str, object]:
    """Where text was seen; never what it says."""
    return {
        "declared": look.declared,
        "risky_kind": look.is_risky,
        "frames": look.frames,
        "frames_seen": look.frames_seen,
        "boxes": [[b.left, b.top, b.right, b.bottom] for b in look.boxes],
        "markers": [[b.left, b.top, b.right, b.bottom] for b in look.markers],
    }


def _methods(said: Statement) -> list[Code]:
    found = {code.value: code for file in said.files for code in file.report.methods}
    return [found[value] for value in sorted(found)]


_DATES: Final = {
    "remove": Message(
        "Dates and times are removed or replaced by 1900-01-01.",
        "Даты и время удалены или заменены на 01.01.1900.",
    ),
    "shift": Message(
        "All dates of the patient are moved back by one number of whole days; times of day stay.",
        "Все даты пациента сдвинуты назад на одно число полных суток; время суток сохранено.",
    ),
    "keep": Message("Dates and times are kept as they were.", "Даты и время сохранены."),
}


def _lines(said: Statement) -> list[Message]:
    counts: Counter[str] = Counter()
    for file in said.files:
        counts.update(file.report.counts)
    lines = [
        Message(
            f"De-identified by Overread {__version__} after DICOM PS3.15 {EDITION} Annex E.",
            f"Обезличено программой Overread {__version__} по DICOM PS3.15 {EDITION}, прил. E.",
        ),
        Message(
            f"Objects: {len(said.files)}. Attributes removed: {counts['removed']}, private ones: "
            f"{counts['private']}, emptied: {counts['emptied']}, replaced: {counts['replaced']}, "
            f"texts cut: {counts['cleaned']}, UIDs replaced: {counts['uid']}.",
            f"Объектов: {len(said.files)}. Атрибутов удалено: {counts['removed']}, закрытых: "
            f"{counts['private']}, очищено: {counts['emptied']}, заменено: {counts['replaced']}, "
            f"текстов сокращено: {counts['cleaned']}, UID заменено: {counts['uid']}.",
        ),
        Message("Methods (CID 7050):", "Методы (CID 7050):"),
    ]
    lines += [_same(f"  {code.value} {code.meaning}") for code in _methods(said)]
    lines += [
        _same(""),
        Message("What remains, and what to look at:", "Что осталось и что проверить:"),
    ]
    lines += [Message(f"- {m.en}", f"- {m.ru}") for m in _remains(said)]
    if said.left_out:
        lines += [_same(""), Message("Left out:", "Не включено:")]
        tally = Counter((one.series, one.kind, one.reason) for one in said.left_out)
        lines += [
            Message(
                f"- series {number} ({kind}), objects: {count}. {reason.en}",
                f"- серия {number} ({kind}), объектов: {count}. {reason.ru}",
            )
            for (number, kind, reason), count in tally.items()
        ]
    return lines


def _remains(said: Statement) -> list[Message]:
    told = [_DATES[said.options.dates]]
    told += said.warnings
    if any(one.masked for one in said.series):
        told.append(
            Message(
                "The text found in pixels is blacked out in all frames of its series. The look "
                "saw single frames: text elsewhere may remain.",
                "Найденные надписи закрашены во всех кадрах серии. Просмотрены отдельные кадры: "
                "в других местах надписи могли остаться.",
            )
        )
    elif said.accepted_burned_in:
        told.append(
            Message(
                "Text in pixels was accepted by the person who exported.",
                "Надписи в пикселях приняты тем, кто экспортировал.",
            )
        )
    if said.texts_left:
        names = ", ".join(said.texts_left)
        told.append(
            Message(
                f"Free text of which known words stay: {names}.",
                f"Свободный текст, в котором оставлены известные слова: {names}.",
            )
        )
    if {one.modality for one in said.series} & {"CT", "MR", "PT"}:
        told.append(
            Message(
                "Faces can be reconstructed from images of the head; the pixels are not altered.",
                "По снимкам головы можно восстановить лицо; пиксели не изменены.",
            )
        )
    told.append(
        Message(
            "Manufacturer, model, software version and technique of the device stay.",
            "Производитель, модель, версия программы и параметры аппарата сохранены.",
        )
    )
    told.append(
        Message(
            "Who has the key can repeat the replacement of UIDs and dates: keep it apart.",
            "Имея ключ, можно повторить замену UID и дат: храните его отдельно.",
        )
    )
    return told


def _same(text: str) -> Message:
    return Message(text, text)
