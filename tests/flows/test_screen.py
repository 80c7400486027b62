"""Archive-wide runs: killed and started again, failures, what fits nothing, a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from app.cli.main import run
from app.inference.pack_store import PackStore
from tests.support import tiny_pack
from tests.support.orthanc import free_port
from tests.support.program import CHECKOUT, one_sentence, overread
from tests.support.synthetic_dicom import SeriesSpec, uid, write_projection, write_series

FILMS = 5


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Five films in folders, one of them broken; two in a ZIP, a CT, a torn file, and no image."""
    folder = tmp_path_factory.mktemp("archive")
    pixels = tiny_pack.film().voxels[0].astype(np.uint16)
    for n in range(FILMS + 2):
        in_zip = n >= FILMS
        place = folder / ("zipped" if in_zip else f"Phantom-{n}") / f"film-{n}.dcm"

        def own(ds, n: int = n) -> None:
            ds.StudyInstanceUID = uid("screen", n)
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("screen", n, "film")

        write_projection(place, pixels, change=own)
    with zipfile.ZipFile(folder / "two.zip", "w") as target:
        for path in (folder / "zipped").iterdir():
            target.write(path, path.name)
    shutil.rmtree(folder / "zipped")
    broken = pydicom.dcmread(folder / "Phantom-0" / "film-0.dcm")
    broken.file_meta.TransferSyntaxUID = JPEG2000Lossless
    broken.PixelData = encapsulate([b"no JPEG 2000 " * 100])
    broken["PixelData"].is_undefined_length = True
    broken.save_as(folder / "Phantom-0" / "film-0.dcm", enforce_file_format=True)
    torn = folder / "Phantom-1" / "film-1.dcm"
    (folder / "torn.dcm").write_bytes(torn.read_bytes()[:-20000])
    write_series(folder / "ct", SeriesSpec(study="ct of the archive", count=4))
    (folder / "notes.txt").write_text("nothing")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_pack.write_film_pack(folder / "packs", delay=3)
    (folder / "packs" / "tiny-lungs").rename(folder / "packs" / "tiny-lungs@1.0.0")
    assert PackStore(folder / "none", folder / "packs").get("tiny-lungs")
    return folder


def _lines(out: Path) -> list[dict]:
    journal = out / "studies.jsonl"
    content = journal.read_text() if journal.exists() else ""
    return [json.loads(line) for line in content.splitlines() if line.endswith("}")]


def _descendants(pid: int) -> set[int]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            parents[int(stat.parent.name)] = int(fields[1])
    found = {pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_and_started_again(archive, data, tmp_path):
    out = tmp_path / "out"
    words = ("screen", archive, "--pack", "tiny-lungs", "--out", out, "--workers", "1")
    program = subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, words)],
        cwd=CHECKOUT, env=os.environ | {"OVERREAD_DATA": str(data)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    limit = time.monotonic() + 240
    while len(_lines(out)) < 2 and time.monotonic() < limit:
        time.sleep(0.02)
    children = _descendants(program.pid)
    program.kill()
    program.wait()
    before = _lines(out)
    assert 2 <= len(before) < FILMS + 3
    limit = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < limit:
        time.sleep(0.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]

    again = overread(*words, "--json", data=data)
    torn, *rows, summary = [json.loads(line) for line in again.out.splitlines()]
    assert again.code == 1
    assert (torn["status"], torn["path"]) == ("unreadable", str(archive / "torn.dcm"))
    assert "cut short" in torn["error"]["en"]
    assert len(before) + len(rows) == FILMS + 3
    states = {row["study_instance_uid"]: row["status"] for row in (*before, *rows)}
    films = {uid("screen", n): "failed" if n == 0 else "done" for n in range(FILMS + 2)}
    assert states == films | {uid("ct of the archive"): "nothing-fits"}
    assert summary["by_status"] == {"done": FILMS + 1, "failed": 1, "nothing-fits": 1}
    assert summary["nothing_fits_because"][0]["en"] == "Modality is CT; the pack reads DX, CR."
    assert [failure["study_instance_uid"] for failure in summary["failures"]] == [uid("screen", 0)]
    assert "cannot be decoded" in summary["failures"][0]["en"]
    done = next(row for row in (*before, *rows) if row["status"] == "done")
    result = json.loads((out / done["packs"][0]["result"]).read_text())
    assert [finding["label"]["en"] for finding in result["findings"]] == ["right lung", "left lung"]
    assert result["runs"][0]["weights_sha256"]
    for path in out.rglob("*"):
        assert "phantom" not in path.name.lower()
        assert not path.is_file() or b"Phantom" not in path.read_bytes()
    _again_and_on_a_cluster(words, data)


def _again_and_on_a_cluster(words: tuple, data: Path) -> None:
    """Nothing to do; then what failed once more, on a scheduler that runs already."""
    third = overread(*words, data=data)
    assert third.code == 1
    assert "0 studies in" in third.out
    assert uid("screen", 0) in third.out
    assert "torn.dcm: The pixel data ends early" in third.out
    with _cluster(data) as address:
        retried = overread(*words, "--retry-failed", "--scheduler", address, "--json", data=data)
    _torn, *again, summary = [json.loads(line) for line in retried.out.splitlines()]
    assert [row["study_instance_uid"] for row in again] == [uid("screen", 0)]
    assert summary["by_status"] == {"done": FILMS + 1, "failed": 1, "nothing-fits": 1}
    gone = overread(*words, "--retry-failed", "--scheduler", address, data=data)
    assert gone.code == 4
    assert f"The Dask scheduler does not answer at {address}." in one_sentence(gone)


@contextlib.contextmanager
def _cluster(data: Path) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    environment = os.environ | {
        "OVERREAD_DATA": str(data), "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
    }  # fmt: skip
    commands = (
        ["scheduler", "--host", "127.0.0.1", "--port", address.split(":")[1], "--no-dashboard"],
        ["worker", f"tcp://{address}", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"],
    )
    started = []
    try:
        for command in commands:
            program = [sys.executable, "-m", "dask", *command]
            started.append(
                subprocess.Popen(
                    program,
                    cwd=CHECKOUT,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
        yield address
    finally:
        for process in reversed(started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_death_and_a_bug_cost_one_study_each():
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.fleet_work"],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert "('die', 0) Lost(kind='')" in lines
    assert "('bug', 0) Lost(kind='KeyError')" in lines
    assert sum(line.startswith("('add'") for line in lines) == 7
    assert "Phantom" not in done.stdout + done.stderr


def test_usage(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    out = ["--out", str(tmp_path / "out")]
    assert run(["screen", *out]) == 2
    assert "either PATH or --library" in capsys.readouterr().err
    assert run(["screen", str(tmp_path / "none"), *out]) == 3
    assert "does not exist" in capsys.readouterr().err
