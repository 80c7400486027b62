"""Recognisers: sherpa-onnx with a model of the site, or PocketSphinx. Both are optional packages.

They are imported when the first word is dictated; nothing of them ships with the program.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Final

from app.config.dictation_settings import DictationModel
from app.core.errors import EnvironmentFault
from app.reporting.dictation.port import SAMPLE_RATE, Heard, Language, Recogniser

_PACKAGES: Final = {"sherpa_onnx": "sherpa-onnx", "pocketsphinx": "pocketsphinx"}


def open_recogniser(model: DictationModel) -> Recogniser:
    """Load the model; seconds for a large one, so not on the main thread.

    Raises ``EnvironmentFault`` where the package or a file of the model is missing.
    """
    if model.engine == "pocketsphinx":
        return _PocketSphinx()
    if model.engine == "sherpa-streaming":
        return _SherpaStreaming(model)
    return _SherpaWhole(model)


class _PocketSphinx:
    """The small English model that the package carries: for trying out, not for reports."""

    def __init__(self) -> None:
        package = _package("pocketsphinx")
        self._decoder = package.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
        self._is_open = False

    def feed(self, pcm: bytes) -> tuple[Heard, ...]:
        if not pcm:
            return ()
        if not self._is_open:
            self._decoder.start_utt()
            self._is_open = True
        self._decoder.process_raw(pcm, False, False)
        return _heard(self._text(), is_final=False, language="en")

    def finish(self) -> tuple[Heard, ...]:
        if not self._is_open:
            return ()
        self._decoder.end_utt()
        self._is_open = False
        return _heard(self._text(), is_final=True, language="en")

    def _text(self) -> str:
        found = self._decoder.hyp()
        return "" if found is None else str(found.hypstr)


class _SherpaStreaming:
    """A streaming transducer (zipformer): partial words while one speaks, ends found by itself."""

    def __init__(self, model: DictationModel) -> None:
        folder = Path(model.folder)
        self._language: Language = model.language
        self._recogniser = _package("sherpa_onnx").OnlineRecognizer.from_transducer(
            tokens=_file(folder, "tokens.txt"),
            encoder=_file(folder, "*encoder*.onnx"),
            decoder=_file(folder, "*decoder*.onnx"),
            joiner=_file(folder, "*joiner*.onnx"),
            num_threads=model.threads,
            sample_rate=SAMPLE_RATE,
            feature_dim=80,
            enable_endpoint_detection=True,
        )
        self._stream = self._recogniser.create_stream()
        self._last = ""

    def feed(self, pcm: bytes) -> tuple[Heard, ...]:
        self._stream.accept_waveform(SAMPLE_RATE, _samples(pcm))
        self._decode()
        text = str(self._recogniser.get_result(self._stream))
        if self._recogniser.is_endpoint(self._stream):
            self._recogniser.reset(self._stream)
            self._last = ""
            return _heard(text, is_final=True, language=self._language)
        if text == self._last:
            return ()
        self._last = text
        return _heard(text, is_final=False, language=self._language)

    def finish(self) -> tuple[Heard, ...]:
        # the model looks ahead: a stretch of silence brings the last word out
        self._stream.accept_waveform(SAMPLE_RATE, _samples(b"\0\0" * (SAMPLE_RATE // 2)))
        self._stream.input_finished()
        self._decode()
        text = str(self._recogniser.get_result(self._stream))
        self._stream = self._recogniser.create_stream()
        self._last = ""
        return _heard(text, is_final=True, language=self._language)

    def _decode(self) -> None:
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)


class _SherpaWhole:
    """Models that read a whole utterance (whisper, NeMo CTC, transducers): text at its end."""

    def __init__(self, model: DictationModel) -> None:
        folder = Path(model.folder)
        self._language: Language = model.language
        make = _package("sherpa_onnx").OfflineRecognizer
        tokens = _file(folder, "*tokens.txt")
        if model.engine == "sherpa-whisper":
            self._recogniser = make.from_whisper(
                encoder=_file(folder, "*encoder*.onnx"),
                decoder=_file(folder, "*decoder*.onnx"),
                tokens=tokens,
                language=model.language,
                task="transcribe",
                num_threads=model.threads,
            )
        elif model.engine == "sherpa-nemo-ctc":
            self._recogniser = make.from_nemo_ctc(
                model=_file(folder, "*.onnx"), tokens=tokens, num_threads=model.threads
            )
        else:
            self._recogniser = make.from_transducer(
                encoder=_file(folder, "*encoder*.onnx"),
                decoder=_file(folder, "*decoder*.onnx"),
                joiner=_file(folder, "*joiner*.onnx"),
                tokens=tokens,
                num_threads=model.threads,
            )
        self._sound = bytearray()

    def feed(self, pcm: bytes) -> tuple[Heard, ...]:
        self._sound += pcm
        return ()

    def finish(self) -> tuple[Heard, ...]:
        sound, self._sound = bytes(self._sound), bytearray()
        if not sound:
            return ()
        stream = self._recogniser.create_stream()
        stream.accept_waveform(SAMPLE_RATE, _samples(sound))
        self._recogniser.decode_stream(stream)
        return _heard(str(stream.result.text), is_final=True, language=self._language)


def _heard(text: str, *, is_final: bool, language: Language) -> tuple[Heard, ...]:
    words = " ".join(text.split())
    return (
        (Heard(words.lower() if words.isupper() else words, is_final, language),) if words else ()
    )


def _samples(pcm: bytes) -> Any:  # noqa: ANN401 - an array of numpy, imported here only
    import numpy as np

    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0


def _package(name: str) -> Any:  # noqa: ANN401 - a package without types
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        wanted = _PACKAGES[name]
        raise EnvironmentFault(
            f"Dictation needs the package {wanted}, which is not installed.",
            ru=f"Для диктовки нужен пакет {wanted}; он не установлен.",
            hint=f"Install {wanted} beside Overread; see docs/dictation.md.",
            hint_ru=f"Установите {wanted} рядом с Overread; см. docs/dictation.md.",
            technical_detail=str(fault),
        ) from fault


def _file(folder: Path, pattern: str) -> str:
    """The file of the model; of two the one in int8, which is as good and half the size."""
    found = sorted(folder.glob(pattern), key=lambda path: ("int8" not in path.name, path.name))
    if not found:
        raise EnvironmentFault(
            f"The folder of the dictation model has no file {pattern}.",
            ru=f"В папке модели диктовки нет файла {pattern}.",
            hint="Check folder and engine in the settings; see docs/dictation.md.",
            hint_ru="Проверьте папку и вид модели в настройках; см. docs/dictation.md.",
        )
    return str(found[0])
