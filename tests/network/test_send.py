"""C-STORE to a real PACS: many kinds, lossless fallback, a cut connection, a full disk there."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from app.core.errors import NetworkFault, PeerUnavailable
from app.jobs.cancel import CancelToken
from app.network.file_head import FileHead
from app.network.lossless import rewrite
from app.network.peers import DimsePeer
from app.network.send import send
from tests.network.cable import cable_to
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc, OrthancOptions, free_port, running_orthanc
from tests.support.synthetic_dicom import (
    SeriesSpec,
    uid,
    write_projection,
    write_secondary_capture,
    write_series,
    write_ultrasound,
)
from tests.support.validation import dciodvfy_errors

PLAIN = [str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian)]
COMPRESSED = [JPEG2000Lossless, JPEGLSLossless, RLELossless, DeflatedExplicitVRLittleEndian]


def _stored(pacs: Orthanc, path: Path, folder: Path) -> pydicom.Dataset:
    """The object of ``path`` as the PACS has it."""
    original = pydicom.dcmread(path)
    target = folder / "stored.dcm"
    target.write_bytes(pacs.file_of(str(original.SOPInstanceUID)))
    return pydicom.dcmread(target)


def test_a_study_of_300_slices(orthanc: Orthanc, tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=300, rows=16, columns=16))
    steps: list[float] = []
    outcome = send(peer_of(orthanc), paths, progress=lambda fraction, _: steps.append(fraction))
    assert sorted(outcome.sent) == sorted(paths)
    assert (outcome.failed, outcome.converted, outcome.warnings) == ((), (), ())
    assert len(orthanc.instances()) == 300
    assert steps == sorted(steps)
    assert steps[-1] == 1.0


def test_objects_of_many_kinds_go_as_they_are(orthanc: Orthanc, tmp_path: Path) -> None:
    paths = [
        *write_series(tmp_path, SeriesSpec(count=1, name="ct")),
        *write_series(tmp_path, SeriesSpec(count=1, name="mr", modality="MR")),
        write_projection(tmp_path / "dx"),
        write_ultrasound(tmp_path / "us"),
        write_secondary_capture(tmp_path / "sc"),
    ]
    for n, syntax in enumerate(COMPRESSED[:3]):
        spec = SeriesSpec(count=1, rows=64, columns=64, name=f"c{n}", transfer_syntax_uid=syntax)
        paths += write_series(tmp_path, spec)
    outcome = send(peer_of(orthanc), paths)
    assert len(outcome.sent) == len(paths)
    assert outcome.converted == ()
    for path in paths:
        kept, original = _stored(orthanc, path, tmp_path), pydicom.dcmread(path)
        assert kept.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        assert kept.PixelData == original.PixelData


@pytest.mark.parametrize("accepted", PLAIN)
def test_lossless_fallback(tmp_path: Path, accepted: str) -> None:
    paths = []
    for n, syntax in enumerate(COMPRESSED):
        spec = SeriesSpec(count=1, rows=64, columns=64, name=f"c{n}", transfer_syntax_uid=syntax)
        paths += write_series(tmp_path / "sent", spec)
    paths.append(_big_endian(tmp_path))
    options = OrthancOptions(settings={"AcceptedTransferSyntaxes": [accepted]})
    with running_orthanc(tmp_path / "pacs", options) as pacs:
        outcome = send(peer_of(pacs), paths)
        assert outcome.failed == ()
        assert sorted(outcome.converted) == sorted(paths)
        for path in paths:
            kept, original = _stored(pacs, path, tmp_path), pydicom.dcmread(path)
            assert kept.file_meta.TransferSyntaxUID == accepted
            assert kept.SOPInstanceUID == original.SOPInstanceUID
            assert np.array_equal(kept.pixel_array, original.pixel_array)
            assert kept.PatientName == original.PatientName
            assert kept.ImagePositionPatient == original.ImagePositionPatient


def _big_endian(folder: Path) -> Path:
    """A CT slice in explicit VR big endian."""
    (path,) = write_series(folder / "be", SeriesSpec(count=1, name="be"))
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.pixel_array.astype(">i2").tobytes()
    with path.open("wb") as stream:
        stream.write(FileHead(ds.SOPClassUID, ds.SOPInstanceUID, ExplicitVRBigEndian).encoded())
        out = DicomFileLike(stream)
        out.is_implicit_VR, out.is_little_endian = False, False
        write_dataset(out, ds)
    return path


@pytest.mark.parametrize("syntax", COMPRESSED[:3])
def test_what_is_decoded_is_valid(tmp_path: Path, syntax: str) -> None:
    spec = SeriesSpec(count=1, rows=64, columns=64, transfer_syntax_uid=syntax)
    (path,) = write_series(tmp_path, spec)
    target = tmp_path / "plain.dcm"
    rewrite(path, str(ExplicitVRLittleEndian), target)
    assert dciodvfy_errors(target) == dciodvfy_errors(path)


def test_group_lengths_and_private_classes(orthanc: Orthanc, tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, SeriesSpec(count=1))
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.3.4.5.6.7.8.9"
    ds.add_new(0x00080000, "UL", 1234)
    ds.private_block(0x0011, "OVERREAD TEST", create=True).add_new(1, "LO", "private")
    ds.save_as(path, enforce_file_format=True)
    assert send(peer_of(orthanc), [path]).sent == (path,)
    kept = _stored(orthanc, path, tmp_path)
    assert kept.SOPClassUID == "1.2.3.4.5.6.7.8.9"
    assert kept[0x00111001].value == "private"


def test_files_that_cannot_be_sent_are_named_and_the_rest_goes(
    orthanc: Orthanc, tmp_path: Path
) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=2))
    text = tmp_path / "notes.txt"
    text.write_text("this is no DICOM object")
    bare = tmp_path / "bare"
    ds = pydicom.dcmread(paths[1])
    ds.SOPInstanceUID = uid("without meta information")
    del ds.file_meta
    ds.save_as(bare, implicit_vr=True, little_endian=True)
    outcome = send(peer_of(orthanc), [text, *paths, bare, tmp_path / "missing"])
    assert {failed.path for failed in outcome.failed} == {text, tmp_path / "missing"}
    assert not any(failed.may_retry for failed in outcome.failed)
    assert set(outcome.sent) == {*paths, bare}
    assert outcome.converted == (bare,)
    assert len(orthanc.instances()) == 3


def test_connection_cut_in_the_middle(orthanc: Orthanc, tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=20, rows=64, columns=64))
    with cable_to(orthanc.dicom_port, 90_000, cut_answers=False) as cable:
        outcome = send(peer_of(orthanc, port=cable.port), paths)
    assert 0 < len(outcome.sent) < 20
    assert len(outcome.sent) + len(outcome.failed) == 20
    assert all(failed.may_retry for failed in outcome.failed)
    assert "was lost" in outcome.failed[0].reason.en
    assert len(orthanc.instances()) >= len(outcome.sent)
    rest = [failed.path for failed in outcome.failed]
    assert send(peer_of(orthanc), rest).failed == ()
    assert len(orthanc.instances()) == 20


def test_pacs_killed_and_restarted(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=30, rows=32, columns=32))
    with running_orthanc(tmp_path / "pacs") as pacs:

        def progress(fraction: float, text: str) -> None:
            if 0.3 < fraction < 0.35:
                pacs.kill()

        outcome = send(peer_of(pacs), paths, progress=progress)
        assert len(outcome.sent) == 10
        rest = [failed.path for failed in outcome.failed if failed.may_retry]
        assert len(rest) == 20
        with pytest.raises(PeerUnavailable):
            send(peer_of(pacs), rest)
        pacs.start()
        assert len(send(peer_of(pacs), rest).sent) == 20
        assert len(pacs.instances()) == 30


def test_disk_full_at_the_pacs(tmp_path: Path) -> None:
    small = write_series(tmp_path / "s", SeriesSpec(count=2, name="s"))
    large = write_series(tmp_path / "l", SeriesSpec(count=1, name="l", rows=700, columns=700))
    with running_orthanc(tmp_path / "pacs", OrthancOptions(largest_file_kb=800)) as pacs:
        outcome = send(peer_of(pacs), [small[0], *large, small[1]])
        assert set(outcome.sent) == set(small)
        (failed,) = outcome.failed
        assert failed.path == large[0]
        assert failed.may_retry
        assert "pacs did not take it" in failed.reason.en
        assert len(pacs.instances()) == 2


def test_cancelled_in_the_middle(orthanc: Orthanc, tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=10, rows=8, columns=8))
    token = CancelToken()

    def progress(fraction: float, text: str) -> None:
        if fraction >= 0.5:
            token.cancel()

    outcome = send(peer_of(orthanc), paths, progress=progress, cancel=token)
    assert len(outcome.sent) == 5
    assert all("cancelled" in failed.reason.en for failed in outcome.failed)
    assert all(failed.may_retry for failed in outcome.failed)


def test_no_connection_at_all(orthanc: Orthanc, tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=1))
    with pytest.raises(PeerUnavailable):
        send(DimsePeer("pacs", "ORTHANC", "127.0.0.1", free_port()), paths)
    with pytest.raises(NetworkFault, match="AE title 'WRONG'"):
        send(peer_of(orthanc, ae_title="WRONG"), paths)


def test_a_large_object_cut_in_the_middle(orthanc: Orthanc, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    paths = write_series(tmp_path, SeriesSpec(count=2, rows=1000, columns=1000))
    with cable_to(orthanc.dicom_port, 500_000, cut_answers=False) as cable:
        outcome = send(peer_of(orthanc, port=cable.port), paths)
    assert outcome.sent == ()
    assert all(failed.may_retry for failed in outcome.failed)
    assert set(threading.enumerate()) <= before
