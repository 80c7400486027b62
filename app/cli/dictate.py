"""``overread dictate``: a spoken wave file as report text, by the site's recogniser."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, get_args

from app.core.errors import EnvironmentFault
from app.reporting.dictation.port import Language
from app.reporting.dictation.spoken import Command, Step
from app.reporting.dictation.transcript import Transcript, transcribe

SCHEMA = "overread.dictation/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    from app.config.dictation_settings import Engine

    parser.add_argument("file", help="wave file, PCM 16 bit; with --words: the words as heard")
    parser.add_argument("--lang", choices=("en", "ru"), default="en", help="spoken language")
    parser.add_argument("--engine", choices=get_args(Engine), help="instead of the settings'")
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of the engine's model")
    parser.add_argument("--words", action="store_true", help="FILE holds words, not sound")
    parser.add_argument("--data", type=Path, help="folder of the local library and settings")
    parser.add_argument("--json", action="store_true", help="JSON output")


def run(args: argparse.Namespace) -> int:
    """Run the verb; 0. Raises ``EnvironmentFault`` without a model, ``InputError`` on the file."""
    if args.words:
        from app.cli.text_input import read_text

        found = _written(read_text(args.file), args.lang)
    else:
        from app.reporting.dictation.engines import open_recogniser
        from app.reporting.dictation.sound import read_wave

        pcm = read_wave(Path(args.file))
        found = transcribe(open_recogniser(_model(args)), pcm)
    if args.json:
        print(json.dumps(_to_json(found, args.lang), ensure_ascii=False))
    else:
        print(found.text)
    return 0


def _written(words: str, language: Language) -> Transcript:
    from app.reporting.dictation.port import Heard

    class Said:
        """The words, one utterance a line."""

        def feed(self, _pcm: bytes) -> tuple[Heard, ...]:
            return ()

        def finish(self) -> tuple[Heard, ...]:
            lines = (line.strip() for line in words.splitlines())
            return tuple(Heard(line, True, language) for line in lines if line)

    return transcribe(Said(), b"")


def _model(args: argparse.Namespace) -> Any:  # noqa: ANN401 - pydantic, imported late
    from app.config.dictation_settings import DictationModel
    from app.config.folders import data_folder
    from app.config.settings import load_settings

    if args.engine:
        return DictationModel(language=args.lang, engine=args.engine, folder=str(args.model or ""))
    model = load_settings(args.data or data_folder()).dictation.model_for(args.lang)
    if model is None:
        raise EnvironmentFault(
            f"No dictation model is set up for the language {args.lang}.",
            ru=f"Модель диктовки для языка {args.lang} не настроена.",
            hint="Name one in the settings, or give --engine and --model; see docs/dictation.md.",
            hint_ru="Укажите её в настройках или дайте --engine и --model; см. docs/dictation.md.",
        )
    return model


def _to_json(found: Transcript, language: Language) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "language": language,
        "heard": [item.text for item in found.heard],
        "steps": [_step(step) for step in found.steps],
        "text": found.text,
    }


def _step(step: Step) -> dict[str, str]:
    if isinstance(step, Command):
        return {"command": step.name, "target": step.target}
    return {"insert": step.text}
