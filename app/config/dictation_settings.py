"""Dictation: ``[dictation]`` of the settings file. Without a model nothing listens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Engine = Literal[
    "sherpa-streaming", "sherpa-transducer", "sherpa-whisper", "sherpa-nemo-ctc", "pocketsphinx"
]


class DictationModel(BaseModel):
    """The recogniser of one language: an engine, and the folder with the site's model.

    ``pocketsphinx`` brings an English model of its own and takes no folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    language: Literal["en", "ru"]
    engine: Engine
    folder: str = ""
    threads: int = Field(default=2, ge=1, le=16)

    @model_validator(mode="after")
    def _has_a_folder(self) -> Self:
        if self.engine != "pocketsphinx" and not self.folder:
            raise ValueError(f"{self.engine} needs the folder of a model")
        if self.engine == "pocketsphinx" and self.language != "en":
            raise ValueError("pocketsphinx knows English only")
        return self


class DictationSettings(BaseModel):
    """One model per language; ``microphone`` is part of a device's name, empty: the usual one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    models: Annotated[tuple[DictationModel, ...], Field(strict=False)] = ()
    microphone: str = ""

    @model_validator(mode="after")
    def _one_per_language(self) -> Self:
        languages = [model.language for model in self.models]
        if len(set(languages)) != len(languages):
            raise ValueError("two dictation models are of the same language")
        return self

    def model_for(self, language: str) -> DictationModel | None:
        """The model of ``language``, if the site has one."""
        return next((model for model in self.models if model.language == language), None)
