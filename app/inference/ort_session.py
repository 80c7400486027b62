"""onnxruntime: sessions, and what is done when memory runs out or a device disappears.

Half the batch, then single patches, then the CPU: never silently. What was used is declared.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from app.core.errors import InferenceError, ModelPackError
from app.core.report import Message
from app.inference.providers import (
    IDENTITY,
    NAMES,
    ORT_ERRORS,
    chain,
    order_of,
    verified,
)
from app.inference.run_control import current

Device = Literal["auto", "cpu", "cuda", "tensorrt", "directml", "coreml", "openvino"]

_OOM_WORDS = ("out of memory", "failed to allocate memory", "alloc_failed", "bad allocation")
_MAX_THREADS = 4


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """How sessions are made: device wish, threads within one operator, the order of ``auto``.

    ``cache_folder`` keeps the engines that TensorRT builds.
    """

    device: Device = "auto"
    threads: int = 0
    order: tuple[str, ...] = ()
    cache_folder: str = ""

    @property
    def intra_threads(self) -> int:
        """Threads to use: the wish, or the cores up to four."""
        return self.threads or max(1, min(_MAX_THREADS, os.cpu_count() or 1))


class ModelSession:
    """One loaded graph. Not thread-safe; lives in the worker process."""

    def __init__(self, weights: bytes, plan: SessionPlan) -> None:
        self._weights = weights
        self._plan = plan
        self._most = 0  # patches that fit into memory at once; 0: not known to be limited
        self.notes: list[Message] = []
        self._released = False
        self._session, self._provider = self._open(order_of(plan.device, plan.order))

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers in force, in their order."""
        return tuple(self._session.get_providers())

    @property
    def device(self) -> str:
        """``cuda:0``, ``directml``... where the graph runs there, else ``cpu``."""
        return "cuda:0" if self._provider == "cuda" else self._provider

    @property
    def size_bytes(self) -> int:
        """Memory that the session is thought to hold: the weights and what is made of them."""
        return 0 if self._released else 3 * len(self._weights)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of the graph."""
        return tuple(entry.name for entry in self._session.get_inputs())

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs of the graph."""
        return tuple(entry.name for entry in self._session.get_outputs())

    def release(self) -> None:
        """Give the memory back (only deleting a session surely does); the next run loads again."""
        self._session = _Closed(self._session)
        self._released = True

    def run(self, output: str, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """One output as float32; see ``run_all``."""
        return self.run_all((output,), feed)[output]

    def run_all(
        self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs as float32.

        Where memory runs out, half of the batch is tried, down to one, then the CPU; where a
        device fails otherwise, the CPU takes over. Both are noted. Raises ``Cancelled`` for a run
        that is no longer wanted and ``InferenceError`` for every other failure of the runtime.
        """
        if self._released:
            self._session, self._provider = self._open(
                order_of(self._plan.device, self._plan.order)
            )
            self._released = False
        count = max((values.shape[0] for values in feed.values() if values.ndim), default=1)
        if 0 < self._most < count:
            return self._in_parts(outputs, feed, count, self._most)
        try:
            values = self._compute(outputs, feed)
        except ORT_ERRORS as error:
            if is_out_of_memory(error) and count > 1 and self._can_split(feed):
                self._most = max(1, count // 2)
                self._note(
                    f"Memory was short: {self._most} patch(es) were computed at once.",
                    f"Памяти не хватило: одновременно вычислялось участков: {self._most}.",
                )
                return self._in_parts(outputs, feed, count, self._most)
            if self._provider == "cpu":
                raise _run_failed(error) from error
            self._to_cpu(error)
            return self.run_all(outputs, feed)
        return {
            name: np.asarray(value, dtype=np.float32)
            for name, value in zip(outputs, values, strict=True)
        }

    def _compute(self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]]) -> list[Any]:
        """One run of the graph; again from the start where something urgent interrupted it."""
        control = current()
        while True:
            control.checkpoint()
            if self._released:
                order = order_of(self._plan.device, self._plan.order)
                self._session, self._provider = self._open(order)
                self._released = False
            options = ort.RunOptions()
            try:
                with control.computing(options):
                    if self._provider == "cuda":
                        return self._bound(outputs, feed, options)
                    return list(self._session.run(list(outputs), dict(feed), options))
            except ORT_ERRORS:
                if not options.terminate:
                    raise

    def _bound(
        self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]], options: ort.RunOptions
    ) -> list[Any]:
        """With inputs and outputs bound to the GPU: no copies but one each way."""
        binding = self._session.io_binding()
        for name, values in feed.items():
            given = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(values), "cuda", 0)
            binding.bind_ortvalue_input(name, given)
        for name in outputs:
            binding.bind_output(name, "cuda")
        self._session.run_with_iobinding(binding, options)
        return list(binding.copy_outputs_to_cpu())

    def _in_parts(
        self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]], count: int, most: int
    ) -> dict[str, npt.NDArray[np.float32]]:
        made = [
            self.run_all(outputs, {k: values[n : n + most] for k, values in feed.items()})
            for n in range(0, count, most)
        ]
        return {name: np.concatenate([part[name] for part in made]) for name in outputs}

    def _can_split(self, feed: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Whether the graph takes any number of patches."""
        sizes = [e.shape[0] for e in self._session.get_inputs() if e.name in feed and e.shape]
        return all(not isinstance(size, int) for size in sizes)

    def _to_cpu(self, error: Exception) -> None:
        if is_out_of_memory(error):
            self._note(
                "The memory of the GPU was not enough; the model ran on the CPU.",
                "Памяти видеокарты не хватило; модель работала на процессоре.",
            )
        else:
            self._note(
                "The GPU failed during the run; the model went on on the CPU.",
                "Видеокарта отказала во время работы; модель продолжила на процессоре.",
            )
        self._session, self._provider = self._open(("cpu",))

    def _note(self, en: str, ru: str) -> None:
        if all(note.en != en for note in self.notes):
            self.notes.append(Message(en, ru))

    def _open(self, order: Sequence[str]) -> tuple[ort.InferenceSession, str]:
        """A session on the first provider that really computes."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._plan.intra_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        for name in order:
            if not verified(name).usable:
                self._refuse(name)
                continue
            try:
                session = ort.InferenceSession(
                    self._weights, options, providers=chain(name, self._plan.cache_folder)
                )
            except ORT_ERRORS as error:
                if name == "cpu":
                    raise _load_failed(error) from error
                self._refuse(name)
                continue
            if session.get_providers()[0] == NAMES[name]:
                return session, name
            self._refuse(name)
        raise _load_failed(RuntimeError("no execution provider"))

    def _refuse(self, name: str) -> None:
        """Say that a provider that somebody asked for cannot be used."""
        if self._plan.device == "auto" and not self._plan.order:
            return
        if name == "cuda":
            self._note(
                "The GPU cannot be used; the model ran on the CPU.",
                "Видеокарту использовать нельзя; модель работала на процессоре.",
            )
        else:
            self._note(
                f'The provider "{name}" cannot be used here.',
                f"Провайдер «{name}» здесь использовать нельзя.",
            )


class _Closed:
    """What is left of a session whose memory was given back: its names."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._inputs, self._outputs = session.get_inputs(), session.get_outputs()
        self._providers = session.get_providers()

    def get_inputs(self) -> list[Any]:
        """Of the graph."""
        return list(self._inputs)

    def get_outputs(self) -> list[Any]:
        """Of the graph."""
        return list(self._outputs)

    def get_providers(self) -> list[str]:
        """Those that it had."""
        return list(self._providers)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a runtime error is exhaustion of memory; onnxruntime has no type for it."""
    text = str(error).lower()
    return any(word in text for word in _OOM_WORDS)


def runtime_works() -> bool:
    """Whether onnxruntime computes at all; what ``self-test`` asks."""
    session = ModelSession(IDENTITY, SessionPlan("cpu", 1))
    value = session.run("y", {"x": np.asarray([2.5], dtype=np.float32)})
    return bool(value[0] == np.float32(2.5))


def _load_failed(error: Exception) -> ModelPackError:
    return ModelPackError(
        "The graph of the model pack cannot be loaded.",
        ru="Граф модели из пакета не загружается.",
        hint="The pack may need a newer version of the program.",
        hint_ru="Возможно, пакету нужна более новая версия программы.",
        technical_detail=str(error)[:500],
    )


def _run_failed(error: BaseException) -> InferenceError:
    if is_out_of_memory(error):
        return InferenceError(
            "The memory was not enough for the model.",
            ru="Для модели не хватило памяти.",
            hint="Close other programs and repeat the job.",
            hint_ru="Закройте другие программы и повторите задание.",
            technical_detail=str(error)[:500],
        )
    return InferenceError(
        "The model failed while it ran.",
        ru="Модель завершилась ошибкой.",
        hint="Repeat the job; if it fails again, verify the model pack.",
        hint_ru="Повторите задание; если ошибка повторится, проверьте пакет модели.",
        technical_detail=str(error)[:500],
    )
