"""What a client of the KServe v2 protocol does, whichever wire it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

# the protocol's names of the element types that packs use
DATATYPES: Final = {
    "float32": "FP32", "float16": "FP16", "float64": "FP64", "int64": "INT64", "int32": "INT32",
    "uint8": "UINT8", "bool": "BOOL",
}  # fmt: skip
_DTYPES: Final = {datatype: name for name, datatype in DATATYPES.items()}


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """A tensor as the server describes it; a free size is -1."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model as the server describes it. ``parameters`` are those of its configuration, where the
    server tells it (Triton's extension of the protocol), as texts.
    """

    name: str
    platform: str
    versions: tuple[str, ...]
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


class Client(Protocol):
    """One connection to one server. Every method may raise ``ServerFault``; one thread at a time.

    ``version`` empty is the server's own choice.
    """

    def is_live(self) -> bool:
        """Whether the server runs."""

    def is_ready(self) -> bool:
        """Whether it takes requests."""

    def server_name(self) -> str:
        """What it says it is: name and version."""

    def is_model_ready(self, model: str, version: str) -> bool:
        """Whether the model can be asked."""

    def describe(self, model: str, version: str) -> ModelFacts:
        """What the server says of the model."""

    def infer(
        self,
        model: str,
        version: str,
        feed: Mapping[str, npt.NDArray[Any]],
        outputs: Sequence[str],
    ) -> dict[str, npt.NDArray[Any]]:
        """Outputs of the model for these inputs."""

    def close(self) -> None:
        """Let go of the connection."""


def datatype_of(array: npt.NDArray[Any]) -> str:
    """The protocol's name of an array's element type; KeyError where there is none."""
    return DATATYPES[array.dtype.name]


def dtype_of(datatype: str) -> np.dtype[Any]:
    """The little-endian element type of a protocol name; KeyError where there is none."""
    return np.dtype(_DTYPES[datatype]).newbyteorder("<")
