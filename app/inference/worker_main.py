"""The inner side of the inference process: takes requests from a pipe, answers, keeps sessions.

Never imports Qt, VTK or pydicom. A bug here ends the process; the outer side reports it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, InferenceError
from app.imaging.nifti import read_nifti
from app.inference.fold_session import FoldSession
from app.inference.graph_check import require_graph
from app.inference.graph_session import GraphSession
from app.inference.label_field import LabelField
from app.inference.localized import run_localized
from app.inference.manifest import ModelPack, parse_manifest
from app.inference.ort_session import Device, ModelSession, SessionPlan
from app.inference.pack_store import InstalledPack
from app.inference.pipeline import PipelineOutput, run_analysis, run_pipeline
from app.inference.preprocess import ModelInput
from app.inference.remote.connect import Absences
from app.inference.shared_array import SharedArray
from app.inference.worker_messages import Failure, RunAnswer, RunRequest

_CACHED_SESSIONS: Final = 2
_ABSENCES: Final = Absences()
_DEVICES: Final[dict[str, Device]] = {"cpu": "cpu", "cuda": "cuda"}


def serve(connection: Connection) -> None:
    """Entry point of the process: answer requests until the pipe closes."""
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # native libraries print; standard output belongs to the caller's JSON
    sessions: OrderedDict[tuple[str, str, int], ModelSession | FoldSession] = OrderedDict()
    while True:
        try:
            request = connection.recv()
        except (EOFError, OSError):
            return
        if request is None:
            return
        try:
            answer: RunAnswer | Failure = _run(request, sessions, connection)
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
        try:
            connection.send(answer)
        except (BrokenPipeError, OSError):
            return


def _run(
    request: RunRequest,
    sessions: OrderedDict[tuple[str, str, int], ModelSession | FoldSession],
    connection: Connection,
) -> RunAnswer:
    begin = time.perf_counter()
    image = SharedArray.open(request.image)
    output = SharedArray.open(request.output) if request.output else None
    connection.send(("mapped", 0.0, ""))
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
            connection.send(("progress", fraction, text))

        device: str = "cpu"
        providers: tuple[str, ...] = ()
        if pack.analysis is not None:
            loaded = time.perf_counter()
            made = run_analysis(pack, given, progress)
        else:
            with _graph_session(request, pack, sessions) as session:
                loaded = time.perf_counter()
                if pack.input.localizer is None:
                    made = run_pipeline(pack, session, given, progress)
                else:
                    made = run_localized(pack, session, given, _template(request, pack), progress)
                device, providers = session.device, session.providers
        if output is not None:
            _write(made.masks, output.array, pack, exclusive=request.exclusive)
        return _answer(made, device, providers, loaded - begin)
    finally:
        image.close()
        if output is not None:
            output.close()


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


@contextlib.contextmanager
def _graph_session(
    request: RunRequest,
    pack: ModelPack,
    sessions: OrderedDict[tuple[str, str, int], ModelSession | FoldSession],
) -> Iterator[GraphSession]:
    """The session of a run: on a server where the request says so, with this machine behind it."""

    def local() -> GraphSession:
        return _session(request, pack, sessions)

    if request.remote is None:
        yield local()
        return
    from app.inference.remote.remote_session import RemoteSession

    with contextlib.closing(RemoteSession(pack, request.remote, local, _ABSENCES)) as session:
        yield session


def _session(
    request: RunRequest,
    pack: ModelPack,
    sessions: OrderedDict[tuple[str, str, int], ModelSession | FoldSession],
) -> ModelSession | FoldSession:
    """The session of these weights, loaded and hashed now or kept from an earlier run."""
    key = (pack.weights_sha256, request.device, request.threads)
    installed = InstalledPack(pack, Path(request.folder), False, request.manifest_sha256)
    # also for a kept session: a changed file is never used
    weights = [installed.read_model(name) for name in pack.model_files]
    if key not in sessions:
        while len(sessions) >= _CACHED_SESSIONS:
            sessions.popitem(last=False)
        if not request.is_built_in:  # those of the program are checked by its tests
            for content in weights:
                require_graph(pack, content)
        plan = SessionPlan(_DEVICES.get(request.device, "auto"), request.threads)
        made = [ModelSession(content, plan) for content in weights]
        sessions[key] = made[0] if len(made) == 1 else FoldSession(made)
    sessions.move_to_end(key)
    return sessions[key]


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
