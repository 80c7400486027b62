"""Compressed frames in processes of their own: same pixels, and no harm from crafted ones (D19)."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from app.core.errors import DicomReadError
from app.dicom.pixels import decode_pool
from app.dicom.pixels.decode_pool import decode_frame, decode_here
from app.dicom.pixels.decoders import NotDecoded
from app.dicom.stacks.assemble import assemble_volume
from app.jobs.process_pool import ProcessPool
from tests.fuzz.seeds import Codestream, codestream_seeds
from tests.support.dangerous_work import work
from tests.support.opened import open_stack
from tests.support.synthetic_dicom import SeriesSpec, write_series


@pytest.fixture(scope="module")
def streams() -> list[Codestream]:
    return codestream_seeds(None)


def test_a_process_gives_the_same_pixels(streams: list[Codestream]) -> None:
    assert len(streams) == 3
    for stream in streams:
        there = decode_frame(stream.layout, stream.data)
        here = decode_here((stream.layout, stream.data))
        assert there.dtype == here.dtype
        assert np.array_equal(there, here)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_a_compressed_series_gives_the_volume_of_the_plain_one(tmp_path: Path, syntax: str) -> None:
    plain = SeriesSpec(count=5, rows=40, columns=36)
    packed = SeriesSpec(count=5, rows=40, columns=36, transfer_syntax_uid=syntax)
    write_series(tmp_path / "plain", plain)
    write_series(tmp_path / "packed", packed)
    expected = assemble_volume(*open_stack(tmp_path, tmp_path / "plain"))
    found = assemble_volume(*open_stack(tmp_path, tmp_path / "packed"))
    assert np.array_equal(found.voxels, expected.voxels)
    assert found.voxels.dtype == expected.voxels.dtype


def test_d19_a_codestream_with_another_size_is_refused_before_decoding(
    streams: list[Codestream],
) -> None:
    (stream,) = (s for s in streams if s.layout.transfer_syntax_uid == JPEG2000Lossless)
    at = stream.data.index(b"\xff\x51") + 6
    bomb = bytearray(stream.data)
    bomb[at : at + 8] = struct.pack(">LL", 60_000, 60_000)
    with pytest.raises(NotDecoded, match="another size"):
        decode_frame(stream.layout, bytes(bomb))


def test_d19_a_decoder_that_crashes_costs_one_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ProcessPool(work, size=1)
    try:
        monkeypatch.setattr(decode_pool, "_pool", pool)
        monkeypatch.setattr(
            pool, "call", lambda _request, limits: ProcessPool.call(pool, ("crash", 0), limits)
        )
        spec = SeriesSpec(count=2, rows=32, columns=32, transfer_syntax_uid=RLELossless)
        write_series(tmp_path / "series", spec)
        with pytest.raises(DicomReadError, match="decoder failed"):
            assemble_volume(*open_stack(tmp_path, tmp_path / "series"))
    finally:
        pool.close()
