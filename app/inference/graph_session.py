"""What the pipeline needs of a session, wherever its graph runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from app.core.report import Message


class GraphSession(Protocol):
    """One loaded graph: ``ModelSession`` on this machine, ``RemoteSession`` on a server."""

    @property
    def notes(self) -> Sequence[Message]:
        """What was done otherwise than asked."""

    @property
    def providers(self) -> tuple[str, ...]:
        """What computes, in its order."""

    @property
    def device(self) -> str:
        """Where the graph runs: ``cpu``, ``cuda:0``, ``kserve:host:port/model``..."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of the graph."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs of the graph."""

    def run(self, output: str, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """One output as float32. Raises ``InferenceError``."""

    def run_all(
        self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Several outputs of one run as float32. Raises ``InferenceError``."""
