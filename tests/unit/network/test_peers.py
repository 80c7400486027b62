"""Addresses of peers as users type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InputError
from app.network.peers import DimsePeer, TlsFiles, parse_peer


@pytest.mark.parametrize(
    ("text", "ae_title", "host", "port"),
    [
        ("ORTHANC@127.0.0.1:4242", "ORTHANC", "127.0.0.1", 4242),
        (" PACS 1@pacs.hospital.example:104 ", "PACS 1", "pacs.hospital.example", 104),
        ("A@[::1]:11112", "A", "::1", 11112),
        ("A@[fe80::1%eth0]:1", "A", "fe80::1%eth0", 1),
        ("STORE-SCP_1@сервер:104", "STORE-SCP_1", "сервер", 104),
    ],
)
def test_addresses(text: str, ae_title: str, host: str, port: int) -> None:
    peer = parse_peer(text)
    assert (peer.ae_title, peer.host, peer.port) == (ae_title, host, port)
    assert peer.calling_ae_title == "OVERREAD"
    assert parse_peer(peer.address) == peer


@pytest.mark.parametrize(
    "text",
    ["", "ORTHANC", "ORTHANC@host", "ORTHANC@:104", "host:104", "ORTHANC@host:port", "A@::1:104",
     "A@ho st:104", "A@host:104:105", "A@[::1]"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError, match="no address of a DICOM peer") as caught:
        parse_peer(text)
    assert "AET@host:port" in caught.value.hint
    assert "AET@адрес:порт" in caught.value.hint_ru


@pytest.mark.parametrize(
    "title", ["", "SEVENTEEN-LETTERS", "BACK\\SLASH", "ПАКС", "TAB\tTAB", " LEADING"]
)
def test_what_is_no_ae_title(title: str) -> None:
    with pytest.raises(InputError, match="is no AE title"):
        DimsePeer("pacs", title, "host", 104)
    with pytest.raises(InputError, match="is no AE title"):
        DimsePeer("pacs", "OK", "host", 104, calling_ae_title=title)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port(port: int) -> None:
    with pytest.raises(InputError, match="from 1 to 65535"):
        DimsePeer("pacs", "OK", "host", port)


def test_where_the_keys_lie_is_not_shown(tmp_path) -> None:
    peer = DimsePeer("pacs", "OK", "host", 104, tls=TlsFiles(key=tmp_path / "secret.key"))
    assert "secret" not in repr(peer)


@given(st.text())
def test_any_text_is_an_address_or_said_to_be_none(text: str) -> None:
    try:
        peer = parse_peer(text)
    except InputError:
        return
    assert parse_peer(peer.address) == peer
