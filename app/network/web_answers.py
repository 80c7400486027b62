"""DICOM JSON (PS3.18 F) to the values of ``answers``: what QIDO found, what STOW says it took."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pydicom
import requests

from app.core.report import Message
from app.core.study import PatientText
from app.dicom.files.headers import iso_date, iso_time
from app.network import web_faults
from app.network.answers import Found, FoundImage, FoundSeries, FoundStudy, Level
from app.network.web_peer import WebPeer

Row = Mapping[str, Any]

_LONGEST_ANSWER: Final = 256 << 20

# what a peer may leave out unless it is named (PS3.18 10.6.3.3), beside what it must return
MORE_FIELDS: Final[dict[Level, tuple[str, ...]]] = {
    "study": ("StudyDescription", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
    "series": ("SeriesDescription", "BodyPartExamined", "NumberOfSeriesRelatedInstances"),
    "image": ("SOPClassUID", "InstanceNumber", "NumberOfFrames"),
}
# the unique key of each level
UID_TAG: Final[dict[Level, str]] = {
    "study": "0020000D",
    "series": "0020000E",
    "image": "00080018",
}
# PS3.3 C.14.1.1 and PS3.7 Annex C; the rest is told by its number
_REASONS: Final = {
    0x0110: Message("the peer failed to process it", "узел не смог его обработать"),
    0x0111: Message("the peer has an object with this UID", "объект с этим UID уже есть"),
    0x0117: Message("its UID is not valid", "недопустимый UID"),
    0x0122: Message("the peer does not take this kind of object", "такие объекты не принимаются"),
    0x0124: Message("this account may not store", "учётной записи запрещено сохранять"),
    0x0213: Message("the peer is short of resources", "узлу не хватает ресурсов"),
    0xC122: Message(
        "the peer does not take this transfer syntax", "такой синтаксис передачи не принимается"
    ),
}


def found_of(level: Level, row: Row) -> Found:
    """One QIDO row as the value of its level."""
    return _OF_LEVEL[level](row)


def _study(row: Row) -> FoundStudy:
    return FoundStudy(
        study_instance_uid=text(row, "0020000D"),
        patient_id=PatientText(text(row, "00100020")),
        patient_name=PatientText(text(row, "00100010")),
        birth_date=PatientText(iso_date(text(row, "00100030"))),
        sex=text(row, "00100040"),
        study_date=iso_date(text(row, "00080020")),
        study_time=iso_time(text(row, "00080030")),
        accession_number=text(row, "00080050"),
        description=text(row, "00081030"),
        modalities=tuple(map(str, _values(row, "00080061"))),
        series=number(row, "00201206"),
        instances=number(row, "00201208"),
    )


def _series(row: Row) -> FoundSeries:
    return FoundSeries(
        study_instance_uid=text(row, "0020000D"),
        series_instance_uid=text(row, "0020000E"),
        modality=text(row, "00080060"),
        number=number(row, "00200011"),
        description=text(row, "0008103E"),
        body_part=text(row, "00180015"),
        instances=number(row, "00201209"),
    )


def _image(row: Row) -> FoundImage:
    return FoundImage(
        study_instance_uid=text(row, "0020000D"),
        series_instance_uid=text(row, "0020000E"),
        sop_instance_uid=text(row, "00080018"),
        sop_class_uid=text(row, "00080016"),
        number=number(row, "00200013"),
        frames=number(row, "00280008"),
    )


_OF_LEVEL: Final[dict[Level, Callable[[Row], Found]]] = {
    "study": _study,
    "series": _series,
    "image": _image,
}


def text(row: Row, tag: str) -> str:
    """The first value as text; of a person name the alphabetic group, else the next there is."""
    value = next(iter(_values(row, tag)), "")
    if isinstance(value, Mapping):
        groups = (value.get(name) for name in ("Alphabetic", "Ideographic", "Phonetic"))
        value = next(filter(None, groups), "")
    return str(value)


def number(row: Row, tag: str) -> int | None:
    """The first value as whole number; some servers write it as text. None where it is none."""
    try:
        return int(text(row, tag))
    except ValueError:
        return None


def items(answer: Row, tag: str) -> tuple[Row, ...]:
    """The items of a sequence."""
    return tuple(item for item in _values(answer, tag) if isinstance(item, Mapping))


def _values(row: Row, tag: str) -> list[Any]:
    element = row.get(tag)
    values = element.get("Value") if isinstance(element, Mapping) else None
    return [value for value in values if value is not None] if isinstance(values, list) else []


class Refusal(NamedTuple):
    """Why an object was not taken; ``may_retry``: the same again may succeed."""

    reason: Message
    may_retry: bool


class Answered(NamedTuple):
    """Of a STOW answer: UIDs taken, UIDs refused, and whether an object taken was changed."""

    stored: set[str]
    refused: dict[str, Refusal]
    is_changed: bool


def stored_and_refused(answer: Row) -> Answered:
    """What a STOW answer says of each object.

    ReferencedSOPSequence, FailedSOPSequence, WarningReason of PS3.18 10.5.3.2 (Table I.1-1).
    """
    taken = items(answer, "00081199")
    is_changed = any(_values(item, "00081196") for item in taken)
    stored = {text(item, "00081155") for item in taken}
    refused = {
        text(item, "00081155"): _refusal(number(item, "00081197"))
        for item in items(answer, "00081198")
    }
    return Answered(stored - set(refused), refused, is_changed)


def _refusal(status: int | None) -> Refusal:
    is_passing = status in (0x0110, 0x0213) or status is None or 0xA700 <= status <= 0xA7FF
    return Refusal(_reason(status), is_passing)


def _reason(status: int | None) -> Message:
    if status is None:
        return Message("the peer gives no reason", "узел не назвал причину")
    if 0xA700 <= status <= 0xA7FF:
        return Message("the peer is out of resources", "узлу не хватает места или ресурсов")
    if 0xA900 <= status <= 0xA9FF:
        return Message(
            "its content does not fit its kind of object", "содержимое не соответствует типу"
        )
    if 0xC000 <= status <= 0xC0FF:
        return Message("the peer cannot understand it", "узел не может его прочитать")
    return _REASONS.get(status) or Message(
        f"the peer refuses it with code {status:04X}H", f"узел отказал, код {status:04X}H"
    )


def rows_of(peer: WebPeer, response: requests.Response) -> list[dict[str, Any]]:
    """The data sets of a JSON answer; none for 204 or an empty body. Raises ``NetworkFault``."""
    content = bytearray()
    for block in response.iter_content(1 << 16):
        content += block
        if len(content) > _LONGEST_ANSWER:
            raise web_faults.not_dicomweb(peer, "the answer does not end")
    if not content.strip():
        return []
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError):
        rows = None
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise web_faults.not_dicomweb(peer)
    return rows


def header_of(path: Path) -> pydicom.Dataset:
    """The UIDs of a DICOM file. Raises what pydicom raises for one that is none."""
    return pydicom.dcmread(
        path, stop_before_pixels=True, specific_tags=["SOPInstanceUID", "SOPClassUID"]
    )
