"""What stands in the corners and at the edges of a viewport."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import TooLarge
from app.core.geometry import Float64Array
from app.core.study import Patient, Study, StudyWarning
from app.core.volume import Window
from app.dicom.character_sets import display_name
from app.imaging.orient import opposite_letters, orientation_letters
from app.ui.overlay_painter import CornerTexts, EdgeLetters
from app.ui.series_image import SeriesImage
from app.ui.texts import language, tr
from app.viewer.camera import Camera
from app.viewer.viewport import ViewportState

_QUIET_CODES = frozenset({"G21"})
_UNITS = {"HU": "HU", "BQML": "Bq/ml", "GML": "g/ml", "OD": "OD", "GY": "Gy"}
_DERIVED = frozenset({"SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "OT"})


@dataclass(frozen=True, slots=True)
class CornerMarks:
    """What the viewport knows beyond its image: findings on it, scrolling along, little room."""

    has_unverified_ai: bool = False
    is_linked: bool = False
    is_narrow: bool = False


def edge_letters(image: SeriesImage, camera: Camera) -> EdgeLetters:
    """Letters from the current camera; for projections from PatientOrientation; else none (G14)."""
    if image.space.frame_of_reference_uid:
        right_lps, down_lps = camera.screen_axes_lps()
        right = orientation_letters(right_lps, limit=2)
        down = orientation_letters(down_lps, limit=2)
        return EdgeLetters(opposite_letters(right), right, opposite_letters(down), down)
    facts = image.facts
    if facts is None or facts.patient_orientation is None:
        return EdgeLetters()
    along_row, along_column = facts.patient_orientation
    right_axis, down_axis = camera.screen_axes_lps()
    named = {
        (1, 0): along_row, (-1, 0): opposite_letters(along_row),
        (0, 1): along_column, (0, -1): opposite_letters(along_column),
    }  # fmt: skip
    right = named[round(right_axis[0]), round(right_axis[1])]
    down = named[round(down_axis[0]), round(down_axis[1])]
    return EdgeLetters(opposite_letters(right), right, opposite_letters(down), down)


def corner_texts(
    image: SeriesImage,
    state: ViewportState,
    camera: Camera,
    window: Window | None,
    marks: CornerMarks,
) -> CornerTexts:
    """The corner texts of one viewport, in the language in force."""
    study, series = image.study, image.series
    count = camera.grid.size_ijk[2]
    top_left = (
        person_line(study.patient),
        patient_line(study.patient, study.study_date),
        " ".join(part for part in (series.modality, iso_date(study.study_date)) if part),
        tr("corner.prior") if image.is_prior else "",
    )
    number = "" if series.number is None else f"{tr('corner.series')} {series.number}"
    place = f"{tr('corner.image')} {state.index + 1}/{count}"
    plane = "" if state.plane == "stack" else tr(f"plane.{state.plane}")
    # The number of the image is never cut: in a narrow viewport it has a line of its own.
    first = (place, number) if marks.is_narrow else (f"{number}   {place}".strip(),)
    top_right = (*first, series.description, plane)
    bottom_left = tuple(
        text
        for text in (_thickness_line(image, state, camera), _window(image, window, state.index))
        if text
    )
    bottom_right = [] if marks.is_narrow else list(_value_notes(image))
    if not image.is_loaded and image.error is None:
        bottom_right.append(tr("corner.loading", percent=round(image.fraction * 100)))
    if state.flipped:
        bottom_right.append(tr("corner.mirrored"))
    if marks.is_linked:
        bottom_right.append(tr("corner.linked"))
    if marks.has_unverified_ai:
        bottom_right.append(tr("corner.ai_unverified"))
    return CornerTexts(
        tuple(text for text in top_left if text),
        tuple(text for text in top_right if text),
        bottom_left,
        tuple(bottom_right),
        warning_line(image),
    )


def person_line(patient: Patient) -> str:
    """The patient's name with family and given name apart."""
    return display_name(str(patient.name)) or tr("patient.unnamed")


def patient_line(patient: Patient, study_date: str) -> str:
    """Sex, age at the study, and ID."""
    age = age_years(str(patient.birth_date), study_date)
    parts = [
        tr(f"sex.{patient.sex}") if patient.sex in ("M", "F", "O") else "",
        tr("patient.years", n=age) if age is not None else "",
    ]
    who = " ".join(part for part in parts if part)
    identity = f"ID {patient.id}" if patient.id else ""
    return "  ".join(part for part in (who, identity) if part)


def study_line(study: Study) -> str:
    """Date, description and accession number."""
    parts = [iso_date(study.study_date), modalities(study), study.description]
    line = "  ".join(part for part in parts if part)
    number = f"Acc {study.accession_number}" if study.accession_number else ""
    return "  ·  ".join(part for part in (line, number) if part)


def modalities(study: Study) -> str:
    """The modalities of the images; those of derived objects only where there is nothing else."""
    found = dict.fromkeys(series.modality for series in study.series if series.frames)
    acquired = [name for name in found if name not in _DERIVED]
    return "/".join(acquired or found)


