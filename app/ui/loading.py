"""Series on their way from disk to the viewports: first image first, then the rest, in the lanes.

Main thread only; the work itself runs in the ``interaction`` and ``io`` lanes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
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
        self._images: dict[SeriesRef, SeriesImage] = {}
        self._jobs: dict[SeriesRef, list[JobHandle[Any]]] = {}

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
        for ref in [ref for ref in self._images if ref.study_instance_uid == study_instance_uid]:
            for job in self._jobs.pop(ref, []):
                job.cancel()
            del self._images[ref]

    @property
    def is_busy(self) -> bool:
        """Whether anything is still being loaded."""
        return any(not image.is_loaded and image.error is None for image in self._images.values())

    def _start(self, image: SeriesImage) -> None:
        context, study, ref = self._context, image.study, image.ref

        def first(_token: CancelToken, _progress: Progress) -> FirstImage:
            return read_first_image(study, ref)

        def whole(token: CancelToken, progress: Progress) -> Volume:
            def on_frame(number: int, stored: npt.NDArray[Any]) -> None:
                # The slice is finished and never written again, so it needs no copy.
                self._bridge.post(lambda: self._take_frame(image, number, stored))

            return load_volume(
                context, study, ref, on_frame=on_frame, progress=progress, cancel=token
            )

        label = image.series.description or image.series.modality
        self._jobs[ref] = [
            self._bridge.submit(
                "interaction",
                label,
                first,
                done=lambda found: self._take_first(image, found),
                failed=lambda error: self._ignore_first(image, error),
            ),
            self._bridge.submit(
                "io",
                label,
                whole,
                done=lambda volume: self._take_volume(image, volume),
                failed=lambda error: self._fail(image, error),
            ),
        ]

    def _take_first(self, image: SeriesImage, found: FirstImage) -> None:
        image.take_template(found.volume)
        image.take_frame(found.number, found.volume.voxels[0])
        self._announce(image)

    def _ignore_first(self, image: SeriesImage, error: BaseException) -> None:
        """The whole series tells why it cannot be read; a bug is a bug."""
        if not isinstance(error, AppError):
            raise error

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
        image.error = error
        self._announce(image)

    def _announce(self, image: SeriesImage) -> None:
        if self._images.get(image.ref) is image:
            self.image_changed.emit(image)
