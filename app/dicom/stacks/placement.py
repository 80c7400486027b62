"""Where the frames of a stack lie, and whether they make one regular volume (G01-G06, G09, G11).

Only positions projected on the normal of the images count; SliceThickness and
SpacingBetweenSlices never do (G03).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.errors import GeometryError
from app.core.geometry import Geometry
from app.core.report import Message
from app.core.study import StudyWarning, Verdict
from app.dicom import wording
from app.dicom.files.record import FrameFacts

Float64Array = npt.NDArray[np.float64]

SAME_PLACE_MM: Final = 0.01
_GAP_TOLERANCE: Final = 0.01
_TILT_DEG: Final = 0.1
# A gap this much wider than usual is a hole, not an uneven spacing to interpolate across.
WIDEST_INTERPOLATED_GAP: Final = 2.5
_MOST_NEW_SLICES: Final = 4


_Spacing = tuple[float, tuple[StudyWarning, ...], Message | None]


@dataclass(frozen=True, slots=True)
class Placement:
    """The verdict on a stack: the order of its frames, its grid if it has one, and the doubts.

    ``missing`` slices are known from gaps between the others.
    """

    order: tuple[int, ...]
    verdict: Verdict
    why: Message
    geometry: Geometry | None
    warnings: tuple[StudyWarning, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """Slices sorted along their normal: positions on it, and offsets in the plane (row, column)."""

    frames: tuple[FrameFacts, ...]
    axes: Float64Array
    along_mm: Float64Array
    aside_mm: Float64Array

    @property
    def gaps_mm(self) -> Float64Array:
        return np.diff(self.along_mm)


def positions_along_normal(frames: Sequence[FrameFacts]) -> Float64Array | None:
    """Position of each frame on the common normal in millimetres, or None without geometry."""
    axes = axes_of(frames)
    if axes is None:
        return None
    return np.asarray([np.dot(frame.position_lps or (), axes[:, 2]) for frame in frames])


def axes_of(frames: Sequence[FrameFacts]) -> Float64Array | None:
    """3x3 matrix whose columns are row direction, column direction and normal (LPS)."""
    if any(frame.position_lps is None or frame.orientation is None for frame in frames):
        return None
    # The mean takes off the rounding of single headers; then made orthonormal exactly.
    cosines = np.asarray([frame.orientation for frame in frames], dtype=np.float64)
    mean = cosines.mean(axis=0)
    row = mean[:3] / np.linalg.norm(mean[:3])
    column = mean[3:] - row * np.dot(mean[3:], row)
    column /= np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)], axis=1)


def has_even_gaps(along_mm: Float64Array) -> bool:
    """Whether positions lie on one even grid, at most half of whose places are empty."""
    gaps = np.diff(np.sort(along_mm))
    base = float(np.median(gaps))
    if base < SAME_PLACE_MM:
        return False
    multiples = np.rint(gaps / base)
    tolerance = np.maximum(multiples, 1) * max(SAME_PLACE_MM, _GAP_TOLERANCE * base)
    if multiples.sum() > 2 * len(gaps):
        return False
    return bool(np.all((multiples >= 1) & (np.abs(gaps - multiples * base) <= tolerance)))


def place(frames: Sequence[FrameFacts], frame_of_reference_uid: str) -> Placement:
    """Judge frames of one size, spacing and orientation, in acquisition order."""
    as_given = tuple(range(len(frames)))
    axes = axes_of(frames)
    if axes is None:
        return _stack(as_given, frames[0].unplaced or wording.NO_PLACE)
    positions = np.asarray([frame.position_lps for frame in frames], dtype=np.float64)
    inside = positions @ axes
    order = tuple(int(n) for n in np.argsort(inside[:, 2], kind="stable"))
    if len(frames) == 1:
        return _stack(order, wording.SINGLE)
    if _turn_apart(frames):
        return _stack(as_given, wording.image_by_image(wording.TURNED))
    spacing = frames[0].spacing
    if spacing.row_column_mm is None:
        return _stack(order, wording.NO_SPACING, spacing_warnings(frames[0]))
    sorted_inside = inside[list(order)]
    line = _Line(
        tuple(frames[n] for n in order),
        axes,
        sorted_inside[:, 2],
        sorted_inside[:, :2] - sorted_inside[0, :2],
    )
    verdict = _judge(line, frame_of_reference_uid)
    return replace(verdict, order=order)


def _turn_apart(frames: Sequence[FrameFacts]) -> bool:
    """Whether the images are turned against each other by half a pixel at their rim, or more."""
    cosines = np.asarray([frame.orientation for frame in frames], dtype=np.float64)
    deviation = float(np.abs(cosines - cosines.mean(axis=0)).max())
    instance = frames[0].ref.instance
    return deviation * max(instance.rows, instance.columns) > 0.5


def _judge(line: _Line, frame_of_reference_uid: str) -> Placement:
    extent = float(line.along_mm[-1] - line.along_mm[0])
    if extent < SAME_PLACE_MM:
        at_one = wording.all_at_one_position(len(line.frames))
        why = wording.joined(at_one, wording.NO_VOLUME, by=": ")
        return _stack((), why, (wording.warning("G11", at_one),))
    gaps = line.gaps_mm
    if float(gaps.min()) < SAME_PLACE_MM:
        return _refused("G09", wording.REPEATED)
    base = float(np.median(gaps))
    spacing_mm, gap_warnings, refusal = _slice_spacing(line, base)
    tilt_warnings, is_tilted, sideways = _sideways(line, extent)
    refusal = refusal or sideways
    warnings = (*gap_warnings, *tilt_warnings)
    is_gap = any(warning.code == "G04" for warning in gap_warnings)
    missing = round(extent / spacing_mm) - len(gaps) if is_gap else 0
    if refusal:
        refused = _stack((), wording.image_by_image(refusal), warnings)
        return replace(refused, missing=missing)
    resampled = is_tilted or bool(gap_warnings)
    if not resampled:
        spacing_mm = extent / len(gaps)
    try:
        geometry = _grid(line, spacing_mm, is_tilted, frame_of_reference_uid)
    except GeometryError as error:
        why = wording.image_by_image(Message(error.message, error.ru))
        return _stack((), why, warnings)
    if not resampled:
        return Placement((), "ok", wording.OK, geometry)
    reasons = wording.joined(*[Message(w.text, w.text_ru) for w in warnings])
    why = wording.resampled(reasons)
    return Placement((), "resampled", why, geometry, warnings, missing)


def _slice_spacing(line: _Line, base: float) -> _Spacing:
    """Spacing of the grid along the normal, the warnings on gaps, and a refusal or nothing."""
    gaps = line.gaps_mm
    tolerance = max(SAME_PLACE_MM, _GAP_TOLERANCE * base)
    regular = line.along_mm[0] + np.arange(len(line.along_mm)) * (
        (line.along_mm[-1] - line.along_mm[0]) / len(gaps)
    )
    drift = float(np.abs(line.along_mm - regular).max())
    if np.all(np.abs(gaps - base) <= tolerance) and drift <= 0.1 * base + SAME_PLACE_MM:
        return base, (), None
    multiples = np.rint(gaps / base)
    fits = np.abs(gaps - multiples * base) <= np.maximum(multiples, 1) * tolerance
    wide = multiples >= 2
    if np.all(fits & (multiples >= 1)) and np.any(wide) and _longest_run(wide) < 3:
        return _missing(line, base, multiples)
    uneven = wording.uneven(float(gaps.min()), float(gaps.max()))
    warnings = (wording.warning("G05", uneven),)
    finest = float(gaps.min())
    too_many = (line.along_mm[-1] - line.along_mm[0]) / finest > _MOST_NEW_SLICES * len(gaps)
    if gaps.max() > WIDEST_INTERPOLATED_GAP * base or too_many:
        return base, warnings, uneven
    return finest, warnings, None


def _missing(line: _Line, base: float, multiples: Float64Array) -> _Spacing:
    warnings = []
    missing = 0
    for n in np.flatnonzero(multiples >= 2):
        count = int(multiples[n]) - 1
        missing += count
        before, after = name_of(line.frames[n]), name_of(line.frames[n + 1])
        warnings.append(wording.warning("G04", wording.missing(count, before, after)))
    if missing > len(line.frames):
        return base, tuple(warnings), wording.MORE_MISSING
    return base, tuple(warnings), None


def _sideways(line: _Line, extent: float) -> tuple[tuple[StudyWarning, ...], bool, Message | None]:
    """Whether the slices move in their plane from one to the next: gantry tilt or jitter (G06)."""
    fraction = (line.along_mm - line.along_mm[0])[:, None] / extent
    shift = line.aside_mm[-1] - line.aside_mm[0]
    residual = float(np.abs(line.aside_mm - fraction * shift).max())
    spacing = line.frames[0].spacing.row_column_mm or (1.0, 1.0)
    rows, columns = line.frames[0].ref.instance.rows, line.frames[0].ref.instance.columns
    field_mm = min(rows * spacing[0], columns * spacing[1])
    if float(np.ptp(line.aside_mm, axis=0).max()) > 4.0 * field_mm + extent:
        return (wording.warning("G06", wording.BESIDE),), False, wording.BESIDE
    if residual > max(0.1, 0.2 * min(spacing)):
        return (wording.warning("G06", wording.shifted(residual)),), True, None
    angle = float(np.degrees(np.arctan2(np.linalg.norm(shift), extent)))
    if angle > _TILT_DEG:
        return (wording.warning("G06", wording.tilted(angle)),), True, None
    return (), False, None


def _grid(line: _Line, spacing_mm: float, is_tilted: bool, frame_of_reference_uid: str) -> Geometry:
    first = line.frames[0]
    rows, columns = first.ref.instance.rows, first.ref.instance.columns
    row_mm, column_mm = first.spacing.row_column_mm or (1.0, 1.0)
    origin = np.asarray(first.position_lps, dtype=np.float64)
    slices = round(float(line.along_mm[-1] - line.along_mm[0]) / spacing_mm) + 1
    if is_tilted:
        # The grid is wide enough for all slices, at whole pixels from the first one.
        pixels = line.aside_mm / (column_mm, row_mm)
        low, high = np.floor(pixels.min(axis=0) + 1e-6), np.ceil(pixels.max(axis=0) - 1e-6)
        columns, rows = columns + int(high[0] - low[0]), rows + int(high[1] - low[1])
        origin = origin + line.axes[:, 0] * low[0] * column_mm + line.axes[:, 1] * low[1] * row_mm
    return Geometry.from_arrays(
        (columns, rows, slices),
        (column_mm, row_mm, spacing_mm),
        origin,
        line.axes,
        frame_of_reference_uid,
    )


def spacing_warnings(frame: FrameFacts) -> tuple[StudyWarning, ...]:
    """Why a stated pixel spacing is not used (G20), or nothing."""
    fault = frame.spacing.fault
    return (wording.warning("G20", wording.spacing_refused(fault)),) if fault else ()


def _refused(code: str, reason: Message) -> Placement:
    return _stack((), wording.image_by_image(reason), (wording.warning(code, reason),))


def _stack(
    order: tuple[int, ...], why: Message, warnings: tuple[StudyWarning, ...] = ()
) -> Placement:
    return Placement(order, "stack", why, None, warnings)


def name_of(frame: FrameFacts) -> str:
    """How a message names a frame: by its number in the object or series, else by its file."""
    instance = frame.ref.instance
    if instance.number_of_frames > 1:
        return f"frame {frame.ref.frame}"
    if instance.instance_number is not None:
        return f"image {instance.instance_number}"
    return instance.path.name


def _longest_run(flags: npt.NDArray[np.bool_]) -> int:
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest
