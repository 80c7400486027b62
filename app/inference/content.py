"""What the image itself says about where a pack belongs, whatever its headers say.

After tags and geometry the gate asks the voxels: are these Hounsfield units at all, is there any
contrast in the image, is it the part of the body that the pack reads. Works on a grid of about
4 mm, so it costs a fraction of a second. Sources of the numbers: air is -1000 HU and water 0 HU by
definition; soft tissue lies between; a lung is the only large gas inside the chest wall; a skull is
the only closed ring of bone of its size. Thresholds were set on ``../shared/data`` and phantoms and
are wide: the test is there for the gross mistake, and says so when it cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.volume import Volume
from app.imaging.labelmap import fill_holes, largest_component
from app.inference.gate_rules import Checked, limited, passed, refused
from app.inference.manifest import ModelPack
from app.inference.volume_axes import move_for

_GRID_MM: Final = 4.0
_BODY_HU: Final = -300.0
_GAS_HU: Final = -500.0
_BONE_HU: Final = 250.0
_TISSUE_HU: Final = (-200.0, 250.0)
_AIR_HU: Final = (-1100.0, -880.0)
_CHEST_GAS: Final = 0.15  # of the body's cross-section; bowel gas stays below
_RING: Final = 2.0  # area inside a closed ring of bone, in areas of that bone
_HEAD_CM2: Final = (60.0, 420.0)
_LEAST_MM: Final = 20.0
_SHORT_MM: Final = 60.0
_HEAD_EXTENT_MM: Final = 260.0
_HEAD_WIDTH_MM: Final = 225.0
_REGIONS: Final = {
    "chest": ("CHEST", "THORAX", "LUNG", "HEART"),
    "head": ("HEAD", "BRAIN", "SKULL"),
    "abdomen": ("ABDOMEN", "PELVIS", "LIVER", "KIDNEY", "SPLEEN"),
}
_NAMES_RU: Final = {"chest": "грудной клетки", "head": "головы", "abdomen": "живота"}

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RegionEvidence:
    """How many millimetres along the body show which part of it."""

    chest_mm: float
    head_mm: float
    abdomen_mm: float
    total_mm: float

    def of(self, region: str) -> float:
        """Millimetres of ``chest``, ``head`` or ``abdomen``."""
        return {"chest": self.chest_mm, "head": self.head_mm, "abdomen": self.abdomen_mm}[region]


@dataclass(frozen=True, slots=True)
class _Coarse:
    """Modality values ``[k, j, i]`` on a coarse grid that runs left, back and head; NaN: none."""

    values: FloatArray
    spacing_kji: tuple[float, float, float]


def content_rules(pack: ModelPack, volume: Volume) -> Iterator[Checked]:
    """What the voxels say, one rule after the other; any thread.

    Nothing is said of colour images, and of the body only where the pack names a part of it.
    """
    if volume.is_color:
        return
    if volume.geometry is None or pack.input.dimensions == 2:
        yield from _film_rules(volume)
        return
    coarse = _coarse(volume)
    known = coarse.values[~np.isnan(coarse.values)]
    if known.size == 0 or float(known.max()) == float(known.min()):
        yield refused("content", "The images are blank", "Изображения пусты")
        return
    if pack.input.units == "HU":
        units = _hounsfield(known)
        yield units
        if units.level == "refuses":
            return
    wanted = [
        region
        for region, words in _REGIONS.items()
        if any(part.upper() in words for part in pack.input.series[0].body_part)
    ]
    if not wanted:
        return
    if pack.input.units == "HU":
        yield _ct_region(wanted, ct_regions(coarse.values, coarse.spacing_kji))
    elif wanted == ["head"]:
        yield _mr_head(coarse)


def ct_regions(values: FloatArray, spacing_kji: tuple[float, float, float]) -> RegionEvidence:
    """Which part of the body a CT shows; HU ``[k, j, i]`` with k along the body."""
    filled = np.nan_to_num(values, nan=-1000.0)
    body = fill_holes(largest_component(filled > _BODY_HU), per_slice=True) != 0
    pixel_cm2 = spacing_kji[1] * spacing_kji[2] / 100.0
    area = body.sum(axis=(1, 2)).astype(np.float64)
    gas = (body & (filled < _GAS_HU)).sum(axis=(1, 2)) / np.maximum(area, 1)
    bone = (body & (filled > _BONE_HU)).astype(np.uint8)
    ringed = fill_holes(bone, per_slice=True).sum(axis=(1, 2), dtype=np.float64)
    ring = ringed / np.maximum(bone.sum(axis=(1, 2)), 1)
    there = area * pixel_cm2 > 20.0
    chest = there & (gas >= _CHEST_GAS)
    small = (area * pixel_cm2 > _HEAD_CM2[0]) & (area * pixel_cm2 < _HEAD_CM2[1])
    head = there & ~chest & small & (ring >= _RING) & (ringed > 0.25 * area)
    return RegionEvidence(
        float(chest.sum() * spacing_kji[0]),
        float(head.sum() * spacing_kji[0]),
        float((there & ~chest & ~head).sum() * spacing_kji[0]),
        float(len(area) * spacing_kji[0]),
    )


def _hounsfield(known: FloatArray) -> Checked:
    """Are there air and soft tissue where Hounsfield units have them?"""
    low, high = (float(v) for v in np.percentile(known, (1, 99)))
    tissue = float(((known > _TISSUE_HU[0]) & (known < _TISSUE_HU[1])).mean())
    air = known[known < -700]
    raised = float(((known > 850) & (known < 1300)).mean())
    if low > -500 and raised > 0.1 and float(((known > -80) & (known < 200)).mean()) > 0.1:
        return refused("units", "The values look like Hounsfield units raised by 1024",
                       "Значения похожи на единицы Хаунсфилда, сдвинутые на 1024")  # fmt: skip
    if tissue < 0.02 or high < -300:
        return refused("units", "The values are no Hounsfield units: soft tissue is not near 0",
                       "Это не единицы Хаунсфилда: мягкие ткани не около 0")  # fmt: skip
    if air.size < 0.02 * known.size:
        return passed("units", "Soft tissue lies near 0 HU; there is no air to compare with",
                      "Мягкие ткани около 0 HU; воздуха для сравнения нет")  # fmt: skip
    mode = _mode(air)
    if not _AIR_HU[0] <= mode <= _AIR_HU[1] and not -900 < mode < -750:  # lung fills the view
        return limited("units", f"Air lies at {mode:.0f} HU instead of -1000",
                       f"Воздух около {mode:.0f} HU вместо -1000")  # fmt: skip
    return passed("units", "Air and soft tissue lie where Hounsfield units have them",
                  "Воздух и мягкие ткани там, где должны быть в HU")  # fmt: skip


def _mode(values: FloatArray) -> float:
    counts, edges = np.histogram(values, bins=64)
    top = int(np.argmax(counts))
    return float((edges[top] + edges[top + 1]) / 2)


def _ct_region(wanted: list[str], evidence: RegionEvidence) -> Checked:
    most = max(wanted, key=evidence.of)
    shown = evidence.of(most)
    names = " / ".join(wanted)
    names_ru = " / ".join(_NAMES_RU[region] for region in wanted)
    if shown >= min(_LEAST_MM, 0.5 * evidence.total_mm):
        return passed("region", f"The images show {shown:.0f} mm of {most}",
                      f"На снимках {shown:.0f} мм {_NAMES_RU[most]}")  # fmt: skip
    if evidence.total_mm < _SHORT_MM:
        return limited("region", f"Too little of the body to see whether it is {names}",
                       f"Участок тела мал: не видно, область ли это {names_ru}")  # fmt: skip
    return refused("region", f"The images themselves show no {names}",
                   f"На самих снимках нет области {names_ru}")  # fmt: skip


def _mr_head(coarse: _Coarse) -> Checked:
    """A head is no wider than a head; a smaller view is a part of one."""
    values = np.nan_to_num(coarse.values, nan=float(np.nanmin(coarse.values)))
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(values))
    threshold = otsu.GetThreshold()
    # dark tissue belongs to the head: halfway between the background and Otsu's threshold
    level = (float(values[values <= threshold].mean()) + threshold) / 2
    piece = largest_component(values > level) != 0
    extent = [
        float(np.ptp(np.flatnonzero(piece.any(axis=tuple(n for n in range(3) if n != axis)))) + 1)
        * coarse.spacing_kji[axis]
        for axis in range(3)
    ]
    _, depth, width = extent
    if width > _HEAD_WIDTH_MM or depth > _HEAD_EXTENT_MM:
        return refused("region", f"What is seen is {width:.0f} x {depth:.0f} mm: wider than a head",
                       f"Видимое — {width:.0f} x {depth:.0f} мм: шире головы")  # fmt: skip
    if width < 100 or depth < 120:
        return limited("region", f"Only {width:.0f} x {depth:.0f} mm of a head are seen",
                       f"Видна только часть головы: {width:.0f} x {depth:.0f} мм")  # fmt: skip
    return passed("region", f"Of the size of a head ({width:.0f} x {depth:.0f} mm)",
                  f"Размер головы ({width:.0f} x {depth:.0f} мм)")  # fmt: skip


def _film_rules(volume: Volume) -> Iterator[Checked]:
    """A film has shades; a page of text or a drawing has a few values."""
    stored = volume.voxels[len(volume.voxels) // 2]
    step = max(1, int(np.ceil(max(stored.shape) / 512)))
    sample = stored[::step, ::step]
    counts = np.unique(sample, return_counts=True)[1]
    if len(counts) == 1:
        yield refused("content", "The image is blank", "Изображение пустое")
    elif len(counts) < 24:
        yield refused("content", f"The image has only {len(counts)} shades of gray",
                      f"На изображении всего {len(counts)} оттенков серого")  # fmt: skip
    elif counts.max() > 0.9 * sample.size:
        yield limited("content", "Nearly all of the image has one value",
                      "Почти всё изображение одного значения")  # fmt: skip


def _coarse(volume: Volume) -> _Coarse:
    geometry = volume.geometry
    if geometry is None:
        raise AssertionError("asked for volumes only")
    i, j, k = geometry.spacing_ijk
    steps = tuple(max(1, round(_GRID_MM / spacing)) for spacing in (k, j, i))
    taken = volume.voxels[:: steps[0], :: steps[1], :: steps[2]]
    values = volume.to_modality(taken)
    if volume.padding is not None:
        low, high = volume.padding
        values[(taken >= low) & (taken <= high)] = np.nan
    spacing_kji = (k * steps[0], j * steps[1], i * steps[2])
    move = move_for(geometry, "LPS")
    order = move.order(3)
    turned = (spacing_kji[order[0]], spacing_kji[order[1]], spacing_kji[order[2]])
    return _Coarse(np.ascontiguousarray(move.apply(values)), turned)
