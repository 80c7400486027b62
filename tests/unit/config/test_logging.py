"""No patient data reaches the log file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from app.config.logging import end_logging, set_up_logging
from tests.support.domain import header_study


@pytest.fixture
def log(tmp_path: Path):
    patient_data = set_up_logging(tmp_path)
    patient_data.protect(header_study().patient)
    yield logging.getLogger("overread.test")
    end_logging()


def _text(tmp_path: Path) -> str:
    return (tmp_path / "overread.log").read_text("utf-8")


def test_patient_data_is_masked_however_it_comes(log: logging.Logger, tmp_path: Path) -> None:
    patient = header_study().patient
    log.info("opened %s", patient.name)
    log.info("opened %(who)s", {"who": patient.birth_date})
    log.info(f"opened {patient.name} in /data/IVANOVA/4711/x.dcm")  # noqa: G004 - that is the test
    log.info("other SMITH^JOHN^^DR, then on")
    try:
        raise ValueError(f"bad value {patient.name}")  # noqa: TRY301 - stands for any fault
    except ValueError:
        log.exception("failed")
    text = _text(tmp_path)
    for secret in ("IVANOVA", "ANNA", "1965-02-03", "4711", "SMITH", "JOHN"):
        assert secret not in text
    assert text.count("<patient data>") >= 6
    assert "then on" in text


def test_ordinary_messages_stay_as_they_are(log: logging.Logger, tmp_path: Path) -> None:
    log.info("job %d of %s: 2^16 and a^b", 3, "compute")
    assert "job 3 of compute" in _text(tmp_path)


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    set_up_logging(tmp_path / "file" / "logs")
    logging.getLogger("overread").error("nobody hears this")
    end_logging()
