"""The verbs of the network against a real PACS: echo, find, retrieve, send, listen, peers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from app.cli import main
from app.cli.find import dicom_dates
from app.config.settings import Settings, save_settings
from app.core.errors import UsageFault
from app.store.outbox import OutgoingObject
from app.store.store import Store
from tests.support.orthanc import Orthanc, OrthancOptions, free_port, running_orthanc
from tests.support.program import CHECKOUT, overread
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series
from tests.support.web_relay import Relay, running_relay

STUDY = uid("study")


@dataclass
class Verbs:
    """Runs verbs in this process, with a library of their own."""

    data: Path
    capsys: pytest.CaptureFixture[str]
    code: int = 0
    err: str = ""

    def __call__(self, *arguments: object) -> str:
        self.code = main.run([*map(str, arguments), "--data", str(self.data)])
        told = self.capsys.readouterr()
        self.err = told.err
        return told.out

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json"))


@pytest.fixture
def verbs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verbs:
    return Verbs(tmp_path / "library", capsys)


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    return write_series(tmp_path / "series", SeriesSpec(count=4))


@pytest.fixture(params=["dimse", "web"])
def address(request: pytest.FixtureRequest, orthanc: Orthanc, series: list[Path]) -> str:
    """Of a PACS that holds one study of four slices."""
    for path in series:
        orthanc.upload(path)
    if request.param == "web":
        return orthanc.dicom_web_url
    return f"{orthanc.ae_title}@127.0.0.1:{orthanc.dicom_port}"


def test_echo(verbs: Verbs, address: str) -> None:
    assert "answers" in verbs("echo", address)
    answer = verbs.json("echo", address)
    assert (verbs.code, answer["schema"]) == (0, "overread.echo/1")
    assert answer["seconds"] > 0


def test_echo_of_nobody_is_told_in_words(verbs: Verbs) -> None:
    for address in (f"X@127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"):
        assert verbs("echo", address) == ""
        assert verbs.code == 4
        assert verbs.err.startswith("overread: ")
    assert verbs("echo", "nobody") == ""
    assert verbs.code == 3
    assert "no peer named nobody" in verbs.err


def test_find_studies_and_series(verbs: Verbs, address: str) -> None:
    answer = verbs.json(
        "find", address, "--name", "Phantom*", "--date", "2026-01-01..2026-01-31",
        "--modality", "CT", "--patient-id", "TEST-1", "--accession", "A1",
    )  # fmt: skip
    (row,) = answer["found"]
    assert row["patient"] == {
        "id": "TEST-1", "name": "Phantom^Synthetic", "birth_date": "1970-01-01", "sex": "O",
    }  # fmt: skip
    assert (row["study_instance_uid"], row["instances"]) == (STUDY, 4)
    assert verbs.json("find", address, "--date", "2027-01-01..")["found"] == []
    assert "Nothing was found" in verbs("find", address, "--patient-id", "NOBODY")
    (found,) = verbs.json("find", address, "--level", "series", "--study-uid", STUDY)["found"]
    assert (found["modality"], found["instances"]) == ("CT", 4)
    assert STUDY in verbs("find", address)
    verbs("find", address, "--level", "series")
    assert verbs.code == 2


def test_dates_in_both_forms() -> None:
    assert dicom_dates("2026-01-31") == dicom_dates("20260131") == "20260131"
    assert dicom_dates("2026-01-01..2026-01-31") == "20260101-20260131"
    assert dicom_dates("2026-01-01..") == "20260101-"
    assert dicom_dates("..2026-01-31") == "-20260131"
    with pytest.raises(UsageFault):
        dicom_dates("last week")


def test_retrieve_into_the_library(verbs: Verbs, address: str) -> None:
    answer = verbs.json("retrieve", address, "--study", STUDY)
    assert (verbs.code, answer["complete"], answer["received"]) == (0, True, 4)
    assert answer["library"] == {"received": 4, "expected": 4, "complete": True}
    (study,) = verbs.json("studies")["studies"]
    assert (study["study_instance_uid"], study["instances"]) == (STUDY, 4)
    assert "4 were there already" in verbs("retrieve", address, "--study", STUDY)
    assert verbs.code == 0
    assert verbs.json("studies")["studies"][0]["instances"] == 4


def test_retrieve_into_a_folder(verbs: Verbs, address: str, tmp_path: Path) -> None:
    answer = verbs.json("retrieve", address, "--study", STUDY, "--out", tmp_path / "out")
    assert (answer["complete"], answer["library"]) == (True, None)
    assert len(list((tmp_path / "out").glob("*.dcm"))) == 4
    assert verbs.json("studies")["studies"] == []
    series_uid = uid("study", "series")
    one = verbs.json(
        "retrieve", address, "--study", STUDY, "--series", series_uid, "--out", tmp_path / "one"
    )
    assert one["received"] == 4


def test_d18_a_retrieval_that_is_cut_off_exits_4_and_says_what_is_missing(
    verbs: Verbs, tmp_path: Path, orthanc: Orthanc
) -> None:
    spec = SeriesSpec(count=20, rows=128, columns=128)
    for path in write_series(tmp_path / "many", spec):
        orthanc.upload(path)
    with running_relay(Relay(orthanc.url, cut_after=300_000)) as relay:
        answer = verbs.json(
            "retrieve", f"{relay.url}/dicom-web", "--study", STUDY, "--out", tmp_path / "out"
        )
    assert (verbs.code, answer["complete"], answer["expected"]) == (4, False, 20)
    assert len(answer["missing"]) == answer["failed"] == 20 - answer["received"]
    assert answer["warnings"][0]["ru"]
    inspected = verbs_inspect(tmp_path / "out")
    assert inspected["files"]["dicom"] == answer["received"]


def test_d18_a_study_that_the_peer_does_not_have_is_not_found(verbs: Verbs, address: str) -> None:
    told = verbs("retrieve", address, "--study", "1.2.3.4", "--json")
    if address.startswith("http"):
        # A wrong address and a wrong UID have one answer there.
        assert (verbs.code, told) == (4, "")
        return
    answer = json.loads(told)
    assert (verbs.code, answer["received"], answer["complete"]) == (3, 0, False)


def verbs_inspect(folder: Path) -> Any:
    return overread("inspect", folder, "--json", data=folder.parent / "none").json()


def test_retrieve_by_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verbs, port = Verbs(tmp_path / "library", capsys), free_port()
    verbs.data.mkdir()
    (verbs.data / "settings.toml").write_text(
        f'ae_title = "READER"\nlisten_port = {port}\n', "utf-8"
    )
    options = OrthancOptions(our_ae_title="READER", our_port=port)
    with running_orthanc(tmp_path / "pacs", options) as own:
        for path in write_series(tmp_path / "series", SeriesSpec(count=3)):
            own.upload(path)
        address = f"{own.ae_title}@127.0.0.1:{own.dicom_port}"
        answer = verbs.json("retrieve", address, "--study", STUDY, "--method", "move")
        assert (answer["complete"], answer["library"]["received"]) == (True, 3)
        verbs("retrieve", own.dicom_web_url, "--study", STUDY, "--method", "move")
        assert verbs.code == 3


@pytest.fixture
def empty_address(request: pytest.FixtureRequest, orthanc: Orthanc) -> str:
    return (
        orthanc.dicom_web_url
        if request.param == "web"
        else f"{orthanc.ae_title}@127.0.0.1:{orthanc.dicom_port}"
    )


@pytest.mark.parametrize("empty_address", ["web", "dimse"], indirect=True)
def test_send_files_and_folders(
    verbs: Verbs, empty_address: str, series: list[Path], orthanc: Orthanc
) -> None:
    (series[0].parent / "notes.txt").write_text("not an object", "utf-8")
    answer = verbs.json("send", empty_address, series[0].parent)
    assert (verbs.code, len(answer["sent"]), answer["failed"]) == (0, 4, [])
    assert len(orthanc.instances()) == 4
    assert "1 of 1 objects sent" in verbs("send", empty_address, series[0])
    assert len(orthanc.instances()) == 4
    verbs("send", empty_address, series[0].parent / "notes.txt")
    assert verbs.code == 3


def test_listen_takes_what_comes_into_the_library(
    tmp_path: Path, series: list[Path], verbs: Verbs
) -> None:
    port = free_port()
    command = [
        sys.executable, "-m", "app", "listen", "--port", str(port), "--ae-title", "READER",
        "--once", "--json", "--data", str(verbs.data),
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        # whatever fails below, nobody waits for it longer than this
        watch = threading.Timer(20.0, process.kill)
        watch.start()
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        assert (first["event"], first["port"]) == ("listening", port)
        answer = verbs.json("send", f"READER@127.0.0.1:{port}", *series)
        assert len(answer["sent"]) == 4
        events = [json.loads(line) for line in process.stdout]
        assert process.wait(30) == 0
        watch.cancel()
    assert events[-1] == {"schema": "overread.listen/1", "event": "ended", "objects": 4}
    assert sum(e["objects"] for e in events if e["event"] == "received") == 4
    assert verbs.json("studies")["studies"][0]["instances"] == 4


def test_listen_for_a_time_ends_and_a_taken_port_is_told(verbs: Verbs) -> None:
    started = time.monotonic()
    assert "listening" in verbs("listen", "--port", free_port(), "--for", "0.2")
    assert time.monotonic() - started >= 0.2
    import socket

    with socket.create_server(("", 0)) as taken:
        verbs("listen", "--port", taken.getsockname()[1], "--for", "0.2")
    assert verbs.code == 4
    assert "another program" in verbs.err


def test_peers_are_added_tested_and_removed(
    verbs: Verbs, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No peers" in verbs("peers", "list")
    place = f"{orthanc.ae_title}@127.0.0.1:{orthanc.dicom_port}"
    verbs("peers", "add", "PACS", place, "--auto-send", "--commitment")
    verbs("peers", "add", "Web", orthanc.dicom_web_url, "--auth", "basic", "--user", "me")
    assert verbs.code == 0
    rows = verbs.json("peers", "list")["peers"]
    assert [(row["name"], row["kind"], row["auto_send"]) for row in rows] == [
        ("PACS", "dimse", True), ("Web", "web", False),
    ]  # fmt: skip
    assert "answers" in verbs("peers", "test", "PACS")
    assert "answers" in verbs("echo", "PACS")
    verbs("peers", "test", "Web")
    assert (verbs.code, "needs a secret" in verbs.err) == (3, True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("sesame\n"))
    assert "sesame" not in verbs("peers", "secret", "Web")
    assert verbs.json("peers", "list")["peers"][1]["has_secret"] is True
    assert "sesame" not in (verbs.data / "settings.toml").read_text("utf-8")
    assert "answers" in verbs("peers", "test", "Web")
    verbs("peers", "add", "PACS", place)
    assert (verbs.code, "already" in verbs.err) == (3, True)
    verbs("peers", "add", "PACS", place, "--replace", "--calling-ae-title", "OTHER")
    (pacs, _web) = verbs.json("peers", "list")["peers"]
    assert (pacs["calling_ae_title"], pacs["auto_send"]) == ("OTHER", False)
    verbs("peers", "remove", "Web")
    assert "sesame" not in (verbs.data / "secrets.toml").read_text("utf-8")
    verbs("peers", "remove", "Web")
    assert verbs.code == 3
    verbs("peers", "add", "bad", "https://me:hidden@pacs.example/x")
    assert (verbs.code, "hidden" in verbs.err) == (3, False)


def test_the_outbox_lists_runs_and_retries(
    verbs: Verbs, orthanc: Orthanc, series: list[Path]
) -> None:
    assert "empty" in verbs("outbox", "list")
    orthanc_place = f"{orthanc.ae_title}@127.0.0.1:{orthanc.dicom_port}"
    verbs("peers", "add", "PACS", orthanc_place, "--auto-send")
    with closing(Store(verbs.data)) as store:
        now = store.clock.now_utc()
        objects = [
            OutgoingObject(path, STUDY, "1.2.840.10008.5.1.4.1.1.2", uid("study", "series", n))
            for n, path in enumerate(series)
        ]
        store.outbox.put("PACS", objects, at_utc=now)
        store.outbox.put("gone", objects[:1], at_utc=now)
    answer = verbs.json("outbox", "run")
    assert (verbs.code, answer["sent"], answer["failed"]) == (1, 4, 1)
    assert len(orthanc.instances()) == 4
    listed = verbs.json("outbox", "list")
    assert (listed["counts"]["sent"], listed["counts"]["failed"]) == (4, 1)
    (lost,) = [row for row in listed["objects"] if row["state"] == "failed"]
    assert "gone" in lost["reason"]["en"]
    assert "failed" in verbs("outbox", "list")
    assert verbs.json("outbox", "retry", "--peer", "gone")["due"] == 1
    assert verbs.json("outbox", "retry")["due"] == 1


def test_listen_and_send_over_tls(tmp_path: Path, series: list[Path], verbs: Verbs) -> None:
    authority, port = trustme.CA(), free_port()
    own, issuer = tmp_path / "own.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(own))
    authority.cert_pem.write_to_path(str(issuer))
    verbs("peers", "add", "me", f"READER@localhost:{port}", "--tls", "--ca-file", issuer)
    verbs("peers", "add", "plain", f"READER@localhost:{port}", "--timeout", "2")
    reader = tmp_path / "reader"
    save_settings(
        reader, Settings(ae_title="READER", listen_port=port, listen_certificate=str(own))
    )
    command = [sys.executable, "-m", "app", "listen", "--for", "20", "--data", str(reader)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "listening" in process.stdout.readline()
            assert len(verbs.json("send", "me", *series)["sent"]) == 4
            verbs("echo", "plain")
            assert verbs.code == 4
        finally:
            process.terminate()
            process.stdout.close()


def test_find_the_worklist(verbs: Verbs, orthanc: Orthanc) -> None:
    planned = Dataset()
    planned.file_meta = FileMetaDataset()
    planned.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    planned.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    planned.file_meta.MediaStorageSOPInstanceUID = uid("worklist")
    planned.PatientID, planned.PatientName = "WL-1", "Planned^Patient"
    planned.AccessionNumber, planned.StudyInstanceUID = "A9", uid("planned")
    step = Dataset()
    step.Modality, step.ScheduledProcedureStepStartDate = "CT", "20260203"
    planned.ScheduledProcedureStepSequence = [step]
    path = orthanc.worklists / "verb.wl"
    planned.save_as(path, enforce_file_format=True)
    address = f"{orthanc.ae_title}@127.0.0.1:{orthanc.dicom_port}"
    try:
        (row,) = verbs.json("find", address, "--level", "worklist", "--date", "2026-02-03")["found"]
    finally:
        path.unlink()
    assert row["patient"]["name"] == "Planned^Patient"
    assert (row["accession_number"], row["steps"][0]["start_date"]) == ("A9", "2026-02-03")
    verbs("find", orthanc.dicom_web_url, "--level", "worklist")
    assert verbs.code == 2


@pytest.mark.parametrize(
    "wrong", [["--port", "99999"], ["--port", "-5"], ["--for", "-1"], ["--for", "nan"]]
)
def test_listen_where_no_port_can_be_is_a_matter_of_usage(verbs: Verbs, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        verbs("listen", *wrong)
    assert caught.value.code == 2
