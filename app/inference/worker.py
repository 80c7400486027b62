"""The outer side of the inference process: feed, listen, cancel, and kill as the last resort.

One process per workstation, started with the first run and kept, so that its sessions stay
loaded. Killing it is the one certain way to stop a model and to get device memory back.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from app.core.errors import EnvironmentFault, InferenceError, ModelPackError, ResultRefused
from app.core.segmentation import MaskArray
from app.core.volume import Volume
from app.inference.label_masks import LabelMasks, MaskRows
from app.inference.manifest import ModelPack
from app.inference.pack_store import InstalledPack
from app.inference.remote.server import RemoteModel, ServerBook
from app.inference.result import InferenceResult
from app.inference.run_context import RunContext, require_inputs
from app.inference.shared_array import SharedArray
from app.inference.worker_link import Died, WorkerLink
from app.inference.worker_messages import (
    Advance,
    CancelRequest,
    Failure,
    Mapped,
    RunAnswer,
    RunRequest,
)
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress

_LOOK_SECONDS: Final = 0.03
_PATIENCE_SECONDS: Final = 0.7  # from asking a run to stop to killing it
_ATTEMPTS: Final = 2  # where the process was killed for another run
_LABELMAP_MAX: Final = 65535
_Arrays = tuple[SharedArray, SharedArray | None]


class InferenceProcess:
    """Runs packs in a process of its own. ``run`` may be called from any thread.

    ``device`` is ``auto``, ``cpu``, ``cuda`` or another name of ``providers.NAMES``; ``auto`` tries
    ``providers`` in their order. ``threads`` 0 means the cores, up to four. ``servers`` compute the
    packs that they have models for, with ``auto`` or when asked for. ``cache_folder`` keeps the
    engines that TensorRT builds.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        threads: int = 0,
        servers: ServerBook | None = None,
        providers: Sequence[str] = (),
        cache_folder: str = "",
    ) -> None:
        self._device = device
        self._servers = servers or ServerBook()
        self._threads = threads
        self._providers = tuple(providers)
        self._cache_folder = cache_folder
        self._link = WorkerLink()
        self._urgent_runs = 0

    @property
    def process_id(self) -> int | None:
        """The process id of the worker, or None while there is none."""
        return self._link.process_id

    def run(
        self,
        installed: InstalledPack,
        volume: Volume,
        *,
        forced: bool = False,
        context: RunContext | None = None,
        urgent: bool = True,
        progress: Progress = no_progress,
        cancel: CancelToken | None = None,
    ) -> InferenceResult:
        """Run a pack on a volume; blocks. A run that is not ``urgent`` waits for all that are.

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
        answer, masks = self._computed(installed, volume, (context, urgent), (progress, token))
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

    def _computed(
        self,
        installed: InstalledPack,
        volume: Volume,
        wish: tuple[RunContext, bool],
        watch: tuple[Progress, CancelToken],
    ) -> tuple[RunAnswer, Sequence[tuple[int, MaskArray]]]:
        """The answer of the process and the masks; again where it was killed for another run."""
        (context, urgent), (progress, token) = wish, watch
        died = Died(None, False)
        for _ in range(_ATTEMPTS):
            token.raise_if_cancelled()
            arrays = _shared_arrays(installed.pack, volume)
            self._urgent_runs += urgent
            try:
                request = self._request(installed, volume, context, arrays)
                answer = self._exchange(replace(request, urgent=urgent), arrays, progress, token)
                if isinstance(answer, RunAnswer):
                    return answer, _masks(installed.pack, arrays[1])
                died = answer
            finally:
                self._urgent_runs -= urgent
                for array in arrays:
                    if array is not None:
                        array.close()
            if not died.on_purpose:
                break
        raise _stopped(died)

    def use_servers(self, servers: ServerBook) -> None:
        """Other model servers from the next run on; any thread."""
        self._servers = servers

    def warm_up(self) -> None:
        """Start the process if there is none, so that the first run need not wait for it."""
        self._link.start()

    def close(self) -> None:
        """End the process; safe from any thread and more than once."""
        self._link.close()

    def _request(
        self,
        installed: InstalledPack,
        volume: Volume,
        context: RunContext,
        arrays: _Arrays,
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
            providers=self._providers,
            cache_folder=self._cache_folder,
        )

    def _remote(self, pack: ModelPack) -> RemoteModel | None:
        """Where the graph of the pack runs, None: here. An analysis has none to send."""
        if self._servers.asked or (self._device == "auto" and pack.analysis is None):
            return self._servers.model_for(pack.id)
        return None

    def _exchange(
        self,
        request: RunRequest,
        arrays: _Arrays,
        progress: Progress,
        token: CancelToken,
    ) -> RunAnswer | Died:
        """Send one request and listen until its answer, or until it is no longer wanted."""
        run_id, heard = self._link.open_run()
        asked = 0.0
        try:
            self._link.send(replace(request, run_id=run_id))
            while True:
                if token.is_cancelled and not asked:
                    asked = time.monotonic()
                    self._link.send(CancelRequest(run_id))
                if asked and time.monotonic() - asked > _PATIENCE_SECONDS:
                    self._give_up(request.urgent)
                    token.raise_if_cancelled()
                try:
                    message = heard.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                match message:
                    case RunAnswer():
                        token.raise_if_cancelled()
                        return message
                    case Died():
                        token.raise_if_cancelled()
                        return message
                    case Failure():
                        token.raise_if_cancelled()
                        raise message.to_error()
                    case Mapped():
                        for array in arrays:
                            if array is not None and os.name == "posix":
                                array.unlink()  # nothing of the images stays if we are killed
                    case Advance():
                        progress(message.fraction, message.text)
        finally:
            self._link.close_run(run_id)

    def _give_up(self, urgent: bool) -> None:
        """Kill what does not stop, unless a study that is being read would have to begin again."""
        others = self._urgent_runs - urgent
        if not others:
            self._link.kill()


def _stopped(died: Died) -> InferenceError:
    return InferenceError(
        "The model process stopped before it had a result.",
        ru="Процесс модели остановился, не дав результата.",
        hint="Repeat the job; the images and your decisions are not affected.",
        hint_ru="Повторите задание; изображения и ваши решения не пострадали.",
        technical_detail=f"exit code {died.exit_code}",
    )


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


def _masks(pack: ModelPack, output: SharedArray | None) -> Sequence[tuple[int, MaskArray]]:
    """The masks, one per label of the manifest, from a private copy of the labels."""
    if output is None:
        return ()
    shared = output.array
    if shared.ndim == 3:
        indexes = tuple(label.index for label in pack.output.labels)
        return MaskRows(LabelMasks(shared.copy(), indexes))
    return tuple(
        (label.index, np.array(shared[n], dtype=np.uint8))
        for n, label in enumerate(pack.output.labels)
    )


__all__ = ["InferenceProcess", "InferenceResult"]
