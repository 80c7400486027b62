"""From paths and from the library to open studies; scanning runs in the io lane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.study import Study
from app.dicom.character_sets import display_name
from app.ui.corner_texts import iso_date
from app.ui.job_bridge import JobBridge
from app.ui.study_browser import StudyRow, study_row
from app.ui.texts import tr
from app.workflow.open_study import OpenedPaths, known_priors, open_paths, open_stored

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_LIBRARY_ROWS = 40


class StudyOpener(QObject):
    """Knows the studies opened in this run and those of the library. Main thread only."""

    opened = Signal(object)
    """The ``OpenedPaths`` of what was given."""
    study_ready = Signal(object)
    """A ``Study`` of the library that was asked for."""
    failed = Signal(object)
    busy_changed = Signal(str)
    """What is being done, or an empty text."""

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = bridge
        self._studies: dict[str, Study] = {}
        self._waiting = 0

    def open(self, paths: Sequence[Path]) -> None:
        """Scan files, folders and ZIPs; ``opened`` or ``failed`` follows."""
        given = tuple(paths)
        if not given:
            return
        self._begin(tr("opening.scan", name=given[0].name))
        self._bridge.submit(
            "io",
            tr("job.open"),
            lambda token, progress: open_paths(
                self._context, given, progress=progress, cancel=token
            ),
            done=self._take,
            failed=self._fail,
        )

    def open_study(self, study_instance_uid: str) -> None:
        """A study of this run at once, one of the library after reading it anew."""
        study = self._studies.get(study_instance_uid)
        if study is not None:
            self.study_ready.emit(study)
            return
        self._begin(tr("opening.library"))
        self._bridge.submit(
            "io",
            tr("job.open"),
            lambda token, progress: open_stored(
                self._context, study_instance_uid, progress=progress, cancel=token
            ),
            done=self._take_stored,
            failed=self._fail,
        )

    def read_again(self, study_instance_uid: str) -> None:
        """A study of the library from its files as they now are; ``study_ready`` follows."""
        self._studies.pop(study_instance_uid, None)
        self._context.volumes.forget(study_instance_uid)
        self.open_study(study_instance_uid)

    def priors(self, study: Study) -> tuple[Study, ...]:
        """Earlier studies of the same patient among those opened."""
        return known_priors(study, tuple(self._studies.values()))

    def rows(self) -> tuple[StudyRow, ...]:
        """Studies of this run first, the newest on top, then the rest of the library."""
        newest = sorted(self._studies.values(), key=lambda item: item.study_date, reverse=True)
        rows = [study_row(study) for study in newest]
        for stored in self._context.store.studies.search(limit=_LIBRARY_ROWS):
            if stored.study_instance_uid not in self._studies:
                name = display_name(str(stored.patient.name))
                about = (iso_date(stored.study_date), "/".join(stored.modalities),
                         stored.description)  # fmt: skip
                rows.append(
                    StudyRow(
                        stored.study_instance_uid,
                        name or tr("patient.unnamed"),
                        "  ".join(text for text in about if text),
                    )
                )
        return tuple(rows)

    def _take(self, opened: OpenedPaths) -> None:
        self._end()
        for study in as_given(opened):
            self._studies[study.study_instance_uid] = study
        self.opened.emit(opened)

    def _take_stored(self, study: Study) -> None:
        self._end()
        self._studies[study.study_instance_uid] = study
        self.study_ready.emit(study)

    def _fail(self, error: BaseException) -> None:
        self._end()
        if not isinstance(error, AppError):
            raise error
        self.failed.emit(error)

    def _begin(self, text: str) -> None:
        self._waiting += 1
        self.busy_changed.emit(text)

    def _end(self) -> None:
        self._waiting -= 1
        if self._waiting == 0:
            self.busy_changed.emit("")


def as_given(opened: OpenedPaths) -> tuple[Study, ...]:
    """The studies in the order in which their files were given."""
    place: dict[str, int] = {}
    for number, record in enumerate(opened.scan.records):
        place.setdefault(record.study_instance_uid, number)
    return tuple(
        sorted(opened.studies, key=lambda item: place.get(item.study_instance_uid, len(place)))
    )
