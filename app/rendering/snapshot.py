"""Pictures without a display and without Qt: numpy for the image, Pillow for what lies over it.

Outlines follow the program's rule: dashed proposed, solid accepted. Nothing about the patient is
burnt in.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.config.folders import resources_folder
from app.core.geometry import Float64Array, Geometry
from app.core.segmentation import Mask
from app.core.volume import Volume, Window
from app.imaging.orient import opposite_letters, orientation_letters
from app.rendering.outline import MaskSlicer, dashes
from app.rendering.slice_renderer import SliceRenderer
from app.viewer.layers import Line
from app.viewer.planes import Plane, has_patient_axes, plane_grid

_OUTLINE_RGB = (86, 182, 201)
_DASH_PX = (7.0, 5.0)
_SQUARE = 0.01
_KEY_IMAGE_LEAST_PX = 512


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """What to draw: image ``index`` (from 0) of ``plane``.

    ``window`` None: the image's own or automatic. ``size`` (width, height): the image is fitted
    into it, the rest is black; None: one pixel per image pixel, the shorter side of non-square
    pixels enlarged so that the aspect is true (G17).
    """

    index: int
    plane: Plane = "stack"
    window: Window | None = None
    size: tuple[int, int] | None = None
    masks: tuple[tuple[Mask, Line], ...] = ()
    has_letters: bool = False


def render(volume: Volume, request: SnapshotRequest) -> Image.Image:
    """The picture, grey (``L``) unless it has colours or overlays (``RGB``)."""
    renderer = SliceRenderer(volume)
    grid = plane_grid(renderer.space, request.plane)
    k = request.index if request.plane == "stack" else None
    window = request.window or renderer.default_window(k)
    shown = renderer.display(grid, request.index, window)
    picture = Image.fromarray(np.ascontiguousarray(shown))
    target = _target_size(grid, request.size)
    if picture.size != target:
        picture = picture.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if request.masks or request.has_letters:
        picture = picture.convert("RGB")
        scale = np.asarray(target) / np.asarray(grid.size_ijk[:2])
        for mask, line in request.masks:
            lines = MaskSlicer(mask.voxels, renderer.space).outlines(grid, request.index)
            _draw_outlines(picture, [(points + 0.5) * scale for points in lines], line)
        if request.has_letters:
            _draw_letters(picture, grid, volume)
    if request.size is not None and picture.size != request.size:
        framed = Image.new(picture.mode, request.size)
        left = (request.size[0] - picture.width) // 2
        framed.paste(picture, (left, (request.size[1] - picture.height) // 2))
        picture = framed
    return picture


def to_png(picture: Image.Image) -> bytes:
    """The picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def render_slice_png(volume: Volume, k: int) -> bytes:
    """Acquired image ``k`` (from 0) with its own window, as PNG."""
    return to_png(render(volume, SnapshotRequest(k)))


class FindingSnapshots:
    """Key images of findings (``core.ports.SnapshotRenderer``); in any one thread."""

    def render_finding(
        self,
        volume: Volume,
        k: int,
        mask: Mask | None,
        window: Window | None = None,
        size: tuple[int, int] | None = None,
    ) -> bytes:
        """Slice ``k`` (from 0) with the outline of ``mask`` and orientation letters, as PNG.

        Without ``size`` small images are enlarged to 512 pixels, so that outlines stay fine.
        """
        masks: tuple[tuple[Mask, Line], ...] = () if mask is None else ((mask, "solid"),)
        if size is None:
            j, i = volume.voxels.shape[1:3]
            if max(i, j) < _KEY_IMAGE_LEAST_PX:
                size = (_KEY_IMAGE_LEAST_PX, _KEY_IMAGE_LEAST_PX)
        request = SnapshotRequest(k, window=window, size=size, masks=masks, has_letters=True)
        return to_png(render(volume, request))


def _target_size(grid: Geometry, size: tuple[int, int] | None) -> tuple[int, int]:
    width, height = grid.size_ijk[:2]
    across, down = grid.spacing_ijk[:2]
    if size is not None:
        scale = min(size[0] / (width * across), size[1] / (height * down))
        return max(round(width * across * scale), 1), max(round(height * down * scale), 1)
    if abs(across / down - 1) <= _SQUARE:
        return width, height
    fine = min(across, down)
    return max(round(width * across / fine), 1), max(round(height * down / fine), 1)


def _draw_outlines(picture: Image.Image, lines: Sequence[Float64Array], line: Line) -> None:
    draw = ImageDraw.Draw(picture)
    width = max(1, round(max(picture.size) / 512))
    for points in lines:
        pieces = [points] if line == "solid" else list(dashes(points, *_DASH_PX))
        for piece in pieces:
            draw.line([(float(x), float(y)) for x, y in piece], fill=_OUTLINE_RGB, width=width)


def _draw_letters(picture: Image.Image, grid: Geometry, volume: Volume) -> None:
    if has_patient_axes(grid):
        right = orientation_letters(grid.direction_matrix[:, 0], limit=2)
        down = orientation_letters(grid.direction_matrix[:, 1], limit=2)
    elif volume.patient_orientation is not None:
        right, down = volume.patient_orientation
    else:
        return
    size = max(14, max(picture.size) // 36)
    font = ImageFont.truetype(str(resources_folder() / "fonts" / "DejaVuSans-Bold.ttf"), size)
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    for text, at, anchor in (
        (opposite_letters(right), (size // 2, height // 2), "lm"),
        (right, (width - size // 2, height // 2), "rm"),
        (opposite_letters(down), (width // 2, size // 2), "mt"),
        (down, (width // 2, height - size // 2), "mb"),
    ):
        draw.text(at, text, fill=(220, 222, 225), font=font, anchor=anchor, stroke_width=1,
                  stroke_fill=(0, 0, 0))  # fmt: skip
