"""Smooth random fields for tissue and reconstruction noise, made once and reused."""

from __future__ import annotations

import numpy as np

from app.demo.shapes import Plane


class TextureStack:
    """A pool of periodic 2D fields; a slice gets a blend that changes smoothly with height."""

    def __init__(self, shape: tuple[int, int], pixel_mm: float, grain_mm: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        ky = np.fft.fftfreq(shape[0], pixel_mm)[:, None]
        kx = np.fft.rfftfreq(shape[1], pixel_mm)[None, :]
        k = np.sqrt(ky**2 + kx**2)
        weight = np.exp(-((k * grain_mm * 2.2) ** 2)) + 0.25 * np.exp(-((k * grain_mm * 7.0) ** 2))
        fields = []
        for _ in range(6):
            white = np.fft.rfft2(rng.standard_normal(shape).astype(np.float32))
            field = np.fft.irfft2(white * weight.astype(np.float32), s=shape).astype(np.float32)
            fields.append(field / field.std())
        self._fields = fields

    def at(self, z_mm: float, period_mm: float = 9.0) -> Plane:
        """Return the field at a height (mean 0, deviation 1)."""
        position = z_mm / period_mm
        low = int(np.floor(position))
        t = position - low
        a = self._fields[low % 6]
        b = self._fields[(low + 1) % 6]
        scale = 1.0 / np.sqrt(t * t + (1 - t) * (1 - t))
        result: Plane = a * np.float32((1 - t) * scale) + b * np.float32(t * scale)
        return result


class ScanNoise:
    """Noise of a CT reconstruction: a ramp with a smooth cut-off, in unit deviation."""

    def __init__(self, shape: tuple[int, int], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._shape = shape
        ky = np.fft.fftfreq(shape[0])[:, None]
        kx = np.fft.rfftfreq(shape[1])[None, :]
        k = np.sqrt(ky**2 + kx**2)
        isotropic = np.sqrt(k) * k**0.3 * np.exp(-((k / 0.17) ** 2))
        streaky = np.exp(-((kx / 0.03) ** 2)) * np.exp(-((ky / 0.20) ** 2)) * (k > 0)
        self._pool = [self._field(isotropic.astype(np.float32)) for _ in range(6)]
        self._streaks = [self._field(streaky.astype(np.float32)) for _ in range(3)]

    def _field(self, weight: Plane) -> Plane:
        white = np.fft.rfft2(self._rng.standard_normal(self._shape).astype(np.float32))
        field = np.fft.irfft2(white * weight, s=self._shape).astype(np.float32)
        result: Plane = field / field.std()
        return result

    def _pick(self, pool: list[Plane], rng: np.random.Generator) -> Plane:
        field = pool[int(rng.integers(len(pool)))]
        shift = (int(rng.integers(self._shape[0])), int(rng.integers(self._shape[1])))
        flip = -1.0 if rng.random() < 0.5 else 1.0
        result: Plane = np.roll(field, shift, axis=(0, 1)) * np.float32(flip)
        return result

    def draw(self, seed: int) -> tuple[Plane, Plane]:
        """Return independent (isotropic, horizontally streaked) noise for one slice."""
        rng = np.random.default_rng(seed)
        first = self._pick(self._pool, rng)
        second = self._pick(self._pool, rng)
        return (first + second) * np.float32(0.7071), self._pick(self._streaks, rng)
