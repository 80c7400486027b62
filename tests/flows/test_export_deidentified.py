"""A study leaves the house without its patient: images, SEG and SR, all still one study (D17)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.cli.main import run
from app.config.folders import resources_folder
from app.core.errors import Cancelled, DeidentifyError, IdentityConflict, InputError
from app.core.study import Study
from app.dicom.deid.options import DeidentifyOptions
from app.jobs.cancel import CancelToken
from app.workflow import review
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.deid_key import load_key
from app.workflow.export_deidentified import DeidentifiedRequest, export_deidentified
from app.workflow.open_study import open_paths
from app.workflow.run_models import apply_result, run_pack
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign
from tests.flows.conftest import PACK, only_ref, write_film
from tests.support.highdicom_reader import read_seg
from tests.support.synthetic_dicom import (
    SeriesSpec,
    base_dataset,
    save,
    write_secondary_capture,
    write_series,
)
from tests.support.validation import dciodvfy_errors

SHIFTED = DeidentifyOptions(dates="shift", clean_descriptors=True)
NAME = "Козлодоев^Пётр"
SECRETS = ("Козлодоев", "Пётр", "TEST-1", "19700101", "20260102", "Petrov", "ACC-4711")
TEXT = "CHEST X-RAY\nFINDINGS:\nLungs.\nIMPRESSION:\nLungs.\n"


@pytest.fixture
def signed(context: AppContext, tmp_path: Path) -> StudySession:
    """A film with the two fields of the tiny pack, one accepted, the report signed."""
    film = write_film(tmp_path / "named.dcm", name=NAME)
    # Long enough not to stand in pixels or identifiers by chance.
    ds = pydicom.dcmread(film)
    ds.AccessionNumber = "ACC-4711"
    ds.save_as(film)
    study = open_paths(context, [film]).studies[0]
    session = StudySession(context, study)
    uids = apply_result(session, run_pack(context, study, PACK, only_ref(study)))
    review.accept(session, uids[0])
    review.reject(session, uids[1], "artefact")
    session.set_report_text(TEXT)
    check = check_now(session)
    sign(session, SignRequest("Dr Petrov", "author", check, ()))
    return session


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_d17_images_and_results_come_out_without_the_patient_and_still_fit(
    signed: StudySession, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = export_deidentified(signed, out, DeidentifiedRequest(SHIFTED))
    names = [path.relative_to(out).as_posix() for path in done.files]
    assert names == [
        "images/01/00001.dcm", "results/ai-seg-1.dcm", "results/ai-sr-1.dcm",
        "results/seg-1.dcm", "results/sr-1.dcm",
    ]  # fmt: skip
    for name, content in _contents(out).items():
        for secret in SECRETS:
            for encoding in ("utf-8", "cp1251", "iso8859-5"):
                assert secret.encode(encoding, "ignore") not in content, (name, secret)
        assert signed.study.study_instance_uid.encode() not in content, name
    image = pydicom.dcmread(out / "images/01/00001.dcm")
    assert image.PatientName == image.PatientID == f"P-{str(image.PatientID)[2:]}"
    faults_of_the_film = dciodvfy_errors(tmp_path / "named.dcm")  # it is a synthetic one
    for path in done.files:
        allowed = faults_of_the_film if path.parent.name == "01" else []
        assert set(dciodvfy_errors(path)) <= set(allowed), path.name
        ds = pydicom.dcmread(path)
        assert ds.StudyInstanceUID == image.StudyInstanceUID
        assert ds.PatientID == image.PatientID
        assert ds.PatientIdentityRemoved == "YES"
    seg = read_seg(out / "results/seg-1.dcm")
    pixels = seg.get_pixels_by_source_instance([image.SOPInstanceUID])
    assert pixels.any()
    report = hd.sr.srread(out / "results/sr-1.dcm")
    referenced = {
        item.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert referenced == {image.SOPInstanceUID, seg.SOPInstanceUID}


def test_two_runs_with_one_key_agree_and_another_key_gives_another_study(
    signed: StudySession, tmp_path: Path
) -> None:
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    for out in (first, again):
        export_deidentified(signed, out, DeidentifiedRequest(SHIFTED))
    request = DeidentifiedRequest(SHIFTED, key_file=tmp_path / "another.key")
    export_deidentified(signed, other, request)
    assert _contents(first) == _contents(again)
    uids = [pydicom.dcmread(out / "images/01/00001.dcm").StudyInstanceUID for out in (first, other)]
    assert uids[0] != uids[1]


def test_the_manifest_and_the_statement_hold_no_value(
    session: StudySession, context: AppContext, study: Study, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    apply_result(session, run_pack(context, study, PACK, only_ref(study)))
    session.set_language("ru")
    export_deidentified(session, out, DeidentifiedRequest(SHIFTED))
    manifest = json.loads((out / "deidentification.json").read_text("utf-8"))
    assert manifest["schema"] == "overread.deidentified/1"
    assert [m["value"] for m in manifest["methods"]] == [
        "113100",
        "113103",
        "113104",
        "113105",
        "113107",
    ]
    assert len(manifest["files"]) == 3
    assert manifest["files"][0]["counts"]["uid"] > 0
    statement = (out / "deidentification.txt").read_text("utf-8")
    assert "сдвинуты" in statement
    key = (context.store.folder / "keys" / "deidentification.key").read_text("ascii").strip()
    assert key not in statement
    assert key not in json.dumps(manifest)
    actions = [event.action for event in context.store.audit.events()]
    assert actions[-1] == "study.deidentified"


def test_the_key_is_the_users_alone_and_never_in_the_output(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.key"
    key = load_key(path, outside=tmp_path / "out")
    assert len(key) == 32
    assert load_key(path, outside=tmp_path / "out") == key
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="must not lie"):
        load_key(tmp_path / "out" / "x.key", outside=tmp_path / "out")
    path.write_text("no key")
    with pytest.raises(InputError, match="not a key file"):
        load_key(path, outside=tmp_path / "out")


def test_a_folder_with_files_and_a_blocked_study_are_refused(
    signed: StudySession, context: AppContext, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "report.pdf").write_bytes(b"with a name")
    with pytest.raises(InputError, match="not empty"):
        export_deidentified(signed, tmp_path / "full", DeidentifiedRequest(SHIFTED))

    def rename(ds: pydicom.Dataset, n: int) -> None:
        ds.PatientID = f"OTHER-{n}"
        ds.PatientName = f"Other{n}^Person"

    write_series(tmp_path / "mixed", SeriesSpec(count=2, change=rename))
    blocked = open_paths(context, [tmp_path / "mixed"]).studies[0]
    assert blocked.blocked
    with pytest.raises(IdentityConflict):
        export_deidentified(
            StudySession(context, blocked), tmp_path / "out", DeidentifiedRequest(SHIFTED)
        )
    assert not (tmp_path / "out").exists()


def test_a_document_is_left_out_and_said_so(context: AppContext, tmp_path: Path) -> None:
    write_series(tmp_path / "mixed", SeriesSpec(count=2))
    pdf = base_dataset("1.2.840.10008.5.1.4.1.1.104.1", study="study", series="pdf", instance=1)
    pdf.Modality, pdf.MIMETypeOfEncapsulatedDocument = "DOC", "application/pdf"
    pdf.EncapsulatedDocument = b"%PDF-1.4 Phantom^Synthetic"
    save(pdf, tmp_path / "mixed" / "report.dcm")
    session = StudySession(context, open_paths(context, [tmp_path / "mixed"]).studies[0])
    done = export_deidentified(session, tmp_path / "out", DeidentifiedRequest(SHIFTED))
    assert len(done.files) == 2
    (left_out,) = done.left_out
    assert left_out.kind == "DOC"
    assert "cannot be de-identified" in left_out.reason.en
    assert "нельзя обезличить" in left_out.reason.ru
    assert "DOC" in (tmp_path / "out" / "deidentification.txt").read_text("utf-8")
    assert not any(b"%PDF" in content for content in _contents(tmp_path / "out").values())


def test_what_is_cut_short_leaves_no_folder(context: AppContext, tmp_path: Path) -> None:
    write_series(tmp_path / "ct", SeriesSpec(count=4))
    session = StudySession(context, open_paths(context, [tmp_path / "ct"]).studies[0])
    cancel = CancelToken()

    def stop(fraction: float, text: str) -> None:
        if "removing" in text:
            cancel.cancel()

    with pytest.raises(Cancelled):
        export_deidentified(
            session, tmp_path / "out", DeidentifiedRequest(SHIFTED), progress=stop, cancel=cancel
        )
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == []


def _capture(path: Path, text: str) -> Path:
    picture = Image.new("RGB", (320, 240), (10, 20, 40))
    font = ImageFont.truetype(str(resources_folder() / "fonts" / "DejaVuSans.ttf"), 18)
    ImageDraw.Draw(picture).text((12, 8), text, fill=(255, 255, 255), font=font)
    ImageDraw.Draw(picture).ellipse((90, 90, 210, 200), fill=(120, 90, 60))
    return write_secondary_capture(path, np.asarray(picture))


def test_d17_text_in_pixels_stops_the_export_until_it_is_masked_or_accepted(
    context: AppContext, tmp_path: Path
) -> None:
    (tmp_path / "sc").mkdir()
    path = _capture(tmp_path / "sc" / "capture.dcm", "Козлодоев П. 12.03.1961")
    session = StudySession(context, open_paths(context, [path]).studies[0])
    request = DeidentifiedRequest(SHIFTED)
    with pytest.raises(DeidentifyError, match="series 1"):
        export_deidentified(session, tmp_path / "out", request)
    assert not (tmp_path / "out").exists()
    masked = export_deidentified(
        session, tmp_path / "masked", DeidentifiedRequest(SHIFTED, mask_burned_in=True)
    )
    assert len(masked.warnings) == 1
    before, after = pydicom.dcmread(path).pixel_array, pydicom.dcmread(masked.files[0])
    pixels = after.pixel_array
    assert not (pixels[8:28, 12:200] == 255).any()
    assert np.array_equal(pixels[60:], before[60:])
    assert after.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert dciodvfy_errors(masked.files[0]) == dciodvfy_errors(path)
    accepted = export_deidentified(
        session, tmp_path / "accepted", DeidentifiedRequest(SHIFTED, accept_burned_in=True)
    )
    assert np.array_equal(pydicom.dcmread(accepted.files[0]).pixel_array, before)


def test_a_name_that_is_read_in_the_pixels_is_told_without_saying_it(
    context: AppContext, tmp_path: Path
) -> None:
    (tmp_path / "sc").mkdir()
    path = _capture(tmp_path / "sc" / "capture.dcm", "PHANTOM 061Y")  # as in the header
    session = StudySession(context, open_paths(context, [path]).studies[0])
    with pytest.raises(DeidentifyError, match="name or number of this patient") as refused:
        export_deidentified(session, tmp_path / "out", DeidentifiedRequest(SHIFTED))
    assert "PHANTOM" not in refused.value.text("en").upper()
    assert "--mask-burned-in" in refused.value.text("ru")


def test_the_verb_exports_deidentified(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = write_film(tmp_path / "film.dcm", name=NAME)
    out = tmp_path / "out"
    arguments = ["export", str(film), "--to", str(out), "--data", str(library), "--json"]
    assert run([*arguments, "--deidentify", "--shift-dates", "--clean-descriptors"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["files"] == ["images/01/00001.dcm"]
    assert "Козлодоев".encode() not in (out / "images/01/00001.dcm").read_bytes()
    assert run([*arguments, "--mask-burned-in"]) == 2
    assert "--deidentify" in capsys.readouterr().err
    assert run([*arguments, "--deidentify", "--as", "pdf"]) == 2
