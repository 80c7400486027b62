"""Calibrated regions of ultrasound images, and what lengths in them mean (M03)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Pixel = tuple[float, float]


@dataclass(frozen=True, slots=True)
class UsRegion:
    """One region of an ultrasound image (PS3.3 C.8.5.5): pixel bounds, ends included.

    ``delta_x`` and ``delta_y`` are physical units per pixel, in ``unit_x`` and ``unit_y``: ``cm``,
    ``s``, ``cm/s``, ``Hz``, ``dB``, ``%``... or empty where there is none. ``kind``: ``2D``,
    ``M-mode``, ``spectral``, ``waveform``, ``graphics`` or empty. ``frames``: the frames (from 0)
    for which it holds; empty: all.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    delta_x: float
    delta_y: float
    unit_x: str
    unit_y: str
    kind: str = ""
    frames: tuple[int, ...] = ()

    def contains(self, point: Pixel, frame: int = 0) -> bool:
        """Whether a pixel position ``(x, y)`` of a frame lies in the region."""
        if self.frames and frame not in self.frames:
            return False
        return self.x0 <= point[0] <= self.x1 and self.y0 <= point[1] <= self.y1


@dataclass(frozen=True, slots=True)
class Extent:
    """The way between two points: along x, along y, and its length where both units are lengths.

    ``unit`` is ``mm`` for lengths and ``px`` where nothing is calibrated; else empty, and
    ``unit_x``/``unit_y`` tell what ``dx`` and ``dy`` are (a Doppler spectrum has s and cm/s).
    """

    dx: float
    dy: float
    unit_x: str
    unit_y: str
    length: float | None
    unit: str
    source: str


def extent_between(
    regions: Sequence[UsRegion], first: Pixel, second: Pixel, *, frame: int = 0
) -> Extent:
    """What lies between two pixel positions ``(x, y)``, by the region that contains both (M03).

    Points in different regions, or in none, are pixels apart and nothing else. Of several regions
    the smallest is taken: a spectrum drawn over the 2D image.
    """
    dx, dy = second[0] - first[0], second[1] - first[1]
    found = [r for r in regions if r.contains(first, frame) and r.contains(second, frame)]
    if not found:
        return Extent(dx, dy, "px", "px", math.hypot(dx, dy), "px", "px")
    region = min(found, key=lambda r: (r.x1 - r.x0) * (r.y1 - r.y0))
    across, down = dx * region.delta_x, dy * region.delta_y
    if region.unit_x == region.unit_y == "cm":
        across, down = across * 10.0, down * 10.0
        length = math.hypot(across, down)
        return Extent(across, down, "mm", "mm", length, "mm", "mm (US region)")
    return Extent(across, down, region.unit_x, region.unit_y, None, "", "US region")
