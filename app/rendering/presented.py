"""An image as a presentation state wants it shown: greys, part, turn and drawings (PS3.4 N.2)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from app.config.folders import resources_folder
from app.core.errors import InputError
from app.core.geometry import Float64Array
from app.core.study import Study
from app.core.volume import Volume, Window
from app.dicom.objects.presentation_state import (
    Annotation,
    DisplayedArea,
    DrawnShape,
    PresentationState,
    names_image,
)
from app.dicom.objects.source_stack import image_stacks
from app.dicom.stacks.stack_reader import StackReader, make_volume
from app.imaging.voi import auto_window, display_levels

_DRAWN_RGB: Final = (255, 214, 64)
_LEAST_PX: Final = 768
_SQUARE: Final = 1.01
_MOST_TIMES: Final = 4
"""A displayed area may reach beyond the image, but not by more than so many times its size."""
_ROUND: Final = np.linspace(0.0, 2.0 * np.pi, 73)

ToPicture = Callable[[Float64Array], Float64Array]


def presented(state: PresentationState, study: Study) -> Image.Image:
    """The first of the state's images that is in ``study``, as RGB, enlarged where it is small.

    Any thread. Raises ``InputError`` where none is here, ``DicomReadError``.
    """
    for series, stack in image_stacks(study):
        for n, frame in enumerate(stack.frames):
            uid = frame.instance.sop_instance_uid
            if state.references and state.concerns(uid, frame.frame):
                reader = StackReader(study, series, stack)
                pixels = reader.read_frame(n)
                volume = make_volume(reader.facts, pixels[np.newaxis], reader.ref)
                own = reader.windows(n)
                return _picture(state, volume, own, (uid, frame.frame))
    raise InputError(
        "The images of this presentation state are not in the study.",
        ru="Снимков этого состояния отображения в исследовании нет.",
        hint="Open it together with its images.",
        hint_ru="Откройте его вместе со снимками.",
    )


def _picture(
    state: PresentationState, volume: Volume, own: tuple[Window, ...], image: tuple[str, int]
) -> Image.Image:
    levels = _levels(state, volume, own, image)
    area = next((a for a in state.areas if names_image(a.references, *image)), None)
    part, corner = _part(levels, area)
    height, width = part.shape[:2]
    turns = state.rotation_deg // 90 % 4
    turned = np.rot90(part, -turns)
    if state.is_flipped:
        turned = turned[:, ::-1]
    spacing = (area.pixel_spacing_mm if area else None) or volume.pixel_spacing_mm or (1.0, 1.0)
    down, across = _times(turned.shape[:2], spacing[::-1] if turns % 2 else spacing)
    shown = turned[_nearest(turned.shape[0], down)][:, _nearest(turned.shape[1], across)]

    def to_picture(points: Float64Array) -> Float64Array:
        """Pixels of the image (0, 0: outer corner of the first) to pixels of the picture."""
        x, y = (points - corner).T
        for turn in range(turns):
            x, y = (height if turn % 2 == 0 else width) - y, x
        if state.is_flipped:
            x = turned.shape[1] - x
        return np.asarray(np.stack([x * across, y * down], axis=1), dtype=np.float64)

    picture = Image.fromarray(np.ascontiguousarray(shown)).convert("RGB")
    for layer in _in_layer_order(state):
        if names_image(layer.references, *image):
            _draw(picture, layer, to_picture)
    return picture


def _levels(
    state: PresentationState, volume: Volume, own: tuple[Window, ...], image: tuple[str, int]
) -> npt.NDArray[np.uint8]:
    """Grey levels; the polarity is that of the state, whatever the image says (N.2.1.4)."""
    pixels = volume.voxels[0]
    if volume.is_color:
        return np.asarray(pixels, dtype=np.uint8)
    if state.rescale is not None and pixels.dtype.kind in "iu":
        volume = replace(volume, rescale=state.rescale)
    chosen = (
        window
        for choice in state.voi
        if names_image(choice.references, *image)
        for window in choice.windows
    )
    window = next(chosen, None) or next(iter(own), None)
    if window is None:
        window = auto_window(volume.modality_values(0), volume.padding_mask(0))
    inverted = state.is_inverted != volume.polarity_inverted
    return display_levels(volume, pixels, window, inverted=inverted)


def _part(
    levels: npt.NDArray[np.uint8], area: DisplayedArea | None
) -> tuple[npt.NDArray[np.uint8], Float64Array]:
    """The displayed area, black beyond the image, and its outer corner in pixels of the image."""
    rows, columns = levels.shape[:2]
    if area is None:
        return levels, np.zeros(2)
    x0, x1 = sorted((area.top_left[0], area.bottom_right[0]))
    y0, y1 = sorted((area.top_left[1], area.bottom_right[1]))
    x0, y0 = x0 - 1, y0 - 1
    is_plausible = 0 < x1 - x0 <= _MOST_TIMES * columns and 0 < y1 - y0 <= _MOST_TIMES * rows
    if not is_plausible or x0 >= columns or y0 >= rows or x1 <= 0 or y1 <= 0:
        return levels, np.zeros(2)
    part = np.zeros((y1 - y0, x1 - x0, *levels.shape[2:]), np.uint8)
    inner = levels[max(y0, 0) : y1, max(x0, 0) : x1]
    top, left = max(-y0, 0), max(-x0, 0)
    part[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return part, np.array([x0, y0], dtype=np.float64)


def _times(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """How often rows and columns are drawn: pixels that are not square keep their shape (G17)."""
    fine = min(spacing_mm)
    down, across = spacing_mm[0] / fine, spacing_mm[1] / fine
    if max(down, across) <= _SQUARE:
        down = across = 1.0
    whole = max(1, math.ceil(_LEAST_PX / max(shape[0] * down, shape[1] * across)))
    return whole * down, whole * across


def _nearest(count: int, times: float) -> npt.NDArray[np.intp]:
    """The pixel (of ``count``) that each drawn pixel shows."""
    drawn = np.arange(max(1, round(count * times)))
    return np.asarray(np.minimum((drawn + 0.5) / times, count - 1), dtype=np.intp)


def _in_layer_order(state: PresentationState) -> list[Annotation]:
    order = {name: n for n, name in enumerate(state.layers)}
    return sorted(state.annotations, key=lambda one: order.get(one.layer, -1))


def _draw(picture: Image.Image, annotation: Annotation, to_picture: ToPicture) -> None:
    draw = ImageDraw.Draw(picture)
    size = max(13, max(picture.size) // 48)
    line = max(1, max(picture.size) // 512)
    font = ImageFont.truetype(str(resources_folder() / "fonts" / "DejaVuSans.ttf"), size)

    def place(points: Float64Array, units: str) -> list[tuple[float, float]]:
        moved = points * picture.size if units == "DISPLAY" else to_picture(points)
        return [(float(x), float(y)) for x, y in moved]

    for shape in annotation.shapes:
        points = place(_outline(shape), shape.units)
        if len(points) == 1:
            (x, y), arm = points[0], 3 * line
            draw.line([(x - arm, y), (x + arm, y)], fill=_DRAWN_RGB, width=line)
            draw.line([(x, y - arm), (x, y + arm)], fill=_DRAWN_RGB, width=line)
        elif points:
            draw.line(points, fill=_DRAWN_RGB, width=line)
    for text in annotation.texts:
        where = text.box[:1] or ((text.anchor,) if text.anchor is not None else ())
        for at in place(np.array(where, dtype=np.float64).reshape(-1, 2), text.units):
            draw.multiline_text(
                at, text.text, fill=_DRAWN_RGB, font=font, stroke_width=1, stroke_fill=(0, 0, 0)
            )


def _outline(shape: DrawnShape) -> Float64Array:
    """The points to connect, (n, 2); circles and ellipses as fine polygons."""
    points = np.array(shape.points, dtype=np.float64).reshape(-1, 2)
    across, down = np.cos(_ROUND)[:, None], np.sin(_ROUND)[:, None]
    if shape.kind == "CIRCLE" and len(points) == 2:
        radius = float(np.linalg.norm(points[1] - points[0]))
        points = points[0] + radius * np.concatenate([across, down], axis=1)
    elif shape.kind == "ELLIPSE" and len(points) == 4:
        center = points.mean(axis=0)
        points = center + across * (points[0] - center) + down * (points[2] - center)
    return points
