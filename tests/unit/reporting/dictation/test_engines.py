"""Recognisers: real speech through a real one where its packages are there, refusals in words."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import subprocess
import sys
import wave
from array import array
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.cli.main import run
from app.config.dictation_settings import DictationModel, DictationSettings
from app.core.errors import EnvironmentFault, InputError
from app.reporting.dictation import engines
from app.reporting.dictation.port import Heard
from app.reporting.dictation.sound import read_wave
from app.reporting.dictation.transcript import transcribe

needs_speech = pytest.mark.skipif(
    importlib.util.find_spec("pocketsphinx") is None or shutil.which("espeak-ng") is None,
    reason="needs the package pocketsphinx and the program espeak-ng",
)


def write_wave(path: Path, samples: list[int], *, rate: int = 16000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        data = array("h", samples)
        if sys.byteorder == "big":
            data.byteswap()
        file.writeframes(data.tobytes())
    return path


@needs_speech
def test_a_spoken_wave_file_becomes_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A synthetic voice, PocketSphinx's own small model: a phrase that it knows."""
    path = tmp_path / "spoken.wav"
    subprocess.run(
        ["espeak-ng", "-v", "en-us", "-s", "120", "-w", str(path), "there is a new paragraph"],
        check=True,
    )
    assert run(["dictate", str(path), "--engine", "pocketsphinx", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["heard"] == ["there is a new paragraph"]
    assert told["text"] == "There is a\n\n"


@needs_speech
def test_silence_is_no_text_and_the_next_utterance_still_counts() -> None:
    recogniser = engines.open_recogniser(DictationModel(language="en", engine="pocketsphinx"))
    assert recogniser.finish() == ()
    for _ in range(2):
        assert transcribe(recogniser, b"\0\0" * 16000).text == ""


def test_words_are_written_out_without_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "words.txt"
    path.write_text("очаг двенадцать на восемь миллиметров точка\nвыпота нет\nотменить\n", "utf-8")
    assert run(["dictate", str(path), "--words", "--lang", "ru"]) == 0
    assert capsys.readouterr().out == "Очаг 12 × 8 мм.\n"


def test_without_a_model_the_verb_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_wave(tmp_path / "a.wav", [0] * 160)
    assert run(["dictate", str(path), "--lang", "ru", "--data", str(tmp_path)]) == 4
    assert "docs/dictation.md" in capsys.readouterr().err


def test_a_missing_package_and_a_missing_file_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = DictationModel(language="ru", engine="sherpa-streaming", folder=str(tmp_path))
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(EnvironmentFault, match="sherpa-onnx"):
        engines.open_recogniser(model)


def test_settings_refuse_what_cannot_work() -> None:
    for wrong in (
        {"language": "ru", "engine": "pocketsphinx"},
        {"language": "en", "engine": "sherpa-whisper"},
        {"language": "de", "engine": "sherpa-whisper", "folder": "x"},
    ):
        with pytest.raises(ValidationError):
            DictationModel.model_validate(wrong)
    one = DictationModel(language="en", engine="sherpa-whisper", folder="x")
    with pytest.raises(ValidationError):
        DictationSettings(models=(one, one))
    assert DictationSettings(models=(one,)).model_for("ru") is None


def test_sound_of_any_rate_and_channels_becomes_mono_at_16_khz(tmp_path: Path) -> None:
    tone = [round(8000 * math.sin(2 * math.pi * 440 * n / 44100)) for n in range(44100)]
    stereo = [value for sample in tone for value in (sample, sample)]
    pcm = array("h")
    pcm.frombytes(read_wave(write_wave(tmp_path / "s.wav", stereo, rate=44100, channels=2)))
    assert len(pcm) == 16000
    crossings = sum(1 for a, b in pairwise(pcm) if a < 0 <= b)
    assert crossings in (439, 440)
    same = [1, -2, 300]
    plain = array("h")
    plain.frombytes(read_wave(write_wave(tmp_path / "p.wav", same)))
    assert list(plain) == same


def test_what_is_no_wave_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFFnothing")
    with pytest.raises(InputError, match="no wave file"):
        read_wave(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_wave(tmp_path / "none.wav")


def test_partial_words_are_not_written() -> None:
    class Speaker:
        def feed(self, pcm: bytes) -> tuple[Heard, ...]:
            return (Heard("no effus", False, "en"),)

        def finish(self) -> tuple[Heard, ...]:
            return (Heard("no effusion period", True, "en"),)

    assert transcribe(Speaker(), b"\0\0" * 8000).text == "No effusion."
