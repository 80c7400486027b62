"""Model servers in the settings: what is refused, and that what is saved is read again."""

from __future__ import annotations

import pytest

from app.config.inference_settings import ModelServerSettings
from app.config.settings import Settings, load_settings, save_settings
from app.core.errors import InputError

SERVER = {
    "name": "gpu-1",
    "url": "grpcs://gpu.example:8001",
    "models": {"cxr-lung-fields": "lungs/2", "ct-organs": "organs"},
    "ca_file": '/etc/ca "of us".pem',
    "timeout_s": 20,
    "use": "asked",
}


def test_what_is_saved_is_read_again(tmp_path):
    settings = Settings.model_validate(
        {"inference": {"servers": [SERVER, {"name": "two", "url": "http://127.0.0.1:8000/"}]}}
    )
    save_settings(tmp_path, settings)
    again = load_settings(tmp_path)
    assert again == settings
    assert again.inference.servers[0].models == SERVER["models"]
    assert again.inference.servers[1].url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "gpu.example:8001"}, "not an address"),
        ({"url": "ftp://gpu.example"}, "not an address"),
        ({"url": "grpc://gpu.example"}, "host and port only"),
        ({"url": "grpcs://gpu.example:8001/v2"}, "host and port only"),
        ({"url": "https://me:secret@gpu.example"}, "user and password"),
        ({"url": "https://gpu.example/?a=b"}, "no ? and no # part"),
        ({"url": "http://gpu.example"}, "certificates need an address of grpcs:// or https://"),
        ({"models": {"../etc": "x"}}, "pattern"),
        ({"models": {"cxr-lung-fields": "../x"}}, "pattern"),
        ({"password": "x"}, "Extra inputs"),
        ({"timeout_s": 0}, "greater than"),
    ],
)
def test_refused(change, words):
    with pytest.raises(ValueError, match=words.replace("?", r"\?")):
        ModelServerSettings.model_validate(SERVER | change)


def test_two_of_one_name_are_refused(tmp_path):
    (tmp_path / "settings.toml").write_text(
        '[[inference.servers]]\nname = "a"\nurl = "http://a.example"\n'
        '[[inference.servers]]\nname = "a"\nurl = "http://b.example"\n'
    )
    with pytest.raises(InputError, match="two model servers have the name a"):
        load_settings(tmp_path)
