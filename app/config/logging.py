"""Log files without patient data: masked fields, known texts and person names are taken out."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from app.core.study import Patient, PatientText

MASK: Final = "<patient data>"
RUN_ID: Final = uuid.uuid4().hex[:8]

# DICOM person names (PS3.5 6.2.1.2) are the one patient text with a shape of its own
_PERSON_NAME = re.compile(r"[^\W\d_]+(?:[ -][^\W\d_]+)*\^[^\s,;:'\")\]]*")
_SHORTEST = 4


class PatientDataFilter(logging.Filter):
    """Masks patient data in the finished message of every record."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()

    def protect(self, patient: Patient) -> None:
        """From now on these texts appear in no record."""
        texts = {str(patient.id), str(patient.name), *str(patient.name).split("^")}
        self._known |= {text for text in texts if len(text) >= _SHORTEST}

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; it is always let through."""
        record.args = _masked(record.args)
        record.msg = self.clean(record.getMessage())
        record.args = None
        return True

    def clean(self, text: str) -> str:
        """The text with patient data masked."""
        for known in sorted(self._known, key=len, reverse=True):
            text = text.replace(known, MASK)
        return _PERSON_NAME.sub(MASK, text)


class _Formatter(logging.Formatter):
    """Masks tracebacks too: their last line may quote a value."""

    def __init__(self, patient_data: PatientDataFilter) -> None:
        super().__init__(f"%(asctime)s {RUN_ID} %(levelname)s %(name)s %(threadName)s: %(message)s")
        self._patient_data = patient_data

    def format(self, record: logging.LogRecord) -> str:
        return self._patient_data.clean(super().format(record))


def set_up_logging(folder: Path, *, level: int = logging.INFO) -> PatientDataFilter:
    """Log to ``folder/overread.log`` (5 files of 1 MB). Returns the filter to tell of patients.

    A second call replaces the first. A folder that cannot be written leaves the program without
    a log, not without a start.
    """
    end_logging()
    root = logging.getLogger("overread")
    patient_data = PatientDataFilter()
    root.setLevel(level)
    root.propagate = False
    handler: logging.Handler
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / "overread.log", maxBytes=1_000_000, backupCount=4, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.addFilter(patient_data)
    handler.setFormatter(_Formatter(patient_data))
    root.addHandler(handler)
    return patient_data


def end_logging() -> None:
    """Close the log files; what is logged from now on goes where Python sends it."""
    root = logging.getLogger("overread")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.propagate = True


def _masked(args: object) -> tuple[object, ...] | dict[str, object] | None:
    if isinstance(args, dict):
        return {key: _mask_one(value) for key, value in args.items()}
    if isinstance(args, Iterable) and not isinstance(args, str):
        return tuple(_mask_one(value) for value in args)
    return None


def _mask_one(value: object) -> object:
    return MASK if isinstance(value, PatientText) else value
