"""A model for natural language inference in ONNX, supplied by the site: does A follow from B?

The folder holds ``model.onnx``, ``spm.model`` (SentencePiece) and ``nli.json``. Runs on the
processor, in the calling thread; nothing is downloaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import onnxruntime as ort
import sentencepiece
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.core.errors import ModelPackError

_MODEL, _TOKENS, _FORM = "model.onnx", "spm.model", "nli.json"
_LABELS: Final = ("entailment", "neutral", "contradiction")


class NliForm(BaseModel):
    """How the model wants its input: special tokens, offset of the vocabulary, order of labels.

    DeBERTa-v3: cls 1, between [2], end 2, offset 0. XLM-R: cls 0, between [2, 2], end 2, offset 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    cls: int = Field(ge=0)
    between: Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
    end: int = Field(ge=0)
    offset: int = 0
    labels: Annotated[
        tuple[Literal["entailment", "neutral", "contradiction"], ...],
        Field(strict=False, min_length=3, max_length=3),
    ]
    longest: int = Field(default=256, ge=16, le=1024)

    @field_validator("labels")
    @classmethod
    def _are_the_three(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if set(labels) != set(_LABELS):
            raise ValueError("entailment, neutral and contradiction, each once")
        return labels


@dataclass(frozen=True, slots=True)
class Inference:
    """Probabilities that add up to one."""

    entailment: float
    neutral: float
    contradiction: float


class NliModel:
    """Loads the folder. Raises ``ModelPackError`` where it is not whole. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        try:
            self._form = NliForm.model_validate(json.loads((folder / _FORM).read_text("utf-8")))
            self._tokens = sentencepiece.SentencePieceProcessor(
                model_proto=(folder / _TOKENS).read_bytes()
            )
            options = ort.SessionOptions()
            options.intra_op_num_threads = 2
            options.log_severity_level = 3
            self._session = ort.InferenceSession(
                (folder / _MODEL).read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except (OSError, ValueError, RuntimeError, ValidationError, *_ORT) as fault:
            raise ModelPackError(
                "The model for the second opinion cannot be loaded.",
                ru="Модель второго мнения не загружается.",
                hint=f"Its folder must hold {_MODEL}, {_TOKENS} and {_FORM}.",
                hint_ru=f"В папке должны лежать {_MODEL}, {_TOKENS} и {_FORM}.",
                technical_detail=str(fault),
            ) from fault
        self._inputs = {item.name for item in self._session.get_inputs()}

    def judge(self, premise: str, hypothesis: str) -> Inference:
        """Whether ``hypothesis`` follows from ``premise``; deterministic."""
        ids = self._ids(premise, hypothesis)
        given = {
            "input_ids": np.array([ids], np.int64),
            "attention_mask": np.ones((1, len(ids)), np.int64),
            "token_type_ids": np.zeros((1, len(ids)), np.int64),
        }
        (logits,) = self._session.run(
            None, {name: value for name, value in given.items() if name in self._inputs}
        )[:1]
        row = np.asarray(logits, np.float64).reshape(-1)[:3]
        odds = np.exp(row - row.max())
        shares = dict(zip(self._form.labels, (odds / odds.sum()).tolist(), strict=True))
        return Inference(*(shares[label] for label in _LABELS))

    def _ids(self, premise: str, hypothesis: str) -> list[int]:
        form = self._form
        one = [token + form.offset for token in self._tokens.encode(premise)]
        two = [token + form.offset for token in self._tokens.encode(hypothesis)]
        room = form.longest - 2 - len(form.between)
        one = one[: max(1, room - min(len(two), room // 2))]
        two = two[: max(1, room - len(one))]
        return [form.cls, *one, *form.between, *two, form.end]


_ORT = (
    ort.capi.onnxruntime_pybind11_state.Fail,
    ort.capi.onnxruntime_pybind11_state.InvalidGraph,
    ort.capi.onnxruntime_pybind11_state.InvalidProtobuf,
    ort.capi.onnxruntime_pybind11_state.InvalidArgument,
    ort.capi.onnxruntime_pybind11_state.NoModel,
)
