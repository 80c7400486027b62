"""Series on their way from disk to the viewports: first image first, then the rest, in the lanes.

Nothing else of a series is read before its first image is there, and what is no longer wanted is
not read on. A series too large for the memory is shown image by image. Main thread only; the work
itself runs in the ``interaction`` and ``io`` lanes.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError, TooLarge
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
from app.dicom.stacks.stack_reader import StackReader
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress
from app.jobs.runner import JobHandle
from app.ui.first_image import FirstImage, read_first_image
from app.ui.job_bridge import JobBridge
from app.ui.series_image import SeriesImage
from app.workflow.open_study import load_volume
from app.workflow.volume_cache import find_stack, volume_key

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class SeriesLoader(QObject):
    """Loads each wanted stack once and tells when more of it can be shown."""

    image_changed = Signal(object)
    """The ``SeriesImage`` of which more can be shown, or which failed."""
    volume_ready = Signal(object)
    """The ``SeriesRef`` whose volume is complete."""

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = bridge
        # Held by the viewports: what none of them shows leaves the memory when room is needed.
        self._images: weakref.WeakValueDictionary[SeriesRef, SeriesImage] = (
            weakref.WeakValueDictionary()
        )
        self._jobs: dict[SeriesRef, JobHandle[Any]] = {}

    def image(self, study: Study, ref: SeriesRef) -> SeriesImage:
        """The images of a stack; loading begins with the first call."""
        known = self._images.get(ref)
        if known is not None and known.error is None:
            return known
        series, stack = find_stack(study, ref)
        image = self._images[ref] = SeriesImage(study, series, stack)
        volume = self._context.volumes.get(volume_key(ref, stack))
        if volume is not None:
            image.take_volume(volume)
            self._bridge.post(lambda: self._announce(image))
        else:
            self._start(image)
        return image

    def known(self, ref: SeriesRef) -> SeriesImage | None:
        """The images of a stack, if anyone asked for them."""
        return self._images.get(ref)

    def close_study(self, study_instance_uid: str) -> None:
        """Cancel what is being loaded of this study and forget its images."""
        self._forget([r for r in self._known() if r.study_instance_uid == study_instance_uid])

    def keep_only(self, wanted: Collection[SeriesRef | None]) -> None:
        """Cancel what is being loaded of other stacks."""
        self._forget([ref for ref in self._jobs if ref not in wanted])

    @property
    def is_busy(self) -> bool:
        """Whether anything is still being loaded."""
        return any(
            not image.is_loaded and image.error is None for image in list(self._images.values())
        )

    def _known(self) -> set[SeriesRef]:
        return {*self._images.keys(), *self._jobs}

    def _forget(self, refs: Collection[SeriesRef]) -> None:
        for ref in refs:
            job = self._jobs.pop(ref, None)
            if job is not None:
                job.cancel()
            self._images.pop(ref, None)

    def _start(self, image: SeriesImage) -> None:
        study, ref = image.study, image.ref

        def first(_token: CancelToken, _progress: Progress) -> FirstImage:
            return read_first_image(study, ref)

        self._jobs[ref] = self._bridge.submit(
            "interaction",
            _label(image),
            first,
            done=lambda found: self._take_first(image, found),
            failed=lambda error: self._ignore_first(image, error),
        )

    def _go_on(self, image: SeriesImage) -> None:
        """The whole series, now that its first image is on screen."""
        if self._images.get(image.ref) is not image:
            return
        context, study, ref = self._context, image.study, image.ref

        def whole(token: CancelToken, progress: Progress) -> Volume:
            def on_frame(number: int, stored: npt.NDArray[Any]) -> None:
                # The slice is finished and never written again, so it needs no copy.
                self._bridge.post(lambda: self._take_frame(image, number, stored))

            return load_volume(
                context, study, ref, on_frame=on_frame, progress=progress, cancel=token
            )

        self._jobs[ref] = self._bridge.submit(
            "io",
            _label(image),
            whole,
            done=lambda volume: self._take_volume(image, volume),
            failed=lambda error: self._fail(image, error),
        )

    def _take_first(self, image: SeriesImage, found: FirstImage) -> None:
        image.take_template(found.volume)
        image.take_frame(found.number, found.volume.voxels[0])
        self._announce(image)
        self._go_on(image)

    def _ignore_first(self, image: SeriesImage, error: BaseException) -> None:
        """The whole series tells why it cannot be read; a bug is a bug."""
        if not isinstance(error, AppError):
            raise error
        self._go_on(image)

    def _take_frame(self, image: SeriesImage, number: int, stored: npt.NDArray[Any]) -> None:
        image.take_frame(number, stored)
        image.fraction = image.loaded_frames / max(len(image.stack.frames), 1)
        self._announce(image)

    def _take_volume(self, image: SeriesImage, volume: Volume) -> None:
        image.take_volume(volume)
        self._jobs.pop(image.ref, None)
        self._announce(image)
        if self._images.get(image.ref) is image:
            self.volume_ready.emit(image.ref)

    def _fail(self, image: SeriesImage, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self._jobs.pop(image.ref, None)
        if isinstance(error, TooLarge):
            self._show_one_by_one(image, error)
        image.error = error
        self._announce(image)

    def _show_one_by_one(self, image: SeriesImage, why: TooLarge) -> None:
        """Read what is looked at, when it is looked at; only what was wanted last."""
        ref, shown = image.ref, weakref.ref(image)
        study, series, stack = image.study, image.series, image.stack
        reader = functools.cache(lambda: StackReader(study, series, stack))
        latest, label = -1, _label(image)

        def wanted(number: int) -> None:
            nonlocal latest
            waiting = self._jobs.get(ref)
            if waiting is not None and not waiting.is_finished:
                if number == latest:
                    return
                waiting.cancel()
            latest = number
            self._jobs[ref] = self._bridge.submit(
                "interaction",
                label,
                lambda _token, _progress: reader().read_frame(number),
                done=lambda stored: self._take_one(shown(), number, stored),
            )

        image.show_one_by_one(why, wanted)

    def _take_one(self, image: SeriesImage | None, number: int, stored: npt.NDArray[Any]) -> None:
        if image is not None:
            self._take_frame(image, number, stored)

    def _announce(self, image: SeriesImage) -> None:
        if self._images.get(image.ref) is image:
            self.image_changed.emit(image)


def _label(image: SeriesImage) -> str:
    return image.series.description or image.series.modality
