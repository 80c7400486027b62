"""Several graphs of one form as one: the mean of their raw outputs (nnU-Net's folds).

The mean is taken patch by patch, which gives the same as the mean of whole maps, because patches
are summed with the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.core.report import Message

if TYPE_CHECKING:
    from app.inference.ort_session import ModelSession


class FoldSession:
    """Looks like one ``ModelSession``. Not thread-safe; lives in the worker process."""

    def __init__(self, sessions: Sequence[ModelSession]) -> None:
        first = sessions[0]
        for other in sessions[1:]:
            if (other.input_names, other.output_names) != (first.input_names, first.output_names):
                raise ModelPackError(
                    "The folds of the model pack have different inputs or outputs.",
                    ru="У фолдов пакета модели разные входы или выходы.",
                    hint="Ask the maker of the pack for a corrected one.",
                    hint_ru="Попросите у автора пакета исправленный.",
                )
        self._sessions = tuple(sessions)

    @property
    def providers(self) -> tuple[str, ...]:
        """Those of the first fold."""
        return self._sessions[0].providers

    @property
    def device(self) -> str:
        """``cpu`` as soon as one fold runs there."""
        return min((s.device for s in self._sessions), key=lambda device: device != "cpu")

    @property
    def size_bytes(self) -> int:
        """Memory that the folds are thought to hold."""
        return sum(session.size_bytes for session in self._sessions)

    def release(self) -> None:
        """Give the memory of all folds back; the next run loads them again."""
        for session in self._sessions:
            session.release()

    @property
    def notes(self) -> list[Message]:
        """What any fold has to say, once."""
        return list(dict.fromkeys(note for s in self._sessions for note in s.notes))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of each graph."""
        return self._sessions[0].input_names

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs of each graph."""
        return self._sessions[0].output_names

    def run(self, output: str, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """The mean of one output."""
        return self.run_all((output,), feed)[output]

    def run_all(
        self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """The mean of each output."""
        first = self._sessions[0].run_all(outputs, feed)
        total = {name: np.array(values) for name, values in first.items()}
        for session in self._sessions[1:]:
            for name, values in session.run_all(outputs, feed).items():
                total[name] += values
        for values in total.values():
            values /= np.float32(len(self._sessions))
        return total
