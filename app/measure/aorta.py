"""Diameters of the aorta perpendicular to its centreline: ``aorta-diameter@1``.

Levels (2022 ACC/AHA) are found from neighbours that have a mask: the arch from the brachiocephalic
trunk and the left subclavian artery, the diaphragm from T12, the abdomen from L1 down. A level that
cannot be found, or whose section leaves the image, is absent and says why. The sinus and the
sinotubular junction are not found from a mask alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.imaging.labelmap import connected_components
from app.measure.anatomy import Anatomy, Structure
from app.measure.outcome import Doubt, Found, Number, absent, failed, found
from app.measure.section import Section, Sectioned
from app.measure.tube import Tube, centreline

Float64Array = npt.NDArray[np.float64]
LEVEL_KINDS: Final = (
    "aorta_ascending_diameter", "aorta_proximal_arch_diameter", "aorta_mid_arch_diameter",
    "aorta_proximal_descending_diameter", "aorta_mid_descending_diameter",
    "aorta_diaphragm_diameter", "aorta_abdominal_diameter",
)  # fmt: skip
KINDS: Final = (*LEVEL_KINDS, "aorta_max_diameter", "aorta_max_across")
_NAMES: Final = ("max_first", "max_second", "across_first", "across_second")
_LEAST_ML: Final = 1.5
_BEFORE_TRUNK_MM: Final = 5
_AFTER_SUBCLAVIAN_MM: Final = 20
_ARCH_RISE_MM: Final = 15.0
_SEARCH_STEP_MM: Final = 4
_CONTACT_MM: Final = 8.0
_NOT_THERE: Final = ("The level is not in the image.", "Уровня нет в изображении.")
_CUT: Final = (
    "At this level the aorta leaves the image.", "На этом уровне аорта выходит из изображения.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AortaPart:
    """One piece of the aorta: its centreline in the direction of the blood, and how to cut it."""

    line: Tube
    cut: Sectioned
    has_arch: bool
    is_ascending: bool

    def section(self, index: int) -> Section | None:
        """The section at a point of the line."""
        reach = max(30.0, 3.0 * self.line.radius_mm)
        return self.cut.at(self.line.points_lps[index], self.line.tangents_lps[index], reach)

    def widest(self, first: int, last: int) -> Section | None:
        """The section of the largest diameter between two points of the line, those whole."""
        best: Section | None = None
        for index in range(first, last + 1, _SEARCH_STEP_MM):
            section = self.section(index)
            if section is None or section.leaves:
                continue
            if best is None or section.max_mm > best.max_mm:
                best = section
        return best


def aorta(anatomy: Anatomy) -> list[Found]:
    """Diameters at all levels that can be found, and the largest."""
    whole = anatomy.structure("aorta")
    if whole is None:
        return [absent("aorta", kind, "mm") for kind in KINDS]
    parts = aorta_parts(anatomy)
    if not parts:
        why = "The mask has no centreline.", "У маски нет центральной линии."
        return [failed("aorta", kind, "mm", why) for kind in KINDS]
    rows = [_at_level(anatomy, parts, kind) for kind in LEVEL_KINDS]
    sections = [part.widest(0, len(part.line) - 1) for part in parts]
    whole_ones = [section for section in sections if section is not None]
    if not whole_ones:
        return rows + [absent("aorta", kind, "mm", _CUT) for kind in KINDS[-2:]]
    widest = max(whole_ones, key=lambda section: section.max_mm)
    doubts = _length_doubts(whole)
    rows.append(found("aorta", "aorta_max_diameter", _number(widest, widest.max_mm), doubts))
    rows.append(found("aorta", "aorta_max_across", _number(widest, widest.across_mm), doubts))
    return rows


def aorta_parts(anatomy: Anatomy) -> list[AortaPart]:
    """The pieces of the mask that have a centreline, largest first, each along the blood."""
    whole = anatomy.structure("aorta")
    if whole is None:
        return []
    numbers, counts = connected_components(whole.mask, fully_connected=True)
    least = _LEAST_ML * 1000.0 / whole.geometry.voxel_volume_mm3
    found_parts = []
    for number, count in enumerate(counts, start=1):
        if count < least:
            continue
        piece = whole.with_mask(np.asarray(numbers == number))
        line = centreline(piece)
        if line is not None:
            found_parts.append((piece, line))
    return [_directed(anatomy, piece, line, len(found_parts)) for piece, line in found_parts]


def _directed(anatomy: Anatomy, piece: Structure, line: Tube, pieces: int) -> AortaPart:
    """Along the blood: an arch begins at its front end, an ascending aorta below, the rest above.

    A straight piece is ascending only where there is another one behind it, or a heart around its
    lower end.
    """
    height = line.points_lps[:, 2]
    rise = height.max() - max(height[0], height[-1])
    has_arch = bool(rise >= _ARCH_RISE_MM)
    if has_arch:
        backwards = line.points_lps[0, 1] > line.points_lps[-1, 1]  # the back end first
        return AortaPart(line.reversed() if backwards else line, Sectioned(piece), True, False)
    upwards = height[-1] > height[0]
    is_ascending = pieces > 1 and _is_in_front(anatomy, piece)
    if is_ascending != upwards:
        line = line.reversed()
    return AortaPart(line, Sectioned(piece), False, is_ascending)


def _is_in_front(anatomy: Anatomy, piece: Structure) -> bool:
    """Whether more than 30 mm in front of the rest of the aorta."""
    whole = anatomy.structure("aorta")
    if whole is None:
        return False
    rest = whole.with_mask(whole.mask & ~piece.mask)
    if not rest.mask.any():
        return False
    return bool(piece.centroid_lps()[1] < rest.centroid_lps()[1] - 30.0)


def _at_level(anatomy: Anatomy, parts: list[AortaPart], kind: str) -> Found:
    if kind == "aorta_abdominal_diameter":
        return _abdominal(anatomy, parts)
    for part in parts:
        index = _index_of(anatomy, part, kind)
        if index is None:
            continue
        section = part.section(index)
        if section is None or section.leaves:
            return absent("aorta", kind, "mm", _CUT)
        doubts = [*_gating_doubts(anatomy, kind), *_vertebra_doubts(anatomy, kind)]
        return found("aorta", kind, _number(section, section.max_mm), doubts)
    return absent("aorta", kind, "mm", _NOT_THERE)


def _index_of(anatomy: Anatomy, part: AortaPart, kind: str) -> int | None:
    """Where on the line of this piece a level is; None: not on it."""
    trunk = _contact(anatomy, part, "brachiocephalic_trunk")
    subclavian = _contact(anatomy, part, "subclavian_artery_left")
    if kind == "aorta_ascending_diameter":
        return _ascending(anatomy, part, trunk)
    if kind == "aorta_proximal_arch_diameter":
        return None if trunk is None or not part.has_arch else max(0, trunk - _BEFORE_TRUNK_MM)
    if kind == "aorta_mid_arch_diameter":
        return None if trunk is None or subclavian is None else (trunk + subclavian) // 2
    diaphragm = _at_vertebra(anatomy, part, "vertebrae_t12")
    after = None if subclavian is None else subclavian + _AFTER_SUBCLAVIAN_MM
    if kind == "aorta_diaphragm_diameter":
        return diaphragm
    if after is None or after >= len(part.line):
        return None
    if kind == "aorta_proximal_descending_diameter":
        return after
    return None if diaphragm is None or diaphragm <= after else (after + diaphragm) // 2


def _ascending(anatomy: Anatomy, part: AortaPart, trunk: int | None) -> int | None:
    """Half way from the root to the proximal arch; the root is where the mask meets the heart."""
    heart = anatomy.structure("heart")
    if heart is None:
        return None
    if part.has_arch and trunk is not None:
        end = max(0, trunk - _BEFORE_TRUNK_MM)
    elif part.is_ascending:
        end = len(part.line) - 1
    else:
        return None
    start = part.line.points_lps[0]
    points = heart.points_lps()
    if (
        float(np.sqrt(((points - start) ** 2).sum(axis=1).min()))
        > _CONTACT_MM + part.line.radius_mm
    ):
        return None  # the line does not begin at the heart: the root is not in the image
    return end // 2


def _contact(anatomy: Anatomy, part: AortaPart, role: str) -> int | None:
    """The point of the line that is nearest to where a branch leaves the aorta."""
    branch = anatomy.structure(role)
    if branch is None:
        return None
    points = branch.points_lps()
    away = ((part.line.points_lps[:, None] - points[None, ::4]) ** 2).sum(axis=2)
    index, nearest = np.unravel_index(int(np.argmin(away)), away.shape)
    if float(np.sqrt(away[index, nearest])) > _CONTACT_MM + 1.5 * part.line.radius_mm:
        return None
    return int(index)


def _at_vertebra(anatomy: Anatomy, part: AortaPart, role: str) -> int | None:
    """The point of the descending line on the height of a vertebra's middle."""
    vertebra = anatomy.structure(role)
    if vertebra is None or part.is_ascending:
        return None
    height = float(vertebra.centroid_lps()[2])
    line = part.line.points_lps
    first = int(np.argmax(line[:, 2])) if part.has_arch else 0
    below = line[first:, 2]
    if not below.min() - 1.0 <= height <= below.max() + 1.0:
        return None
    return first + int(np.argmin(np.abs(below - height)))


