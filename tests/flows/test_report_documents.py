"""Signed reports as documents: to folders and HL7 receivers; a correction never overtakes."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import hl7
import pydicom
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from app.config.report_settings import (
    CertificateSettings,
    FolderTarget,
    LetterheadSettings,
    MllpTarget,
    ReportSettings,
)
from app.core.errors import CertificateFault, PeerUnavailable, ReportError
from app.core.study import Study
from app.workflow import review
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.export import export
from app.workflow.outbox import OutboxRun, keep_promises, queue_signed, run_outbox
from app.workflow.patience import Patience
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, addendum, sign
from tests.flows.conftest import only_ref
from tests.support.certificates import PASSWORD, authority, identity, write_pkcs12
from tests.support.domain import FixedClock, effusion
from tests.support.hl7_receiver import acknowledges, receiver
from tests.support.orthanc import free_port
from tests.support.pdf_readers import pdf_text, pdfsig, require_pdfa
from tests.support.validation import dciodvfy_errors

TEXT = (
    "CHEST X-RAY\nFINDINGS:\nThere is a left pleural effusion.\n"
    "IMPRESSION:\nLeft pleural effusion.\n"
)


def _use(context: AppContext, **report: object) -> None:
    settings = ReportSettings.model_validate(report)
    context.settings = context.settings.model_copy(update={"report": settings})


def _signed(context: AppContext, study: Study) -> StudySession:
    session = StudySession(context, study)
    review.add(session, effusion(measurements=()), only_ref(study), None)
    session.set_report_text(TEXT)
    sign(session, SignRequest("Petrov^Ivan", "author", check_now(session)))
    return session


def _later(context: AppContext, hours: float) -> None:
    context.clock = FixedClock(itertools.count(int(hours * 3600)))


def _message(frame: bytes) -> hl7.Message:
    return hl7.parse(frame.decode("utf-8").strip("\x0b\x1c\r") + "\r")


def test_documents_reach_a_folder_and_a_receiver_and_an_addendum_follows_as_a_correction(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    with receiver(acknowledges()) as ris:
        folder = FolderTarget(name="RIS", folder=str(watched), send=("hl7", "fhir", "pdf", "text"))
        line = MllpTarget(name="Engine", host="127.0.0.1", port=ris.port)
        _use(context, targets=(folder, line), letterhead=LetterheadSettings(name="Clinic"))
        session = _signed(context, study)
        assert queue_signed(session) == 5
        assert run_outbox(context) == OutboxRun(sent=5)
        assert run_outbox(context) == OutboxRun()
        addendum(session, "Discussed with the surgeon.", "Petrov^Ivan")
        assert queue_signed(session) == 5
        assert run_outbox(context) == OutboxRun(sent=5)
    first, second = (_message(frame) for frame in ris.frames)
    assert str(first.segment("OBR")[25]) == "F"
    assert str(second.segment("OBR")[25]) == "C"
    assert str(first.segment("MSH")[10]) != str(second.segment("MSH")[10])
    kinds = sorted(path.name.split(".", path.name.count("."))[-1] for path in watched.iterdir())
    assert kinds == ["hl7", "hl7", "json", "json", "pdf", "pdf", "txt", "txt"]
    statuses = sorted(
        entry["resource"]["status"]
        for path in watched.glob("*.json")
        for entry in json.loads(path.read_text("utf-8"))["entry"]
        if entry["resource"]["resourceType"] == "DiagnosticReport"
    )
    assert statuses == ["appended", "final"]
    pdfs = sorted(watched.glob("*.pdf"))
    texts = [pdf_text(path) for path in pdfs]
    assert all("Clinic" in text for text in texts)
    assert sum("Earlier versions: - 1: first version" in text for text in texts) == 1
    rows = context.store.outbox.all()
    assert {row.kind for row in rows} == {"pdf", "fhir", "hl7", "text"}
    assert {row.state for row in rows} == {"sent"}


def test_nothing_leaves_where_nothing_is_set(context: AppContext, study: Study) -> None:
    session = _signed(context, study)
    assert context.store.outbox.promises() == ()
    assert queue_signed(session) == 0


def test_a_correction_never_overtakes_and_a_refusal_is_final(
    context: AppContext, study: Study
) -> None:
    port = free_port()
    _use(context, targets=(MllpTarget(name="Engine", host="127.0.0.1", port=port, timeout_s=5),))
    session = _signed(context, study)
    queue_signed(session)
    assert run_outbox(context) == OutboxRun(waiting=1)  # nobody there
    addendum(session, "More.", "Petrov^Ivan")
    queue_signed(session)
    # the first waits its pause: the second does not go before it, though it is due
    assert run_outbox(context) == OutboxRun()
    with receiver(acknowledges("AE")) as ris:
        _use(context, targets=(MllpTarget(name="Engine", host="127.0.0.1", port=ris.port),))
        _later(context, 2)
        assert run_outbox(context) == OutboxRun(waiting=1)
        ris.answer = acknowledges("AR")
        _later(context, 4)
        done = run_outbox(context)
        assert (done.failed, done.sent) == (2, 0)
        first, second = context.store.outbox.all()
        assert first.reason is not None
        assert "(AR)" in first.reason.en
        ris.answer = acknowledges("AA")
        context.store.outbox.retry(at_utc=context.clock.now_utc())
        assert run_outbox(context) == OutboxRun(sent=2)
    letters = [str(_message(frame).segment("OBR")[25]) for frame in ris.frames[-2:]]
    assert letters == ["F", "C"]
    assert second.number > first.number


def test_a_folder_that_is_not_there_is_waited_for(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    _use(context, targets=(FolderTarget(name="RIS", folder=str(share), send=("hl7",)),))
    queue_signed(_signed(context, study))
    for tries in range(1, 12):
        assert run_outbox(context) == OutboxRun(waiting=1)
        _later(context, tries * 1.1)
    share.mkdir()
    assert run_outbox(context) == OutboxRun(sent=1)
    assert [path.suffix for path in share.iterdir()] == [".hl7"]


def test_a_receiver_that_was_removed_fails_with_a_reason(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    _use(context, targets=(FolderTarget(name="RIS", folder=str(tmp_path), send=("text",)),))
    queue_signed(_signed(context, study))
    _use(context)
    assert run_outbox(context) == OutboxRun(failed=1)
    (row,) = context.store.outbox.all("failed")
    assert row.reason is not None
    assert "RIS" in row.reason.en


def test_the_pdf_is_signed_once_kept_and_waits_for_the_password(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    root = authority()
    key = write_pkcs12(tmp_path / "clinic.p12", root, identity(root, "Clinic seal"))
    _use(context, certificates=(CertificateSettings(file=str(key)),))
    # a certificate is valid on the day of the test, not on that of its clock
    context.clock = _RealClock()
    session = _signed(context, study)
    with pytest.raises(CertificateFault, match="password"):
        export(session, tmp_path / "none", ("pdf",))
    context.secrets.hold("certificate", "wrong")
    with pytest.raises(CertificateFault, match="wrong"):
        export(session, tmp_path / "none", ("pdf",))
    with pytest.raises(CertificateFault, match="waits for the password"):
        export(session, tmp_path / "none", ("pdf",))  # not tried again: that would lock a token
    context.secrets.hold("certificate", PASSWORD)
    one = export(session, tmp_path / "one", ("pdf", "fhir"))
    two = export(session, tmp_path / "two", ("pdf",))
    pdf = (tmp_path / "one" / "report.pdf").read_bytes()
    assert pdf == (tmp_path / "two" / "report.pdf").read_bytes()
    require_pdfa(tmp_path / "one" / "report.pdf")
    assert "Signature is Valid." in pdfsig(tmp_path / "one" / "report.pdf")
    (embedded,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    from asn1crypto import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    trusted = x509.Certificate.load(root.certificate.public_bytes(Encoding.DER))
    context_of_trust = ValidationContext(trust_roots=[trusted], allow_fetching=False)
    assert validate_pdf_signature(embedded, context_of_trust).bottom_line
    dicom = [path for path in (*one, *two) if path.suffix == ".dcm"]
    first, second = (pydicom.dcmread(path) for path in dicom)
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.EncapsulatedDocument[: first.EncapsulatedDocumentLength] == pdf
    assert dciodvfy_errors(dicom[0]) == []
    actions = [event.action for event in context.store.audit.events()]
    assert actions.count("report.pdf-signed") == 1
    assert PASSWORD not in "".join(
        path.read_text("utf-8", "replace") for path in tmp_path.rglob("*.toml")
    )


def test_a_time_stamp_that_cannot_be_had_is_no_wrong_password(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    context.clock = _RealClock()
    root = authority()
    key = write_pkcs12(tmp_path / "clinic.p12", root, identity(root, "Clinic seal"))
    certificates = (CertificateSettings(file=str(key)),)
    url = f"http://127.0.0.1:{free_port()}/stamp"
    _use(context, certificates=certificates, timestamp_url=url)
    context.secrets.hold("certificate", PASSWORD)
    session = _signed(context, study)
    with pytest.raises(PeerUnavailable, match="time-stamp"):
        export(session, tmp_path / "out", ("pdf",))
    assert not (tmp_path / "out" / "report.pdf").exists()  # nothing goes with less than was set
    _use(context, certificates=certificates)
    assert export(session, tmp_path / "out", ("pdf",))


class _RealClock:
    def now_utc(self) -> str:
        import datetime as dt

        return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


def test_what_is_not_signed_leaves_as_preliminary_and_never_as_pdf(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    session = StudySession(context, study)
    with pytest.raises(ReportError, match="no report"):
        export(session, tmp_path, ("hl7",))
    session.set_report_text(TEXT)
    names = {path.name for path in export(session, tmp_path, ("pdf", "fhir", "hl7", "text"))}
    assert names == {"report.fhir.json", "report.hl7", "report-ris.txt"}
    message = hl7.parse((tmp_path / "report.hl7").read_bytes().decode("utf-8"))
    assert str(message.segment("OBR")[25]) == "P"
    assert "DRAFT - not signed" in (tmp_path / "report-ris.txt").read_text("utf-8")
    assert "preliminary" in (tmp_path / "report.fhir.json").read_text("utf-8")


def test_a_promise_of_a_program_that_ended_is_kept(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    _use(context, targets=(FolderTarget(name="RIS", folder=str(tmp_path), send=("text",)),))
    _signed(context, study)
    assert keep_promises(context) == 1
    assert run_outbox(context) == OutboxRun(sent=1)
    (path,) = tmp_path.glob("*.txt")
    text = path.read_text("utf-8")
    assert text.endswith("(author and responsible; name as given, no account)\n")
    assert "IVANOVA" not in text.upper()


def test_what_waits_for_a_person_is_not_opened_again_and_again(
    context: AppContext, study: Study, tmp_path: Path
) -> None:
    context.clock = _RealClock()
    root = authority()
    key = write_pkcs12(tmp_path / "clinic.p12", root, identity(root, "Clinic seal"))
    target = FolderTarget(name="RIS", folder=str(tmp_path), send=("pdf",))
    certificate = CertificateSettings(user="Petrov^Ivan", file=str(key))
    _use(context, targets=(target,), certificates=(certificate,))
    _signed(context, study)
    seen = len(list(context.store.audit.events()))
    for _ in range(3):
        assert keep_promises(context) == 0
    assert len(list(context.store.audit.events())) == seen
    context.secrets.hold("certificate Petrov^Ivan", PASSWORD)
    assert keep_promises(context) == 1
    assert run_outbox(context) == OutboxRun(sent=1)
    (path,) = tmp_path.glob("*.pdf")
    assert "Signature is Valid." in pdfsig(path)


def test_a_promise_that_cannot_be_kept_is_tried_after_a_pause(
    context: AppContext, study: Study, film_path: Path, tmp_path: Path
) -> None:
    _use(context, targets=(FolderTarget(name="RIS", folder=str(tmp_path), send=("text",)),))
    _signed(context, study)
    film_path.rename(film_path.with_suffix(".away"))
    patience = Patience()
    assert keep_promises(context, patience=patience) == 0
    film_path.with_suffix(".away").rename(film_path)
    assert keep_promises(context, patience=patience) == 0  # its pause is not over
    assert keep_promises(context) == 1
