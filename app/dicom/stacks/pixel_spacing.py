"""What a millimetre in an image is worth: the ladder of M01, and spacings that are none (G20)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from app.dicom.tolerant import items_of, number_of, numbers_of, value_of, words_of

_MACROS = ("FramePixelDataPropertiesSequence", "XRayGeometrySequence")


@dataclass(frozen=True, slots=True)
class PixelSpacing:
    """Millimetres between rows and between columns, and where the number comes from.

    ``source`` is ``mm`` (in the patient), ``mm (calibrated)``, ``mm at detector``, ``mm est.`` or
    ``px`` (no spacing: ``row_column_mm`` is None). ``fault`` says why a stated spacing was refused.
    """

    row_column_mm: tuple[float, float] | None
    source: str
    fault: str = ""


def pixel_spacing_of(holder: Dataset, top: Dataset, *, in_patient: bool) -> PixelSpacing:
    """The best spacing of a frame; ``holder`` has PixelSpacing, ``top`` the detector's attributes.

    ``in_patient``: a cross-section, whose PixelSpacing is true in the patient. Projections are
    magnified, so theirs is calibrated, corrected by the magnification, or that of the detector.
    """
    spacing = _pair(holder, "PixelSpacing")
    if isinstance(spacing, str):
        return PixelSpacing(None, "px", spacing)
    if in_patient:
        return PixelSpacing(spacing, "mm") if spacing else PixelSpacing(None, "px")
    detector = _pair(_holder(top, "ImagerPixelSpacing"), "ImagerPixelSpacing")
    if isinstance(detector, str):
        detector = None
    if spacing and "".join(words_of(top, "PixelSpacingCalibrationType")[:1]):
        return PixelSpacing(spacing, "mm (calibrated)")
    if spacing and detector and not _same(spacing, detector):
        return PixelSpacing(spacing, "mm (calibrated)")
    base = detector or spacing
    if base is None:
        nominal = _pair(top, "NominalScannedPixelSpacing")
        if isinstance(nominal, tuple):
            return PixelSpacing(nominal, "mm est.")
        return PixelSpacing(None, "px")
    factor = _magnification(top)
    if factor is not None and detector is not None:
        return PixelSpacing((base[0] / factor, base[1] / factor), "mm est.")
    return PixelSpacing(base, "mm at detector" if detector else "mm est.")


def _magnification(top: Dataset) -> float | None:
    """How much larger the detector shows the patient (M02); never below one."""
    factor = _number(top, "EstimatedRadiographicMagnificationFactor")
    if factor is None:
        detector = _number(top, "DistanceSourceToDetector")
        patient = _number(top, "DistanceSourceToPatient")
        if detector and patient and patient > 0:
            factor = detector / patient
    return factor if factor is not None and 1.0 < factor < 5.0 else None


def _number(top: Dataset, keyword: str) -> float | None:
    return number_of(_holder(top, keyword), keyword)


def _holder(top: Dataset, keyword: str) -> Dataset:
    """Where the attribute is: on top, or in the macros of enhanced XA and XRF (PS3.3 C.8.19.6)."""
    if value_of(top, keyword) is not None:
        return top
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in items_of(top, groups)[:1]:
            for macro in _MACROS:
                for item in items_of(group, macro):
                    if value_of(item, keyword) is not None:
                        return item
    return top


def _pair(ds: Dataset, keyword: str) -> tuple[float, float] | str | None:
    numbers = numbers_of(ds, keyword)
    if not numbers:
        return None
    if len(numbers) != 2 or min(numbers) <= 0:
        return f"{keyword} is {' x '.join(f'{n:g}' for n in numbers)}"
    return numbers[0], numbers[1]


def _same(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return all(abs(x - y) <= 1e-3 * y for x, y in zip(a, b, strict=True))
