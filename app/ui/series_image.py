"""One stack on its way to the screen: nothing yet, single images, then the whole volume.

Main thread only. Images come one by one while the volume is being assembled, so the first is on
screen long before the last is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError
from app.core.geometry import Geometry
from app.core.study import Series, SeriesRef, Stack, Study
from app.core.volume import Volume, Window
from app.rendering.slice_renderer import DisplayArray, SliceRenderer
from app.viewer.planes import Plane, has_patient_axes, plane_grid, private_space

_KEPT_IMAGES = 24
_KEPT_BYTES = 64 * 2**20
_NEARLY_BLACK = 0.45


class SeriesImage:
    """What is known of a stack's images now."""

    def __init__(self, study: Study, series: Series, stack: Stack) -> None:
        self.study = study
        self.series = series
        self.stack = stack
        self.ref = SeriesRef(study.study_instance_uid, series.series_instance_uid, stack.index)
        self.is_prior = False
        self.fraction = 0.0
        self.error: AppError | None = None
        self.volume: Volume | None = None
        self._renderer: SliceRenderer | None = None
        self._template: Volume | None = None
        self._frames: dict[int, npt.NDArray[Any]] = {}
        self._single: tuple[int, SliceRenderer] | None = None
        self._wanted: Callable[[int], None] | None = None
        self._grids: dict[Plane, Geometry] = {}
        self._shown: OrderedDict[tuple[object, ...], DisplayArray] = OrderedDict()

    @property
    def is_loaded(self) -> bool:
        """Whether the whole volume is there."""
        return self.volume is not None

    @property
    def loaded_frames(self) -> int:
        """How many images can be shown now."""
        return len(self.stack.frames) if self.is_loaded else len(self._frames)

    def take_template(self, first: Volume) -> None:
        """A volume of one image: its facts (rescale, windows, polarity) hold for the others."""
        if self.volume is None and self._template is None:
            self._template = first

    def take_frame(self, number: int, stored: npt.NDArray[Any]) -> None:
        """Stored values of image ``number`` (from 0, in the stack's order)."""
        if self.volume is None:
            self._frames[number] = stored
        if self._wanted is not None:
            most = max(2, _KEPT_BYTES // max(stored.nbytes, 1))
            while len(self._frames) > most:
                del self._frames[next(iter(self._frames))]

    def show_one_by_one(self, why: AppError, wanted: Callable[[int], None]) -> None:
        """There will be no volume; ``wanted(number)`` is called for each image that is missing."""
        self.error, self._wanted = why, wanted
        self._frames = {number: np.array(stored) for number, stored in self._frames.items()}

    def take_volume(self, volume: Volume) -> None:
        """The whole volume; single images are forgotten."""
        self.volume = volume
        self._renderer = SliceRenderer(volume)
        self._frames.clear()
        self._single = None
        self._grids.clear()
        self._shown.clear()
        self.fraction = 1.0

    @property
    def space(self) -> Geometry:
        """The grid of the images, from the volume when it is there, else from the headers."""
        if self._renderer is not None:
            return self._renderer.space
        if self.stack.geometry is not None:
            return self.stack.geometry
        shape = (max(len(self.stack.frames), 1), self.stack.rows, self.stack.columns)
        if self._template is None:
            return private_space(shape, None)
        return private_space(shape, self._template.pixel_spacing_mm, self._template.pixel_aspect)

    @property
    def has_planes(self) -> bool:
        """Whether there are axial, coronal and sagittal planes."""
        return self.stack.is_volume and has_patient_axes(self.space)

    def grid(self, plane: Plane) -> Geometry:
        """The grid of images in ``plane``."""
        if plane not in self._grids:
            space = self.space
            if self._renderer is None and self._template is None:
                return plane_grid(space, plane)
            self._grids[plane] = plane_grid(space, plane)
        return self._grids[plane]

    def is_shown(self, plane: Plane, index: int) -> bool:
        """Whether image ``index`` of ``plane`` can be shown now."""
        return self.is_loaded or (plane == "stack" and index in self._frames)

    def picture(
        self, plane: Plane, index: int, window: Window, *, inverted: bool
    ) -> DisplayArray | None:
        """Display values [v, u] or [v, u, 3], or None where the image is not there yet."""
        key = (plane, index, window, inverted, self.is_loaded)
        if key in self._shown:
            self._shown.move_to_end(key)
            return self._shown[key]
        renderer = self._renderer
        if renderer is not None:
            shown = renderer.display(self.grid(plane), index, window, inverted=inverted)
        else:
            renderer = self._renderer_of(index) if plane == "stack" else None
            if renderer is None:
                if plane == "stack" and self._wanted is not None:
                    self._wanted(index)
                return None
            shown = renderer.display(renderer.space, 0, window, inverted=inverted)
        self._shown[key] = np.ascontiguousarray(shown)
        most = min(_KEPT_IMAGES, max(2, _KEPT_BYTES // max(self._shown[key].nbytes, 1)))
        while len(self._shown) > most:
            self._shown.popitem(last=False)
        return self._shown[key]

    def default_window(self, index: int | None = None) -> Window | None:
        """The own window of image ``index``, or an automatic one; None before there is an image.

        Without ``index`` that of the middle image, for planes that are no image of the stack.
        The own window of images without a fixed scale (MR) is passed over where it leaves them
        nearly black: such windows stem from software that did not look.
        """
        renderer = self._any_renderer()
        if renderer is None:
            return None
        facts = self.facts or renderer.volume
        chosen = facts.windows_of(index) if index is not None else facts.windows
        own = chosen[0] if chosen else renderer.default_window()
        if facts.quantity == "HU" or facts.is_color or own.table is not None:
            return own
        bulk = renderer.auto_window(renderer.space.size_ijk[2] // 2)
        brightest = bulk.center + bulk.width / 2
        share = (brightest - (own.center - own.width / 2)) / own.width
        return bulk if share < _NEARLY_BLACK else own

    def auto_window(self, index: int) -> Window | None:
        """A window from the values of acquired image ``index``."""
        if self._renderer is not None:
            return self._renderer.auto_window(min(index, self.space.size_ijk[2] - 1))
        renderer = self._renderer_of(index) or self._any_renderer()
        return renderer.auto_window(0) if renderer else None

    def modality_at(self, point_lps: npt.ArrayLike) -> float | None:
        """Modality value at a point of the loaded volume."""
        return self._renderer.modality_at(point_lps) if self._renderer else None

    @property
    def value_range(self) -> float:
        """Width of the automatic window: how far dragging should reach."""
        window = self.auto_window(self.space.size_ijk[2] // 2)
        return max(window.width, 1.0) if window else 400.0

    @property
    def facts(self) -> Volume | None:
        """The volume, or the one-image volume that came first."""
        return self.volume or self._template

    def _any_renderer(self) -> SliceRenderer | None:
        if self._renderer is not None:
            return self._renderer
        first = next(iter(self._frames), None)
        return None if first is None else self._renderer_of(first)

    def _renderer_of(self, index: int) -> SliceRenderer | None:
        stored, template = self._frames.get(index), self._template
        if stored is None or template is None:
            return None
        if self._single is None or self._single[0] != index:
            own = template.windows_of(index)
            single = replace(
                template, voxels=stored[None], geometry=None, windows=own, frame_windows=()
            )
            self._single = (index, SliceRenderer(single))
        return self._single[1]