def age_years(birth_date: str, study_date: str) -> int | None:
    """Completed years at the day of the study, from ISO dates; None where one is missing."""
    born, seen = birth_date.replace("-", ""), study_date.replace("-", "")
    if len(born) != 8 or len(seen) != 8 or not (born + seen).isdigit():
        return None
    years = int(seen[:4]) - int(born[:4]) - (seen[4:] < born[4:])
    return years if 0 <= years < 130 else None


def iso_date(date: str) -> str:
    """A DICOM or ISO date as ISO."""
    digits = date.replace("-", "")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 else date


def window_line(window: Window | None) -> str:
    """Width and level, or the lookup table in force (I02); decimals only in narrow windows."""
    if window is None:
        return ""
    if window.table is not None:
        return f"VOI LUT {window.explanation}".strip()
    digits = 0 if window.width >= 10 else 2 if window.width >= 0.1 else 5
    function = f"  {window.function}" if window.function == "SIGMOID" else ""
    return f"W {window.width:.{digits}f}  L {window.center:.{digits}f}{function}"


def probe_line(image: SeriesImage, point_lps: Float64Array) -> str:
    """Place in the patient and modality value of the voxel there; empty outside the images."""
    value = image.modality_at(point_lps)
    volume = image.volume
    if value is None or volume is None:
        return ""
    unit = _UNITS.get(volume.quantity, "")  # a unit only where it is known (I14)
    # Diffusion maps and the like lie far below one: there digits count, not decimals.
    fraction = f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
    shown = f"{value:.0f}" if value == round(value) else fraction
    if volume.suv is not None:
        unit = f"{unit}  SUVbw {value * volume.suv.body_weight:.2f}".strip()
    if not image.space.frame_of_reference_uid:
        return f"{shown} {unit}".strip()
    x, y, z = (float(v) for v in point_lps)
    place = "  ".join(
        f"{letters[0] if v >= 0 else letters[1]} {abs(v):.1f}"
        for letters, v in (("LR", x), ("PA", y), ("SI", z))
    )
    return f"{place} {tr('unit.mm')}    {shown} {unit}".strip()


def _value_notes(image: SeriesImage) -> tuple[str, ...]:
    """Loss by compression with its ratio (I16), speed of a cine (D13), why PET has no SUV (I13)."""
    facts = image.facts
    if facts is None:
        return ()
    fps, missing = facts.cine_fps, facts.suv_missing
    lossy = "" if facts.lossy in ("", "?") else f" {facts.lossy}"
    return tuple(
        text
        for text in (
            tr("corner.fps", n=f"{fps:.3g}") if fps else "",
            f"{tr('corner.lossy')}{lossy}" if facts.lossy else "",
            (missing.ru if language() == "ru" else missing.en) if missing else "",
        )
        if text
    )


def warning_line(image: SeriesImage) -> str:
    """The codes of what is doubtful about these images."""
    codes = sorted({warning.code for warning in _warnings(image)} - _QUIET_CODES)
    verdict = tr("corner.resampled") if image.stack.verdict == "resampled" else ""
    return "  ".join(part for part in ("⚠ " + " ".join(codes) if codes else "", verdict) if part)


def warning_sentences(image: SeriesImage) -> list[str]:
    """What the codes mean, each once."""
    found = (f"{item.code}  {item.text_in(language())}" for item in _warnings(image))
    return list(dict.fromkeys(found))


def _warnings(image: SeriesImage) -> tuple[StudyWarning, ...]:
    refused = image.error if isinstance(image.error, TooLarge) else None
    return (
        *image.stack.warnings,
        *(image.volume.warnings if image.volume else ()),
        *((StudyWarning("D19", refused.message, refused.ru),) if refused else ()),
    )


def _window(image: SeriesImage, window: Window | None, index: int) -> str:
    """Colours have no window."""
    facts = image.facts
    if facts is not None and facts.is_color:
        return ""
    line = window_line(window)
    if facts is None or window is None or window.table is not None:
        return line
    if window.explanation and window in facts.windows_of(index):
        line = f"{line}  {window.explanation}"
    if facts.suv is None:
        return line
    ends = (window.center - window.width / 2, window.center + window.width / 2)
    # Adding zero takes the sign off a zero.
    low, high = (f"{round(end * facts.suv.body_weight, 1) + 0.0:.1f}" for end in ends)
    return f"{line}  (SUVbw {low} – {high})"


def _thickness_line(image: SeriesImage, state: ViewportState, camera: Camera) -> str:
    zoom = f"Z {camera.zoom * _finest(image):.2f}" if image.loaded_frames else ""
    step = camera.grid.spacing_ijk[2]
    has_mm = bool(image.space.frame_of_reference_uid) and camera.grid.size_ijk[2] > 1
    thickness = f"{step:.1f} {tr('unit.mm')}" if has_mm else ""
    return "  ".join(part for part in (thickness, zoom) if part)


def _finest(image: SeriesImage) -> float:
    """Millimetres per image pixel: zoom is told in display pixels per image pixel."""
    return min(image.space.spacing_ijk[:2])
