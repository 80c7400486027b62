"""The outer side of the inference process: start, feed, listen, cancel by killing.

One process per workstation, started with the first run and kept, so that its sessions stay
loaded. Killing it is the one certain way to stop a model and to get device memory back.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import multiprocessing.connection as mp_connection
import os
import threading
from multiprocessing.context import SpawnProcess
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.errors import EnvironmentFault, InferenceError, ModelPackError, ResultRefused
from app.core.volume import Volume
from app.inference.manifest import ModelPack
from app.inference.pack_store import InstalledPack
from app.inference.remote.server import RemoteModel, ServerBook
from app.inference.result import InferenceResult
from app.inference.run_context import RunContext, require_inputs
from app.inference.shared_array import SharedArray
from app.inference.worker_messages import Failure, RunAnswer, RunRequest
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress

_LOOK_SECONDS = 0.03
_LABELMAP_MAX = 65535


class InferenceProcess:
    """Runs packs in a process of its own. ``run`` may be called from any thread, one at a time.

    ``device`` is ``auto``, ``cpu`` or ``cuda``; ``threads`` 0 means the cores, up to four.
    ``servers`` compute the packs that they have models for, with ``auto`` or when asked for.
    """

    def __init__(
        self, *, device: str = "auto", threads: int = 0, servers: ServerBook | None = None
    ) -> None:
        self._device = device
        self._servers = servers or ServerBook()
        self._threads = threads
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._connection: mp_connection.Connection | None = None
        self._closed = False

    @property
    def process_id(self) -> int | None:
        """The process id of the worker, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def run(
        self,
        installed: InstalledPack,
        volume: Volume,
        *,
        forced: bool = False,
        context: RunContext | None = None,
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        """Run a pack on a volume; blocks.

        Raises ``HashMismatch`` for changed weights, ``Cancelled``, ``InferenceError`` when the
        model fails or its process dies (the next run starts a new one), ``ResultRefused`` when
        the pack's own checks refuse what came out, ``InputError`` when the reader's input that it
        needs is missing.
        """
        token = cancel or CancelToken()
        pack = installed.pack
        _require_kind(pack, volume)
        context = context or RunContext()
        require_inputs(pack, context.reader)
        with self._lock:
            token.raise_if_cancelled()
            image, output = _shared_arrays(pack, volume)
            try:
                request = self._request(installed, volume, context, (image, output))
                answer = self._exchange(request, (image, output), progress, token)
                masks = _masks(pack, output)
            finally:
                image.close()
                if output is not None:
                    output.close()
        for flag in answer.flags:
            if flag.refuses:
                raise ResultRefused(
                    f"The result of the model was refused: {flag.text.en}",
                    ru=f"Результат модели отклонён: {flag.text.ru}",
                    hint="Read this image without the model.",
                    hint_ru="Опишите это изображение без модели.",
                )
        return InferenceResult(
            pack_id=pack.id,
            version=pack.version,
            weights_sha256=pack.weights_sha256,
            manifest_sha256=installed.manifest_sha256,
            device=answer.device,
            providers=answer.providers,
            source=volume.source,
            forced=forced,
            seconds=answer.seconds,
            patches=answer.patches,
            masks=masks,
            scores=answer.scores,
            quality_flags=tuple(flag.id for flag in answer.flags),
            flags=answer.flags,
            notes=answer.notes,
            boxes=answer.boxes,
            landmarks=answer.landmarks,
            attention=answer.attention,
            numbers=answer.numbers,
            reader_input_sha256="" if context.reader.is_empty else context.reader.sha256,
        )

    def use_servers(self, servers: ServerBook) -> None:
        """Other model servers from the next run on; any thread."""
        self._servers = servers

    def warm_up(self) -> None:
        """Start the process if there is none, so that the first run need not wait for it."""
        with self._lock:
            self._start()

    def close(self) -> None:
        """End the process; safe from any thread and more than once."""
        self._closed = True
        self._kill()

    def _request(
        self,
        installed: InstalledPack,
        volume: Volume,
        context: RunContext,
        arrays: tuple[SharedArray, SharedArray | None],
    ) -> RunRequest:
        image, output = arrays
        manifest = installed.read_manifest()
        return RunRequest(
            manifest=manifest,
            folder=str(installed.folder),
            manifest_sha256=installed.manifest_sha256,
            image=image.place,
            output=output.place if output else None,
            exclusive=output is not None and len(output.place.shape) == 3,
            rescale=volume.rescale,
            padding=volume.padding,
            polarity_inverted=volume.polarity_inverted,
            geometry=volume.geometry,
            pixel_spacing_mm=volume.pixel_spacing_mm,
            patient_orientation=volume.patient_orientation,
            device=self._device,
            threads=self._threads,
            context=context,
            is_built_in=installed.built_in,
            remote=self._remote(installed.pack),
        )

    def _remote(self, pack: ModelPack) -> RemoteModel | None:
        """Where the graph of the pack runs, None: here. An analysis has none to send."""
        if self._servers.asked or (self._device == "auto" and pack.analysis is None):
            return self._servers.model_for(pack.id)
        return None

    def _exchange(
        self,
        request: RunRequest,
        arrays: tuple[SharedArray | None, ...],
        progress: Progress,
        token: CancelToken,
    ) -> RunAnswer:
        """Send one request and listen until its answer; kills the process on cancel."""
        process, connection = self._start()
        try:
            connection.send(request)
            while True:
                if token.is_cancelled:
                    self._kill()
                    token.raise_if_cancelled()
                if not mp_connection.wait([connection, process.sentinel], _LOOK_SECONDS):
                    continue
                message = connection.recv()  # EOFError when the process died without an answer
                match message:
                    case RunAnswer():
                        return message
                    case Failure():
                        raise message.to_error()
                    case ("mapped", _, _):
                        for array in arrays:
                            if array is not None and os.name == "posix":
                                array.unlink()  # nothing of the images stays if we are killed
                    case ("progress", fraction, text):
                        progress(float(fraction), str(text))
        except (EOFError, OSError, ValueError) as error:  # died, or closed by another thread
            self._kill()
            token.raise_if_cancelled()
            raise InferenceError(
                "The model process stopped before it had a result.",
                ru="Процесс модели остановился, не дав результата.",
                hint="Repeat the job; the images and your decisions are not affected.",
                hint_ru="Повторите задание; изображения и ваши решения не пострадали.",
                technical_detail=f"exit code {process.exitcode}",
            ) from error

    def _start(self) -> tuple[SpawnProcess, mp_connection.Connection]:
        if self._closed:
            raise InferenceError("The program is closing.", ru="Программа закрывается.")
        if self._process is not None and self._connection is not None and self._process.is_alive():
            return self._process, self._connection
        self._kill()
        context = mp.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs,), name="overread-inference", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._connection = process, ours
        return process, ours

    def _kill(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is not None:
            with contextlib.suppress(OSError, ValueError):
                process.kill()
                process.join(5.0)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()


def _serve(connection: mp_connection.Connection) -> None:
    """First thing in the new process; only there are onnxruntime and SimpleITK imported."""
    from app.inference.worker_main import serve

    serve(connection)


def _require_kind(pack: ModelPack, volume: Volume) -> None:
    if volume.is_color:
        raise ModelPackError(
            "The image is in color, and this model reads gray images.",
            ru="Изображение цветное, а модель читает серые.",
        )
    if pack.input.dimensions == 3 and volume.geometry is None:
        raise ModelPackError(
            "The images are no volume with a place in the patient, and this model needs one.",
            ru="Изображения не образуют объём с положением в теле, а модели он нужен.",
        )


def _shared_arrays(pack: ModelPack, volume: Volume) -> tuple[SharedArray, SharedArray | None]:
    image = SharedArray.create(volume.voxels.shape, volume.voxels.dtype)
    image.array[...] = volume.voxels
    if pack.task != "segmentation":
        return image, None
    labels = pack.output.labels
    highest = max(label.index for label in labels)
    exclusive = pack.infer.activation == "softmax" and not any(entry.overlaps for entry in labels)
    shape = volume.voxels.shape[:3]
    try:
        if exclusive and highest <= _LABELMAP_MAX:
            dtype = np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16
            return image, SharedArray.create(shape, dtype)
        return image, SharedArray.create((len(labels), *shape), np.uint8)
    except EnvironmentFault:
        image.close()
        raise


def _masks(pack: ModelPack, output: SharedArray | None) -> tuple[tuple[int, npt.NDArray[Any]], ...]:
    """Private copies of the masks, one per label of the manifest."""
    if output is None:
        return ()
    shared = output.array
    if shared.ndim == 3:
        return tuple(
            (label.index, (shared == label.index).astype(np.uint8)) for label in pack.output.labels
        )
    return tuple(
        (label.index, np.array(shared[n], dtype=np.uint8))
        for n, label in enumerate(pack.output.labels)
    )


__all__ = ["InferenceProcess", "InferenceResult"]
