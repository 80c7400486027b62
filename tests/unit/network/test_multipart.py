"""Multipart bodies come in blocks of any size and are whole or a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.network.multipart import BrokenMultipart, FilesBody, Parts, parameter


def _blocks(body: bytes, size: int) -> list[bytes]:
    return [body[n : n + size] for n in range(0, len(body), size)]


def _read(body: bytes, size: int, boundary: str = "xx") -> list[tuple[str, bytes]]:
    parts = Parts(iter(_blocks(body, size)), boundary)
    return [(kind, b"".join(content)) for kind, content in parts]


@given(
    st.lists(st.binary(max_size=200).filter(lambda part: b"\r\n--xx" not in part)),
    st.integers(min_value=1, max_value=400),
    st.sampled_from([b"", b"preamble\r\n"]),
)
def test_any_parts_in_any_blocks(parts: list[bytes], size: int, preamble: bytes) -> None:
    head = b"--xx\r\nContent-Type: application/dicom\r\nContent-ID: 1\r\n\r\n"
    body = preamble + b"".join(head + part + b"\r\n" for part in parts) + b"--xx--\r\n"
    assert _read(body, size) == [("application/dicom", part) for part in parts]


@given(st.integers(min_value=0, max_value=100), st.integers(min_value=1, max_value=50))
def test_a_body_that_is_cut_off_is_a_fault(length: int, size: int) -> None:
    body = b"--xx\r\n\r\n" + b"a" * 60 + b"\r\n--xx\r\nContent-Type: a/b\r\n\r\n" + b"b" * 40
    with pytest.raises(BrokenMultipart):
        _read(body[:length], size)


def test_what_is_left_of_a_part_is_skipped() -> None:
    body = b"--xx\r\n\r\n" + b"a" * 99 + b"\r\n--xx\r\n\r\nb\r\n--xx--"
    assert [kind for kind, _content in Parts(iter([body]), "xx")] == ["", ""]


def test_a_header_without_end_is_a_fault() -> None:
    with pytest.raises(BrokenMultipart):
        _read(b"--xx\r\n" + b"a" * 100_000 + b"\r\n--xx--", 4096)


def test_boundaries_with_and_without_quotes() -> None:
    kind = 'multipart/related; type="application/dicom"; boundary='
    assert parameter(kind + '"a b"', "boundary") == "a b"
    assert parameter(kind + "ab", "boundary") == "ab"
    assert parameter("text/html", "boundary") == ""


def test_a_body_of_files_knows_its_length_and_reads_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"\r\n--two" * 100_000)
    body = FilesBody([tmp_path / "a", tmp_path / "b"])
    whole = b"".join(body)
    assert len(whole) == len(body)
    read = _read(whole, 1000, parameter(body.content_type, "boundary"))
    assert [content for _kind, content in read] == [b"one", b"\r\n--two" * 100_000]
