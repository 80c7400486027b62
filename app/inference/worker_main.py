"""The inner side of the inference process: takes requests from a pipe, runs them, answers.

Never imports Qt, VTK or pydicom. A bug here ends the process; the outer side reports it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, Cancelled, InferenceError
from app.imaging.nifti import read_nifti
from app.inference import run_control
from app.inference.graph_session import GraphSession
from app.inference.label_field import LabelField
from app.inference.localized import run_localized
from app.inference.manifest import ModelPack, parse_manifest
from app.inference.pack_store import InstalledPack
from app.inference.pipeline import PipelineOutput, run_analysis, run_pipeline
from app.inference.preprocess import ModelInput
from app.inference.remote.connect import Absences
from app.inference.run_control import RunControl
from app.inference.session_store import SessionStore
from app.inference.shared_array import SharedArray
from app.inference.worker_messages import (
    Advance,
    CancelRequest,
    Failure,
    Mapped,
    RunAnswer,
    RunRequest,
)

_ABSENCES: Final = Absences()


def serve(connection: Connection) -> None:
    """Entry point of the process: answer requests until the pipe closes."""
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # native libraries print; standard output belongs to the caller's JSON
    _Worker(connection).work()


class _Worker:
    """One thread runs models, one listens; urgent requests go first and make the others wait."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._sessions = SessionStore()
        self._waiting: list[RunRequest] = []
        self._running: list[tuple[RunRequest, RunControl]] = []
        self._news = threading.Condition()

    def work(self) -> None:
        """Run requests until the process is ended by the listener."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        while True:
            with self._news:
                while not self._waiting:
                    self._news.wait()
            self._run_next(urgent_only=False)

    def _listen(self) -> None:
        """Take requests; ends the process with the pipe, whatever it does then."""
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                message = None
            with self._news:
                match message:
                    case RunRequest():
                        self._waiting.append(message)
                        self._news.notify()
                        if message.urgent and self._running and not self._running[-1][0].urgent:
                            self._running[-1][1].interrupt()
                    case CancelRequest(run_id):
                        self._cancel(run_id)
                    case None:
                        os._exit(0)

    def _cancel(self, run_id: int) -> None:
        for request, control in self._running:
            if request.run_id == run_id:
                control.cancel()
        for request in self._waiting:
            if request.run_id == run_id:
                self._waiting.remove(request)
                self._send(run_id, Failure.of(Cancelled("The work was cancelled.",
                                                        ru="Работа отменена.")))  # fmt: skip
                return

    def _take(self, *, urgent_only: bool) -> RunRequest | None:
        with self._news:
            urgent = [request for request in self._waiting if request.urgent]
            chosen = urgent or ([] if urgent_only else self._waiting)
            if not chosen:
                return None
            first = chosen[0]
            self._waiting.remove(first)
            return first

    def _run_next(self, *, urgent_only: bool) -> None:
        request = self._take(urgent_only=urgent_only)
        if request is None:
            return
        control = RunControl(request.run_id, None if request.urgent else self._run_urgent)
        with self._news:
            self._running.append((request, control))
        try:
            with run_control.under(control):
                answer: RunAnswer | Failure = self._run(request)
        except AppError as error:
            answer = Failure.of(error)
        except MemoryError:
            answer = Failure.of(
                InferenceError(
                    "The memory was not enough for the model.",
                    ru="Для модели не хватило памяти.",
                    hint="Close other programs and repeat the job.",
                    hint_ru="Закройте другие программы и повторите задание.",
                )
            )
        finally:
            with self._news:
                self._running.pop()
        self._send(request.run_id, answer)

    def _run_urgent(self) -> None:
        """What the study being read needs goes before this run, on the same thread."""
        while any(request.urgent for request in tuple(self._waiting)):
            self._run_next(urgent_only=True)

    def _send(self, run_id: int, message: object) -> None:
        with self._sending, contextlib.suppress(BrokenPipeError, OSError):
            self._connection.send((run_id, message))

    def _run(self, request: RunRequest) -> RunAnswer:
        begin = time.perf_counter()
        image = SharedArray.open(request.image)
        output = SharedArray.open(request.output) if request.output else None
        self._send(request.run_id, Mapped())
        try:
            pack = parse_manifest(request.manifest)
            given = ModelInput(
                image.array,
                request.rescale,
                request.padding,
                request.polarity_inverted,
                request.geometry,
                request.pixel_spacing_mm,
                request.patient_orientation,
                request.context.reader,
                request.context.acquisition,
            )

            def progress(fraction: float, text: str) -> None:
                run_control.current().checkpoint()
                self._send(request.run_id, Advance(fraction, text))

            device: str = "cpu"
            providers: tuple[str, ...] = ()
            if pack.analysis is not None:
                loaded = time.perf_counter()
                made = run_analysis(pack, given, progress)
            else:
                with self._graph_session(request, pack) as session:
                    loaded = time.perf_counter()
                    if pack.input.localizer is None:
                        made = run_pipeline(pack, session, given, progress)
                    else:
                        template = _template(request, pack)
                        made = run_localized(pack, session, given, template, progress)
                    device, providers = session.device, session.providers
            if output is not None:
                _write(made.masks, output.array, pack, exclusive=request.exclusive)
            return _answer(made, device, providers, loaded - begin)
        finally:
            image.close()
            if output is not None:
                output.close()

    @contextlib.contextmanager
    def _graph_session(self, request: RunRequest, pack: ModelPack) -> Iterator[GraphSession]:
        """The session of a run: on a server where the request says so, with this machine behind."""

        def local() -> GraphSession:
            return self._sessions.session(request, pack)

        if request.remote is None:
            yield local()
            return
        from app.inference.remote.remote_session import RemoteSession

        with contextlib.closing(RemoteSession(pack, request.remote, local, _ABSENCES)) as session:
            yield session


def _answer(
    made: PipelineOutput, device: str, providers: tuple[str, ...], load_seconds: float
) -> RunAnswer:
    return RunAnswer(
        device=device,
        providers=providers,
        scores=made.scores,
        flags=made.flags,
        patches=made.patches,
        seconds={"load": load_seconds, **made.seconds},
        notes=made.notes,
        boxes=made.boxes,
        landmarks=made.landmarks,
        attention=made.attention,
        numbers=made.numbers,
    )


def _template(request: RunRequest, pack: ModelPack) -> npt.NDArray[np.float32]:
    """The values of the localiser's template, of a file that is proven to be the pack's."""
    plan = pack.input.localizer
    if plan is None:
        raise AssertionError("asked for a pack with a localiser")
    installed = InstalledPack(pack, Path(request.folder), False, request.manifest_sha256)
    installed.read_model(plan.template)
    return read_nifti(installed.folder / plan.template)[0].astype(np.float32)


def _write(
    masks: Mapping[int, np.ndarray[Any, np.dtype[np.bool_]]],
    target: np.ndarray[Any, np.dtype[Any]],
    pack: ModelPack,
    *,
    exclusive: bool,
) -> None:
    """Into one labelmap ``[k, j, i]``, or into ``[label, k, j, i]`` where labels may overlap."""
    if exclusive and isinstance(masks, LabelField):
        target[...] = masks.labels
        return
    target[...] = 0
    for position, label in enumerate(pack.output.labels):
        mask = masks.get(label.index)
        if mask is None:
            continue
        if exclusive:
            target[mask] = label.index
        else:
            target[position][mask] = 1
