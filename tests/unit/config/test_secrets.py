"""Secrets live apart from the settings, for their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from app.config.secrets import SECRETS_NAME, FileSecrets, variable_name
from app.core.errors import InputError


def test_what_is_put_is_found_until_it_is_removed(tmp_path: Path) -> None:
    secrets = FileSecrets(tmp_path / "new")
    assert secrets.get("PACS") == ""
    secrets.put("PACS", 'quote " and \\ and ключ')
    secrets.put("Облако 1", "token")
    assert FileSecrets(tmp_path / "new").get("PACS") == 'quote " and \\ and ключ'
    secrets.remove("PACS")
    secrets.remove("PACS")
    assert (secrets.get("PACS"), secrets.get("Облако 1")) == ("", "token")


@pytest.mark.skipif(os.name == "nt", reason="Windows guards the folder by its access list")
def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    secrets, path = FileSecrets(tmp_path), tmp_path / SECRETS_NAME
    secrets.put("PACS", "one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert secrets.get("PACS") == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.put("my PACS", "file")
    assert variable_name("my PACS") == "OVERREAD_SECRET_MY_PACS"
    monkeypatch.setenv("OVERREAD_SECRET_MY_PACS", "environment")
    assert secrets.get("my PACS") == "environment"


def test_a_damaged_file_is_named_and_never_quoted(tmp_path: Path) -> None:
    (tmp_path / SECRETS_NAME).write_text('[secrets]\nPACS = "hidden\n', "utf-8")
    with pytest.raises(InputError) as caught:
        FileSecrets(tmp_path).get("PACS")
    assert "hidden" not in str(caught.value) + repr(caught.value.__cause__)
    assert "hidden" not in repr(FileSecrets(tmp_path))


def test_what_is_held_is_never_written(tmp_path: Path) -> None:
    secrets = FileSecrets(tmp_path)
    secrets.hold("certificate", "not for the disk")
    assert secrets.get("certificate") == "not for the disk"
    secrets.put("PACS", "token")
    assert "not for the disk" not in (tmp_path / SECRETS_NAME).read_text("utf-8")
    assert FileSecrets(tmp_path).get("certificate") == ""
    secrets.remove("certificate")
    assert secrets.get("certificate") == ""
