"""Display values on the screen: one QImage over the array, placed by the camera."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QTransform

from app.rendering.slice_renderer import DisplayArray
from app.viewer.camera import Camera

_SHRINK_BELOW = 0.75
_LARGE_PX = 2_000_000


class Raster:
    """Paints arrays of display values; keeps the last one and its reduced copy. Main thread."""

    def __init__(self) -> None:
        self._shown: tuple[DisplayArray, QImage] | None = None
        self._shrunk: tuple[tuple[int, int, int], QImage] | None = None

    def paint(
        self,
        painter: QPainter,
        shown: DisplayArray,
        camera: Camera,
        pixel_ratio: float,
        *,
        is_coarse: bool = False,
    ) -> None:
        """Draw [v, u] or [v, u, 3] where ``camera`` puts it; the painter's transform is reset.

        ``is_coarse`` while something is dragged: large images are drawn finely when it rests.
        """
        image = self._image(shown)
        matrix = QTransform(*camera.pixel_matrix())
        across = math.hypot(matrix.m11(), matrix.m12()) * pixel_ratio
        down = math.hypot(matrix.m21(), matrix.m22()) * pixel_ratio
        is_large = shown.shape[0] * shown.shape[1] > _LARGE_PX
        if min(across, down) < _SHRINK_BELOW and not (is_coarse and is_large):
            # Bilinear drawing skips pixels when it shrinks; area averaging does not.
            width = max(round(image.width() * across), 1)
            image = self._reduced(image, width, max(round(image.height() * down), 1))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(matrix)
        painter.drawImage(QRectF(0, 0, shown.shape[1], shown.shape[0]), image)
        painter.resetTransform()

    def _image(self, shown: DisplayArray) -> QImage:
        if self._shown is None or self._shown[0] is not shown:
            height, width = shown.shape[:2]
            color = shown.ndim == 3
            kind = QImage.Format.Format_RGB888 if color else QImage.Format.Format_Grayscale8
            self._shown = (shown, QImage(shown.data, width, height, shown.strides[0], kind))
        return self._shown[1]

    def _reduced(self, image: QImage, width: int, height: int) -> QImage:
        key = (image.cacheKey(), width, height)
        if self._shrunk is None or self._shrunk[0] != key:
            small = image.scaled(
                width,
                height,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            self._shrunk = (key, small)
        return self._shrunk[1]