def _abdominal(anatomy: Anatomy, parts: list[AortaPart]) -> Found:
    kind = "aorta_abdominal_diameter"
    for part in parts:
        first = _at_vertebra(anatomy, part, "vertebrae_l1")
        if first is None:
            below = [f"vertebrae_l{n}" for n in range(2, 6) if anatomy.present(f"vertebrae_l{n}")]
            above = anatomy.present("vertebrae_l1") or anatomy.present("vertebrae_t12")
            if not below or above or part.is_ascending or part.has_arch:
                continue
            first = 0
        section = part.widest(first, len(part.line) - 1)
        if section is None:
            return absent("aorta", kind, "mm", _CUT)
        doubts = []
        if not any(anatomy.present(f"iliac_artery_{side}") for side in ("left", "right")):
            doubts.append(
                Doubt(
                    "truncated_fov",
                    "The bifurcation is not in the image.",
                    "Бифуркации нет в изображении.",
                )
            )
        return found("aorta", kind, _number(section, section.max_mm), doubts)
    return absent("aorta", kind, "mm", _NOT_THERE)


def _number(section: Section, value: float) -> Number:
    return Number(value, "mm", section.callipers, _NAMES)


def _gating_doubts(anatomy: Anatomy, kind: str) -> list[Doubt]:
    """Without gating the ascending aorta moves."""
    if kind != "aorta_ascending_diameter" or anatomy.protocol.gated:
        return []
    if anatomy.protocol.gated is None:
        return [Doubt("low_quality", "ECG gating: not known.", "Синхронизация с ЭКГ: неизвестна.")]
    return [Doubt("low_quality", "Without ECG gating.", "Без синхронизации с ЭКГ.")]


def _vertebra_doubts(anatomy: Anatomy, kind: str) -> list[Doubt]:
    """The middle of a vertebra that is cut is not its middle."""
    vertebra = anatomy.structure("vertebrae_t12")
    by_vertebra = kind in ("aorta_diaphragm_diameter", "aorta_mid_descending_diameter")
    if not by_vertebra or vertebra is None or not vertebra.is_truncated:
        return []
    return [
        Doubt(
            "low_quality",
            "T12 is cut by the border: the level is about.",
            "T12 обрезан краем: уровень приблизительный.",
        )
    ]


def _length_doubts(whole: Structure) -> list[Doubt]:
    """The largest of what is seen is a lower bound where the aorta goes on outside."""
    if not whole.is_truncated:
        return []
    return [
        Doubt(
            "truncated_fov",
            "The aorta goes on outside of the image.",
            "Аорта продолжается за пределами изображения.",
        )
    ]
