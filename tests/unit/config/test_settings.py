"""The settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.peer_settings import DimsePeerSettings, WebPeerSettings
from app.config.settings import SETTINGS_NAME, Settings, load_settings, save_settings
from app.core.errors import InputError


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    settings = Settings(language="ru", user='Д-р "Петров" \\ 1', memory_budget_percent=30)
    save_settings(tmp_path / "new", settings)
    assert load_settings(tmp_path / "new") == settings


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("langauge = 'ru'", "langauge"),
        ("memory_budget_percent = 'much'", "memory_budget_percent"),
        ("memory_budget_percent = 1", "memory_budget_percent"),
        ("= 3", "not valid"),
        ("version = 2", "newer version"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / SETTINGS_NAME).write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        load_settings(tmp_path)


PACS = DimsePeerSettings(name="PACS", ae_title="ORTHANC", host="127.0.0.1", port=4242)
CLOUD = WebPeerSettings(
    name="Облако 1", url="https://pacs.example/dicom-web", auth="bearer", timeout_s=12.5
)


def test_peers_are_saved_and_loaded(tmp_path: Path) -> None:
    settings = Settings(
        ae_title="READER1", listen_port=11113, peers=(PACS, CLOUD), auto_send_to=("PACS",)
    )
    save_settings(tmp_path, settings)
    assert load_settings(tmp_path) == settings
    assert isinstance(load_settings(tmp_path).peers[1], WebPeerSettings)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("kind = 'dimse'\nname = 'A'\nae_title = 'THIS TITLE IS TOO LONG'\nhost='h'\nport=1", "16"),
        ("kind = 'dimse'\nname = 'A'\nae_title = 'A'\nhost='h'\nport=70000", "port"),
        ("kind = 'web'\nname = 'A'\nurl = 'ftp://h'", "address"),
        ("kind = 'web'\nname = 'A'\nurl = 'https://u:hidden@h/x'", "do not belong"),
        ("kind = 'web'\nname = 'A@B'\nurl = 'https://h/x'", "name"),
        ("kind = 'web'\nname = 'A'\nurl = 'https://h'\npassword = 'hidden'", "password"),
        ("kind = 'fax'\nname = 'A'", "kind"),
    ],
)
def test_a_wrong_peer_is_named_and_no_secret_repeated(
    tmp_path: Path, lines: str, words: str
) -> None:
    (tmp_path / SETTINGS_NAME).write_text(f"[[peers]]\n{lines}\n", "utf-8")
    with pytest.raises(InputError, match=words) as caught:
        load_settings(tmp_path)
    assert "hidden" not in caught.value.text("en") + caught.value.text("ru")


def test_names_of_peers_are_unique_and_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two peers"):
        Settings(peers=(PACS, PACS))
    with pytest.raises(ValueError, match="no peer"):
        Settings(auto_send_to=("PACS",))


@pytest.mark.parametrize("name", ["cp99999", "utf-16", "base64", ""])
def test_d10_a_character_set_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "settings.toml").write_text(f'fallback_character_set = "{name}"\n', "utf-8")
    with pytest.raises(InputError, match="fallback_character_set"):
        load_settings(tmp_path)


def test_d10_the_character_set_of_old_files(tmp_path: Path) -> None:
    save_settings(tmp_path, Settings(fallback_character_set="cp1251"))
    assert load_settings(tmp_path).fallback_character_set == "cp1251"


REPORT = {
    "timestamp_url": "http://tsa.example/stamp",
    "letterhead": {"name": "Clinic", "name_ru": "Клиника № 5", "address": ["Main street 1"]},
    "hl7": {"sending_facility": "CLINIC", "embed_pdf": True},
    "certificates": [
        {"file": "/keys/clinic.p12"},
        {"user": "Petrov", "module": "/lib/t.so", "token": "card", "certificate": "own"},
    ],
    "targets": [
        {"kind": "folder", "name": "RIS", "folder": "/out", "send": ["hl7", "pdf"]},
        {"kind": "mllp", "name": "Engine", "host": "127.0.0.1", "port": 2575},
    ],
}


def test_report_settings_are_saved_and_loaded(tmp_path: Path) -> None:
    settings = Settings.model_validate({"report": REPORT, "auto_send_to": ()})
    save_settings(tmp_path, settings)
    assert load_settings(tmp_path) == settings
    assert settings.promised_to == ("RIS", "Engine")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"certificates": [{"user": "x"}]}, "PKCS#12"),
        ({"certificates": [{"file": "a", "module": "b"}]}, "PKCS#12"),
        ({"certificates": [{"module": "b"}]}, "label"),
        ({"certificates": [{"file": "a"}, {"file": "b"}]}, "same user"),
        ({"targets": [REPORT["targets"][0]] * 2}, "same name"),
        ({"targets": [REPORT["targets"][0] | {"send": []}]}, "send"),
        ({"targets": [REPORT["targets"][0] | {"send": ["seg"]}]}, "send"),
        ({"timestamp_url": "ftp://x"}, "address"),
        ({"hl7": {"sending_facility": "a\nb"}}, "sending_facility"),
    ],
)
def test_mistakes_in_report_settings_are_named(change: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings.model_validate({"report": change})


def test_a_report_target_is_no_peer() -> None:
    target = REPORT["targets"][0] | {"name": "PACS"}
    with pytest.raises(ValueError, match="a peer and a report target"):
        Settings.model_validate({"peers": (PACS,), "report": {"targets": [target]}})
