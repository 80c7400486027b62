"""Receivers, certificates and letterhead of signed reports, set in the window alone."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.config.settings import load_settings
from app.ui.texts import set_language, tr
from tests.support.windows import wait_for, window_on
from tests.support.workflow_context import context_in


@pytest.fixture
def windows(qtbot, tmp_path: Path):
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        window.windows.show_outputs()
        yield context, window.windows._open["outputs"]


def _enter(outputs, **values) -> None:
    for name, value in values.items():
        outputs.form.set_value(name, value)


def test_a_folder_is_added_tested_changed_and_removed(windows, tmp_path: Path):
    context, outputs = windows
    outputs.add("folder")
    assert not outputs.keep()
    assert outputs.status.text() == "Name: must not be empty."
    _enter(outputs, name="RIS", folder=str(tmp_path / "missing"), send=[])
    assert not outputs.keep()
    assert outputs.status.text() == "Documents: choose at least one."
    _enter(outputs, send=["hl7", "pdf"])
    outputs.run_test()
    wait_for(lambda: "not there" in outputs.status.text(), "the answer")
    assert outputs.entries.currentItem().text() == "RIS"
    (tmp_path / "missing").mkdir()
    outputs.run_test()
    wait_for(lambda: "the folder is there" in outputs.status.text(), "the answer")
    (saved,) = load_settings(context.store.folder).report.targets
    assert (saved.name, saved.send) == ("RIS", ("hl7", "pdf"))
    outputs.add("folder")
    _enter(outputs, name="RIS", folder=str(tmp_path))
    assert not outputs.keep()
    assert "used by another row" in outputs.status.text()
    outputs.entries.setCurrentRow(4)
    outputs.remove()
    assert load_settings(context.store.folder).report.targets == ()


@pytest.mark.parametrize("tls", [False, True])
def test_an_hl7_receiver_is_reached_and_over_tls_it_must_be_trusted(windows, tls: bool):
    _context, outputs = windows
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5.0)
        outputs.add("mllp")
        _enter(outputs, name="Engine", host="127.0.0.1", port=server.getsockname()[1], tls=tls)
        outputs.run_test()
        with server.accept()[0] as line:
            # no word of HL7 is said: plain, the line is closed; with TLS it is greeted
            greeting = line.recv(5)
            assert greeting[:1] == (b"\x16" if tls else b"")
            line.sendall(b"no TLS at all\r\n" if tls else b"")
            wait_for(lambda: outputs.test.isEnabled(), "the answer")
    assert ("accepts connections" in outputs.status.text()) is not tls


def test_letterhead_and_certificate_are_kept_and_no_password_is_written(windows, tmp_path: Path):
    context, outputs = windows
    set_language("ru")
    try:
        outputs.entries.setCurrentRow(1)
        _enter(outputs, name_ru="Больница № 5", address_ru=["ул. Ленина, 1", "Москва"])
        assert outputs.keep()
        outputs.add("token")
        _enter(outputs, user="petrov", module="/usr/lib/token.so", token="Rutoken")
        assert not outputs.keep()
        field = tr("outputs.field.token_certificate")
        assert outputs.status.text() == f"{field}: нужно заполнить."
        outputs.add("file")
        _enter(outputs, file=str(tmp_path / "seal.p12"))
        outputs.run_test()
        wait_for(lambda: "файл не найден" in outputs.status.text(), "the answer")
    finally:
        set_language("en")
    saved = load_settings(context.store.folder).report
    assert saved.letterhead.address_ru == ("ул. Ленина, 1", "Москва")
    assert [one.file for one in saved.certificates] == [str(tmp_path / "seal.p12")]
    outputs.entries.setCurrentRow(0)
    _enter(outputs, timestamp_url="tsa.example")
    assert not outputs.keep()
    assert "http://" in outputs.status.text()
