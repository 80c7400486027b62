"""Comments inside compressed frames are cut; what is decoded stays the same."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from app.dicom.deid.codestream import clean_streams, without_comments
from tests.support.synthetic_dicom import SeriesSpec, write_series


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize(
    ("syntax", "marker", "at"),
    [(JPEG2000Lossless, 0x64, None), (JPEGLSLossless, 0xFE, 2), (JPEGLSLossless, 0xE1, 2)],
)
def test_d17_a_comment_in_a_frame_is_cut(tmp_path, syntax: str, marker: int, at: int) -> None:
    path = write_series(tmp_path, SeriesSpec(count=1, rows=64, columns=64))[0]
    ds = pydicom.dcmread(path)
    before = ds.pixel_array.copy()
    ds.compress(syntax, generate_instance_uid=False)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1))
    if at is None:  # a JPEG 2000 stream begins with its size segment
        at = 4 + int.from_bytes(frame[4:6], "big")
    frame = frame[:at] + _segment(marker, b"\0\1Ivanov 12.03.1961") + frame[at:]
    ds.PixelData = encapsulate([frame])
    assert clean_streams(ds)
    assert b"Ivanov" not in ds.PixelData
    assert np.array_equal(ds.pixel_array, before)
    assert not clean_streams(ds)


def test_a_jpeg_keeps_what_its_colours_need() -> None:
    from PIL import Image

    stream = io.BytesIO()
    picture = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3) % 251
    Image.fromarray(picture.astype(np.uint8)).save(
        stream, "JPEG", comment=b"Ivanov", exif=b"Exif\0\0Ivanov"
    )
    cleaned = without_comments(stream.getvalue())
    assert b"Ivanov" in stream.getvalue()
    assert b"Ivanov" not in cleaned
    assert b"JFIF" in cleaned
    decoded = [np.asarray(Image.open(io.BytesIO(s))) for s in (stream.getvalue(), cleaned)]
    assert np.array_equal(*decoded)


def test_streams_that_are_none_stay_as_they_are(tmp_path) -> None:
    assert without_comments(b"") == b""
    assert without_comments(b"\xff\xd8\xff") == b"\xff\xd8\xff"
    broken = b"\xff\xd8\xff\xfe\xff\xffIvanov"
    assert without_comments(broken) == broken
    ds = pydicom.dcmread(write_series(tmp_path, SeriesSpec(count=1))[0])
    assert not clean_streams(ds)
    ds.compress(RLELossless)
    assert not clean_streams(ds)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = b"no fragments"
    assert not clean_streams(ds)
