"""Is the model on the server the one of the pack: weights, names, types and shapes of tensors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from app.core.report import Message
from app.inference.manifest import ModelPack
from app.inference.manifest_parts import Tensor
from app.inference.remote.protocol import DATATYPES, ModelFacts, TensorFacts

WEIGHTS_PARAMETER: Final = "overread_weights_sha256"
_WEIGHTS: Final = re.compile(r"^[0-9a-f]{12,64}$")
_NAME_WITH_WEIGHTS: Final = re.compile(r"[-_.]([0-9a-f]{12,64})$")


def stated_weights(facts: ModelFacts) -> str:
    """The (beginning of the) SHA-256 of the weights that the server states; empty: it does not.

    The parameter ``overread_weights_sha256`` of the model's configuration, else the end of the
    model's name: ``-`` and at least twelve hexadecimal digits.
    """
    stated = facts.parameters.get(WEIGHTS_PARAMETER, "").strip().lower()
    if _WEIGHTS.match(stated):
        return stated
    named = _NAME_WITH_WEIGHTS.search(facts.name)
    return named[1] if named else ""


def disagreements(
    pack: ModelPack,
    facts: ModelFacts,
    *,
    graph: int = 0,
    version: str = "",
    unproven_weights: bool = False,
) -> tuple[Message, ...]:
    """What speaks against the model on the server being that of the pack; empty: nothing.

    ``graph`` counts the graphs of a pack that has several (folds).
    """
    path = pack.model_files[graph]
    ours = next(file.sha256 for file in pack.files if file.path == path)
    found = list(_weights(ours, facts, unproven_weights=unproven_weights))
    if version and facts.versions and version not in facts.versions:
        versions = ", ".join(facts.versions)
        found.append(
            Message(
                f"The server has version {versions} of the model and not {version}.",
                f"На сервере версия модели {versions}, а не {version}.",
            )
        )
    found += _tensors(pack.graph.inputs, facts.inputs, ("input", "вход"), is_complete=True)
    found += _tensors(pack.graph.outputs, facts.outputs, ("output", "выход"))
    return tuple(found)


def _weights(ours: str, facts: ModelFacts, *, unproven_weights: bool) -> tuple[Message, ...]:
    stated = stated_weights(facts)
    if not stated and not unproven_weights:
        return (
            Message(
                "The server does not say which weights the model has.",
                "Сервер не сообщает, какие веса у модели.",
            ),
        )
    if stated and not ours.startswith(stated):
        return (
            Message(
                f"The model on the server has other weights ({stated[:12]}) than the pack "
                f"({ours[:12]}).",
                f"У модели на сервере другие веса ({stated[:12]}), чем у пакета ({ours[:12]}).",
            ),
        )
    return ()


def _tensors(
    declared: Sequence[Tensor],
    present: Sequence[TensorFacts],
    kind: tuple[str, str],
    *,
    is_complete: bool = False,
) -> list[Message]:
    found = []
    by_name = {tensor.name: tensor for tensor in present}
    for tensor in declared:
        facts = by_name.pop(tensor.name, None)
        what = (f'{kind[0]} "{tensor.name}"', f"{kind[1]} «{tensor.name}»")
        if facts is None:
            found.append(
                Message(f"The server has no {what[0]}.", f"На сервере отсутствует {what[1]}.")
            )
        elif facts.datatype != DATATYPES[tensor.dtype]:
            found.append(
                Message(
                    f"On the server {what[0]} is {facts.datatype}, not {DATATYPES[tensor.dtype]}.",
                    f"На сервере {what[1]}: {facts.datatype}, а не {DATATYPES[tensor.dtype]}.",
                )
            )
        elif not fits(tensor.shape, facts.shape):
            there, here = _text(facts.shape), _text(tensor.shape)
            found.append(
                Message(
                    f"On the server {what[0]} has the shape {there}, not {here}.",
                    f"На сервере {what[1]}: размер {there}, а не {here}.",
                )
            )
    if is_complete and by_name:
        more = ", ".join(by_name)
        found.append(
            Message(
                f"The model on the server wants more inputs: {more}.",
                f"Модели на сервере нужны ещё входы: {more}.",
            )
        )
    return found


def fits(declared: Sequence[int], present: Sequence[int]) -> bool:
    """Whether two shapes may be of one tensor; -1 is any size."""
    return len(declared) == len(present) and all(
        a == b or -1 in (a, b) for a, b in zip(declared, present, strict=True)
    )


def _text(shape: Sequence[int]) -> str:
    return "×".join("?" if n < 0 else str(n) for n in shape)
