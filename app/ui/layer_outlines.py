"""Outlines of findings in display pixels, computed once per mask and image. Main thread only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np

from app.core.geometry import Float64Array, Geometry
from app.core.segmentation import MaskArray
from app.rendering.outline import MaskSlicer
from app.ui.overlay_painter import DrawnLayer
from app.viewer.camera import Camera
from app.viewer.layers import FindingLayer, box_on_image

_KEPT_MASKS = 12
_KEPT_LINES = 200

Lines = tuple[Float64Array, ...]


class LayerOutlines:
    """Shared by all viewports. A stroke under way replaces the stored mask of its finding."""

    def __init__(self) -> None:
        self._slicers: OrderedDict[str, MaskSlicer] = OrderedDict()
        self._lines: OrderedDict[tuple[object, ...], Lines] = OrderedDict()
        self._stroke_uid: str | None = None
        self._stroke: MaskSlicer | None = None

    def begin_stroke(self, uid: str, voxels: MaskArray, space: Geometry) -> None:
        """Show ``voxels`` (changing from now on) in place of the mask of finding ``uid``."""
        self._stroke_uid = uid
        self._stroke = MaskSlicer(voxels, space)

    def touch_stroke(self) -> None:
        """The voxels of the stroke have changed."""
        if self._stroke is not None:
            self._stroke.touch()

    def end_stroke(self) -> None:
        """Show the stored mask again."""
        self._stroke_uid = self._stroke = None

    def drawn(
        self, layers: Iterable[FindingLayer], camera: Camera, space: Geometry
    ) -> tuple[DrawnLayer, ...]:
        """Layers that have lines on the image of ``camera``, with these in display pixels."""
        result = []
        for layer in layers:
            lines = self._on_plane(layer, camera, space)
            if lines:
                spacing = np.asarray(camera.grid.spacing_ijk[:2])
                placed = tuple(camera.plane_to_display(line * spacing) for line in lines)
                result.append(DrawnLayer(layer, placed))
        return tuple(result)

    def _on_plane(self, layer: FindingLayer, camera: Camera, space: Geometry) -> Lines:
        grid, index = camera.grid, camera.index
        if layer.uid == self._stroke_uid and self._stroke is not None:
            return self._stroke.outlines(grid, index)
        if layer.mask is not None and layer.mask.voxels.shape == space.shape_kji:
            key = (layer.mask_key, grid, index)
            if key not in self._lines:
                self._lines[key] = self._slicer(layer, space).outlines(grid, index)
                while len(self._lines) > _KEPT_LINES:
                    self._lines.popitem(last=False)
            return self._lines[key]
        corners = box_on_image(layer, grid, index)
        if corners is None:
            return ()
        ring = grid.lps_to_ijk(corners)[:, :2]
        return (np.vstack((ring, ring[:1])),)

    def _slicer(self, layer: FindingLayer, space: Geometry) -> MaskSlicer:
        mask = layer.mask
        if mask is None:
            raise ValueError("a layer without a mask has no slices")
        if layer.mask_key not in self._slicers:
            self._slicers[layer.mask_key] = MaskSlicer(mask.voxels, space)
            while len(self._slicers) > _KEPT_MASKS:
                self._slicers.popitem(last=False)
        self._slicers.move_to_end(layer.mask_key)
        return self._slicers[layer.mask_key]
