"""What doctor says of letterhead, certificates and receivers."""

from __future__ import annotations

from pathlib import Path

from app.config.report_settings import ReportSettings
from app.config.secrets import FileSecrets
from app.workflow.check_outputs import check_outputs
from tests.support.certificates import PASSWORD, authority, identity, write_pkcs12
from tests.support.hl7_receiver import acknowledges, receiver
from tests.support.orthanc import free_port
from tests.unit.reporting.outputs.documents import picture


def _told(settings: dict, secrets: FileSecrets) -> dict[str, tuple[bool, str]]:
    found = check_outputs(ReportSettings.model_validate(settings), secrets)
    return {one.name: (one.is_ok, one.text.en) for one in found}


def test_each_thing_of_the_settings_has_its_line(tmp_path: Path) -> None:
    root = authority()
    key = write_pkcs12(tmp_path / "seal.p12", root, identity(root, "Seal"))
    (tmp_path / "logo.png").write_bytes(picture("RGB"))
    secrets = FileSecrets(tmp_path)
    with receiver(acknowledges()) as there:
        settings = {
            "letterhead": {"logo": str(tmp_path / "logo.png")},
            "certificates": [
                {"file": str(key)},
                {"user": "a", "file": str(tmp_path / "none.p12")},
            ],
            "targets": [
                {"kind": "folder", "name": "In", "folder": str(tmp_path), "send": ["hl7"]},
                {"kind": "folder", "name": "Out", "folder": str(tmp_path / "no"), "send": ["hl7"]},
                {"kind": "mllp", "name": "Up", "host": "127.0.0.1", "port": there.port},
                {"kind": "mllp", "name": "Down", "host": "127.0.0.1", "port": free_port()},
            ],
        }
        told = _told(settings, secrets)
        assert there.frames == []  # nothing is sent
    good = {name for name, (is_ok, _text) in told.items() if is_ok}
    assert good == {"logo", "certificate", "In", "Up"}
    assert "asks for the password" in told["certificate"][1]
    secrets.hold("certificate", "wrong")
    assert not _told(settings, secrets)["certificate"][0]
    secrets.hold("certificate", PASSWORD)
    assert "valid until" in _told(settings, secrets)["certificate"][1]
    (tmp_path / "logo.png").write_bytes(b"no picture")
    assert not _told(settings, secrets)["logo"][0]


def test_without_settings_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert _told({}, FileSecrets(tmp_path)) == {}
