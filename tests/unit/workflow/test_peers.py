"""Peers of the settings: found, changed, renamed with their secrets, never telling a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.config.secrets import FileSecrets
from app.config.settings import Settings, load_settings
from app.core.errors import InputError
from app.network.peers import DimsePeer
from app.network.web_peer import WebPeer
from app.workflow.context import AppContext
from app.workflow.peers import PeerBook, keep_peer, proxy_secret_name, remove_peer
from tests.support.workflow_context import context_in

DIMSE: dict[str, Any] = {
    "kind": "dimse", "name": "PACS", "ae_title": "ORTHANC", "host": "pacs", "port": 104,
}  # fmt: skip
WEB: dict[str, Any] = {
    "kind": "web", "name": "Cloud", "url": "https://pacs.example/dicom-web/", "auth": "basic",
    "user": "me", "proxy": "http://proxy:3128", "proxy_user": "us", "ca_file": "/etc/ca.pem",
}  # fmt: skip


@pytest.fixture
def book(tmp_path: Path) -> PeerBook:
    return PeerBook(tmp_path, Settings(ae_title="READER"), FileSecrets(tmp_path))


def test_a_peer_is_found_by_its_name(book: PeerBook) -> None:
    book.keep(DIMSE | {"tls": True, "ca_file": "ca.pem"}, auto_send=True)
    book.keep(WEB, auto_send=False)
    book.secrets.put("Cloud", "sesame")
    book.secrets.put(proxy_secret_name("Cloud"), "two")
    pacs, cloud = book.peer("PACS"), book.peer("Cloud")
    assert isinstance(pacs, DimsePeer)
    assert (pacs.address, pacs.calling_ae_title) == ("ORTHANC@pacs:104", "READER")
    assert pacs.tls is not None
    assert pacs.tls.ca_file == Path("ca.pem")
    assert isinstance(cloud, WebPeer)
    assert (cloud.url, cloud.secret, cloud.proxy_secret) == (
        "https://pacs.example/dicom-web", "sesame", "two",
    )  # fmt: skip
    assert "sesame" not in repr(cloud)
    assert load_settings(book.folder) == book.settings
    assert book.settings.auto_send_to == ("PACS",)


def test_an_address_is_a_peer_too(book: PeerBook) -> None:
    dimse = book.peer("ORTHANC@127.0.0.1:4242")
    assert isinstance(dimse, DimsePeer)
    assert dimse.calling_ae_title == "READER"
    web = book.peer("http://[::1]:8042/dicom-web/")
    assert isinstance(web, WebPeer)
    assert web.url == "http://[::1]:8042/dicom-web"
    for wrong in ("nobody", "A@", "ftp://pacs", "http://", "https://me:hidden@pacs", "http://[x"):
        with pytest.raises(InputError) as caught:
            book.peer(wrong)
        assert "hidden" not in caught.value.text("en") + caught.value.text("ru")


def test_a_new_name_keeps_place_and_secrets(book: PeerBook) -> None:
    book.keep(DIMSE, auto_send=True)
    book.keep(WEB, auto_send=False)
    book.secrets.put("PACS", "one")
    assert book.keep(DIMSE | {"name": "Архив"}, replaces="PACS", auto_send=True) == "Архив"
    assert [peer.name for peer in book.settings.peers] == ["Архив", "Cloud"]
    assert book.settings.auto_send_to == ("Архив",)
    assert (book.secrets.get("Архив"), book.secrets.get("PACS")) == ("one", "")
    with pytest.raises(InputError, match="already"):
        book.keep(DIMSE | {"name": "Cloud"}, replaces="Архив", auto_send=True)
    with pytest.raises(InputError, match="port"):
        book.keep(DIMSE | {"port": 0}, auto_send=True)


def test_the_running_program_changes_with_its_settings(tmp_path: Path) -> None:
    with context_in(tmp_path) as context:
        _change(context)


def _change(context: AppContext) -> None:
    keep_peer(context, WEB, secret="one", auto_send=True)
    assert [peer.name for peer in context.settings.peers] == ["Cloud"]
    assert context.secrets.get("Cloud") == "one"
    keep_peer(context, WEB | {"auth": "none"}, replaces="Cloud")
    assert (context.secrets.get("Cloud"), context.settings.auto_send_to) == ("", ())
    remove_peer(context, "Cloud")
    assert context.settings.peers == ()
    with pytest.raises(InputError, match="no peer"):
        remove_peer(context, "Cloud")
