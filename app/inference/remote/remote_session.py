"""A session whose graph runs on a server, with this machine behind it.

Takes the place of ``ModelSession`` in the pipeline: same inputs, same outputs, same notes. What the
server does not compute is computed here with the pack's own weights, and the result says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from app.core.errors import ServerFault
from app.core.report import Message
from app.inference.graph_session import GraphSession
from app.inference.manifest import ModelPack
from app.inference.remote.agreement import disagreements, fits, stated_weights
from app.inference.remote.connect import Absences, connect, require_ready
from app.inference.remote.faults import fault, no_such_model
from app.inference.remote.protocol import Client, ModelFacts
from app.inference.remote.server import RemoteModel

_ATTEMPTS: Final = 2
_PAUSE_SECONDS: Final = 0.3

Feed = Mapping[str, npt.NDArray[Any]]
Outputs = dict[str, npt.NDArray[np.float32]]
T = TypeVar("T")


class RemoteSession:
    """The session of one run. Not thread-safe; lives in the worker process.

    ``local`` opens the session of this machine; it is called only when the server fails. Raises
    ``ServerFault`` from the constructor and ``run`` only where the server must not be replaced.
    """

    def __init__(
        self,
        pack: ModelPack,
        remote: RemoteModel,
        local: Callable[[], GraphSession],
        absences: Absences | None = None,
    ) -> None:
        self._notes: list[Message] = []
        self._pack = pack
        self._remote = remote
        self._models = remote.models(len(pack.model_files))
        self._open_local = local
        self._absences = absences or Absences()
        self._local: GraphSession | None = None
        self._client: Client | None = None
        self._facts: tuple[ModelFacts, ...] = ()
        self._answered = 0
        try:
            self._open()
        except ServerFault as error:
            self._fall_back(error)

    @property
    def notes(self) -> tuple[Message, ...]:
        """What was done otherwise than asked, on the server and here."""
        return (*self._notes, *(self._local.notes if self._local else ()))

    @property
    def device(self) -> str:
        """``kserve:host:port/model``; the local device too, or alone, after a fall-back."""
        if self._local is None:
            return self._remote.device
        here = self._local.device
        return f"{self._remote.device} + {here}" if self._answered else here

    @property
    def providers(self) -> tuple[str, ...]:
        """``KServe:platform`` of the server; the local ones too, or alone, after a fall-back."""
        remote = tuple({f"KServe:{facts.platform or 'unknown'}": 0 for facts in self._facts})
        if self._local is None:
            return remote
        return (*(remote if self._answered else ()), *self._local.providers)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of the graph."""
        if self._local is not None:
            return self._local.input_names
        return tuple(tensor.name for tensor in self._facts[0].inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs of the graph."""
        if self._local is not None:
            return self._local.output_names
        return tuple(tensor.name for tensor in self._facts[0].outputs)

    def run(self, output: str, feed: Feed) -> npt.NDArray[np.float32]:
        """One output as float32; see ``run_all``."""
        return self.run_all((output,), feed)[output]

    def run_all(self, outputs: Sequence[str], feed: Feed) -> Outputs:
        """Outputs as float32; from this machine once the server has failed."""
        local = self._local
        if local is None:
            try:
                values = self._ask(outputs, feed)
            except ServerFault as error:
                local = self._fall_back(error)
            else:
                self._answered += 1
                return values
        return local.run_all(outputs, feed)

    def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open(self) -> None:
        """Connect and prove that the models are those of the pack."""
        server, remote = self._remote.server, self._remote
        client = self._connected()
        facts = []
        for graph, model in enumerate(self._models):
            if not client.is_model_ready(model, remote.version):
                raise no_such_model(server, model)
            facts.append(client.describe(model, remote.version))
            against = disagreements(
                self._pack,
                facts[-1],
                graph=graph,
                version=remote.version,
                unproven_weights=server.unproven_weights,
            )
            if against:
                raise fault(
                    server,
                    f'has another model under "{model}": {against[0].en.rstrip(".")}',
                    f"имеет под именем «{model}» другую модель: {against[0].ru.rstrip('.')}",
                    hint=(
                        "Nothing was sent. overread servers test says more.",
                        "Ничего не отправлено. Подробнее: overread servers test.",
                    ),
                    detail=" ".join(message.en for message in against),
                )
        self._facts = tuple(facts)
        if not all(stated_weights(entry) for entry in facts):
            self._notes.append(
                Message(
                    f'The model server "{server.name}" does not say which weights it used.',
                    f"Сервер моделей «{server.name}» не сообщает, какие веса он использовал.",
                )
            )

    def _connected(self) -> Client:
        """A client of a server that takes requests; a refusal that may pass is tried once more."""
        server = self._remote.server
        if recent := self._absences.recent(server):
            raise recent
        try:
            client = self._client = connect(server)
            _twice(lambda: require_ready(client, server))
        except ServerFault as error:
            self._absences.note(server, error)
            raise
        self._absences.forget(server)
        return client

    def _ask(self, outputs: Sequence[str], feed: Feed) -> Outputs:
        """The server's answer for one batch: the mean of the folds, as ``FoldSession`` takes it."""
        total = self._ask_model(0, outputs, feed)
        if len(self._models) == 1:
            return total
        for graph in range(1, len(self._models)):
            for name, values in self._ask_model(graph, outputs, feed).items():
                total[name] = total[name] + values
        share = np.float32(len(self._models))
        return {name: values / share for name, values in total.items()}

    def _ask_model(self, graph: int, outputs: Sequence[str], feed: Feed) -> Outputs:
        """One model's answer; images one by one where it takes no batches."""
        sizes = {len(values) for values in feed.values()}
        is_fixed = any(tensor.shape[:1] == (1,) for tensor in self._facts[graph].inputs)
        if len(sizes) != 1 or sizes == {1} or not is_fixed:
            return self._ask_once(graph, outputs, feed)
        parts = [
            self._ask_once(graph, outputs, {k: values[n : n + 1] for k, values in feed.items()})
            for n in range(sizes.pop())
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in outputs}

    def _ask_once(self, graph: int, outputs: Sequence[str], feed: Feed) -> Outputs:
        client, server, model = self._client, self._remote.server, self._models[graph]
        if client is None:
            raise fault(server, "is not connected", "не подключён")
        answer = _twice(lambda: client.infer(model, self._remote.version, feed, outputs))
        declared = {tensor.name: tensor for tensor in self._pack.graph.outputs}
        batch = len(next(iter(feed.values())))
        for name, values in answer.items():
            tensor = declared[name]
            sizes = tuple(
                batch if axis == "batch" else size
                for axis, size in zip(tensor.axes, tensor.shape, strict=True)
            )
            if not fits(sizes, values.shape) or values.dtype != np.dtype(tensor.dtype):
                raise fault(
                    server,
                    f"gave back {values.dtype} of the size {values.shape}, which is not what the "
                    "model pack says",
                    f"вернул {values.dtype} размера {values.shape}, что не соответствует пакету",
                    hint=(
                        "Ask its administrator which model stands there.",
                        "Спросите администратора, какая модель там размещена.",
                    ),
                )
        return {
            name: np.ascontiguousarray(values, dtype=np.float32) for name, values in answer.items()
        }

    def _fall_back(self, error: ServerFault) -> GraphSession:
        """The session of this machine, with a note; the fault again where that is not wanted."""
        self.close()
        if not self._remote.server.fall_back:
            raise error
        local = self._local = self._open_local()
        where = (
            ("the rest was computed on this machine", "остальное посчитано на этой машине")
            if self._answered
            else ("the model ran on this machine", "модель работала на этой машине")
        )
        self._notes.append(
            Message(
                f"{error.message.rstrip('.')}; {where[0]}.", f"{error.ru.rstrip('.')}; {where[1]}."
            )
        )
        return local


def _twice(call: Callable[[], T]) -> T:
    """What ``call`` gives; once more after a moment where its fault may pass."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call()
        except ServerFault as error:
            if attempt == _ATTEMPTS or not error.may_pass:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")
