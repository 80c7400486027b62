"""A model server entered, tested and removed in the window; it computes from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.settings import load_settings
from app.inference.remote.triton_repository import write_triton_model
from app.ui.servers_window import ServersWindow
from tests.support.orthanc import free_port
from tests.support.tiny_pack import add_golden, write_film_pack
from tests.support.triton import running_triton
from tests.support.windows import wait_for, window_on
from tests.support.workflow_context import context_in

PACK = "tiny-lungs"


@pytest.fixture
def shown(qtbot, tmp_path: Path):
    add_golden(write_film_pack(tmp_path / "data" / "no-built-in-packs"))
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        window.windows.show_servers()
        servers = window.windows._open["servers"]
        assert isinstance(servers, ServersWindow)
        yield context, servers


def _tested(servers: ServersWindow) -> str:
    servers.run_test()
    wait_for(lambda: servers.test.isEnabled(), "the answer", 60.0)
    return servers.status.text()


def test_what_is_wrong_with_a_field_is_said(shown):
    context, servers = shown
    assert "on this machine" in servers.status.text()
    lines = servers.form.lines
    assert not servers.keep()
    assert servers.status.text().startswith("Name: letters")
    lines["name"].setText("gpu")
    lines["url"].setText("gpu.example")
    assert not servers.keep()
    assert "grpcs://" in servers.status.text()
    lines["url"].setText(f"http://127.0.0.1:{free_port()}")
    lines["ca_file"].setText("ca.pem")
    assert not servers.keep()
    assert "certificates need" in servers.status.text()
    lines["ca_file"].clear()
    assert "FAULT" in _tested(servers)  # nobody listens there
    servers.add()
    servers.form.lines["name"].setText("gpu")
    servers.form.lines["url"].setText("https://gpu.example:8000")
    assert not servers.keep()
    assert "another server" in servers.status.text()
    servers.entries.setCurrentRow(0)
    servers.remove()
    assert load_settings(context.store.folder).inference.servers == ()


def test_a_pack_is_mapped_to_a_real_server_that_reproduces_its_sample(shown, tmp_path: Path):
    context, servers = shown
    write_triton_model(context.packs.get(PACK), tmp_path / "models")
    with running_triton(tmp_path / "models") as triton:
        servers.form.lines["name"].setText("gpu")
        servers.form.lines["url"].setText(triton.grpc)
        servers.form.models[PACK].setText("another-model")
        assert "FAULT" in _tested(servers)
        servers.form.models[PACK].setText(PACK)
        said = _tested(servers)
        assert "reproduces the sample" in said
        assert "FAULT" not in said
        assert triton.asked(PACK)
    (saved,) = load_settings(context.store.folder).inference.servers
    assert dict(saved.models) == {PACK: PACK}
    assert context.inference._servers.model_for(PACK) is not None
