"""What does the peer have? C-FIND of studies, series and images (PS3.4 annex C, study root)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from pydicom.dataset import Dataset

from app.core.errors import InputError
from app.core.report import Message
from app.core.study import PatientText
from app.dicom.character_sets import text_of
from app.dicom.files.headers import iso_date, iso_time
from app.dicom.tolerant import number_of, quiet, words_of
from app.jobs.cancel import CancelToken
from app.network.answers import Found, FoundImage, FoundSeries, FoundStudy, Level
from app.network.associations import Link, Proposal, associate
from app.network.peers import DimsePeer
from app.network.questions import QUERY_SYNTAXES, Limits, Question, ask, put_keys

STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
_SERVICE: Final = Message("the search (C-FIND)", "поиск (C-FIND)")

_RETURN_KEYS: Final[Mapping[Level, Sequence[str]]] = {
    "study": (
        "StudyInstanceUID", "PatientID", "PatientName", "PatientBirthDate", "PatientSex",
        "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
    ),
    "series": (
        "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription",
        "BodyPartExamined", "NumberOfSeriesRelatedInstances",
    ),
    "image": (
        "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID",
        "InstanceNumber", "NumberOfFrames",
    ),
}  # fmt: skip
_LEVEL_NAMES: Final[Mapping[Level, str]] = {"study": "STUDY", "series": "SERIES", "image": "IMAGE"}
_UPPER_KEYS: Final[Mapping[Level, Sequence[str]]] = {
    "study": (),
    "series": ("StudyInstanceUID",),
    "image": ("StudyInstanceUID", "SeriesInstanceUID"),
}


def find(
    peer: DimsePeer,
    level: Level,
    query: Mapping[str, str],
    *,
    cancel: CancelToken | None = None,
    limit: int | None = None,
) -> tuple[Found, ...]:
    """What matches ``query``: DICOM keywords with values, where ``*`` and ``?`` are wildcards.

    Dates may be ranges (``20260101-20260131``). A series is searched within its study, an image
    within its series: their UIDs belong to the query. No more than ``limit`` are returned.
    Raises ``NetworkFault``, ``Cancelled``, and ``InputError`` for a query that cannot be asked.
    """
    with open_for_search(peer) as link:
        return tuple(search(link, level, query, Limits(cancel, limit)))


def open_for_search(peer: DimsePeer) -> AbstractContextManager[Link]:
    """An association for several searches."""
    return associate(peer, Proposal(_SERVICE, [(STUDY_ROOT_FIND, QUERY_SYNTAXES)]))


def search(
    link: Link, level: Level, query: Mapping[str, str], limits: Limits | None = None
) -> Iterator[Found]:
    """As ``find``, over an association that is open already."""
    missing = [key for key in _UPPER_KEYS[level] if not query.get(key)]
    if missing:
        raise InputError(
            f"This search needs {' and '.join(missing)}.",
            ru=f"Для этого поиска нужны: {', '.join(missing)}.",
        )
    identifier = Dataset()
    identifier.QueryRetrieveLevel = _LEVEL_NAMES[level]
    put_keys(identifier, dict.fromkeys(_RETURN_KEYS[level], ""))
    put_keys(identifier, query)
    for answer in ask(link, Question(STUDY_ROOT_FIND, _SERVICE, identifier), limits or Limits()):
        with quiet():
            found = _READERS[level](answer)
        yield found


def images_of(
    link: Link, study_instance_uid: str, series_instance_uid: str | None, limits: Limits
) -> tuple[FoundImage, ...]:
    """Every instance of a study or of one of its series, as the peer lists them."""
    study = {"StudyInstanceUID": study_instance_uid}
    series = [series_instance_uid] if series_instance_uid else []
    if not series:
        found = search(link, "series", study, limits)
        series = [item.series_instance_uid for item in found if isinstance(item, FoundSeries)]
    images: dict[str, FoundImage] = {}
    for uid in series:
        for item in search(link, "image", study | {"SeriesInstanceUID": uid}, limits):
            if isinstance(item, FoundImage):
                images[item.sop_instance_uid] = item
    return tuple(images.values())


def _study(ds: Dataset) -> FoundStudy:
    return FoundStudy(
        study_instance_uid=text_of(ds, "StudyInstanceUID"),
        patient_id=PatientText(text_of(ds, "PatientID")),
        patient_name=PatientText(text_of(ds, "PatientName").rstrip("^=")),
        birth_date=PatientText(iso_date(text_of(ds, "PatientBirthDate"))),
        sex=text_of(ds, "PatientSex"),
        study_date=iso_date(text_of(ds, "StudyDate")),
        study_time=iso_time(text_of(ds, "StudyTime")),
        accession_number=text_of(ds, "AccessionNumber"),
        description=text_of(ds, "StudyDescription"),
        modalities=tuple(word for word in words_of(ds, "ModalitiesInStudy") if word),
        series=_count(ds, "NumberOfStudyRelatedSeries"),
        instances=_count(ds, "NumberOfStudyRelatedInstances"),
    )


def _series(ds: Dataset) -> FoundSeries:
    return FoundSeries(
        study_instance_uid=text_of(ds, "StudyInstanceUID"),
        series_instance_uid=text_of(ds, "SeriesInstanceUID"),
        modality=text_of(ds, "Modality"),
        number=_count(ds, "SeriesNumber"),
        description=text_of(ds, "SeriesDescription"),
        body_part=text_of(ds, "BodyPartExamined"),
        instances=_count(ds, "NumberOfSeriesRelatedInstances"),
    )


def _image(ds: Dataset) -> FoundImage:
    return FoundImage(
        study_instance_uid=text_of(ds, "StudyInstanceUID"),
        series_instance_uid=text_of(ds, "SeriesInstanceUID"),
        sop_instance_uid=text_of(ds, "SOPInstanceUID"),
        sop_class_uid=text_of(ds, "SOPClassUID"),
        number=_count(ds, "InstanceNumber"),
        frames=_count(ds, "NumberOfFrames"),
    )


_READERS: Final[Mapping[Level, Callable[[Dataset], Found]]] = {
    "study": _study,
    "series": _series,
    "image": _image,
}


def _count(ds: Dataset, keyword: str) -> int | None:
    number = number_of(ds, keyword)
    return None if number is None else int(number)
