"""Standardised uptake values of PET by the QIBA vendor-neutral pseudo-code (I13).

QIBA FDG-PET/CT Profile, Appendix G; units BQML, CNTS (Philips private factors) and GML apart.
SUV refers to the dose at the time to which the image is decay-corrected: the start of the scan for
START, the injection for ADMIN (where the dose is taken as it is). Not corrected images, and those
that lack an input, get no SUV, and the missing attribute is named.

Lean body mass is Janmahasatian's (Clin Pharmacokinet 2005;44:1051), as PERCIST 2016 and Tahari et
al. (J Nucl Med 2014;55:1481) advise: James' formula breaks down in obesity. Body surface is
DuBois'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydicom.dataset import Dataset

from app.core.report import Message
from app.core.uptake import SuvFactors
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.tolerant import (
    MALFORMED,
    items_of,
    number_of,
    text_words_upper,
    words_of,
)

_WEIGHT: Final = ("(0010,1030)", "Patient's Weight")
_HEIGHT: Final = ("(0010,1020)", "Patient's Size")
_SEX: Final = ("(0010,0040)", "Patient's Sex")
_UNITS: Final = ("(0054,1001)", "Units")
_DECAY: Final = ("(0054,1102)", "Decay Correction")
_CORRECTED: Final = ("(0028,0051)", "Corrected Image")
_RADIO: Final = ("(0054,0016)", "Radiopharmaceutical Information Sequence")
_DOSE: Final = ("(0018,1074)", "Radionuclide Total Dose")
_HALF_LIFE: Final = ("(0018,1075)", "Radionuclide Half Life")
_START: Final = ("(0018,1072)", "Radiopharmaceutical Start Time")
_SCAN: Final = ("(0008,0031)", "Series Time")
_PHILIPS: Final = ("(7053,1000)", "Philips SUV Scale Factor")

# Below a kilobecquerel no dose is meant: it was entered in MBq.
_LEAST_DOSE_BQ: Final = 1e3


class _NoSuvError(Exception):
    """There is no SUV; ``message`` says why."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.en)
        self.message = message


@dataclass(frozen=True, slots=True)
class _Patient:
    weight_kg: float | None
    height_m: float | None
    sex: str

    @property
    def lean_body_mass_kg(self) -> float | None:
        if self.weight_kg is None or self.height_m is None or self.sex not in ("M", "F"):
            return None
        bmi = self.weight_kg / self.height_m**2
        slope, base = (216.0, 6680.0) if self.sex == "M" else (244.0, 8780.0)
        return 9270.0 * self.weight_kg / (base + slope * bmi)

    @property
    def body_surface_cm2(self) -> float | None:
        if self.weight_kg is None or self.height_m is None:
            return None
        return float(71.84 * self.weight_kg**0.425 * (self.height_m * 100.0) ** 0.725)


def acquisition_start_of(ds: Dataset) -> datetime | None:
    """When the acquisition of a PET image began; None for other modalities and where unknown."""
    if text_words_upper(ds, "Modality")[:1] != ("PT",):
        return None
    return _moment(ds, "AcquisitionDate", "AcquisitionTime")


def suv_of(
    ds: Dataset, earliest: datetime | None = None
) -> tuple[SuvFactors | None, Message | None]:
    """The SUV factors of a PET object, or why there are none; both None for other modalities.

    The factors multiply modality values (Bq/ml, counts or g/ml). A header is enough; ``earliest``
    is the earliest ``acquisition_start_of`` its series: bed positions begin one after another.
    """
    if text_words_upper(ds, "Modality")[:1] != ("PT",):
        return None, None
    try:
        return _factors(_with_unassigned(ds), earliest), None
    except _NoSuvError as error:
        return None, error.message


def _with_unassigned(ds: Dataset) -> Dataset:
    """The attributes that a legacy converted object keeps without a place of their own, on top.

    PS3.3 C.7.6.16.2.22 and C.7.6.16.2.23: what all slices share, and what the first has.
    """
    shared = items_of(ds, "SharedFunctionalGroupsSequence")[:1]
    frames = items_of(ds, "PerFrameFunctionalGroupsSequence")[:1]
    unassigned = [
        *(i for g in frames for i in items_of(g, "UnassignedPerFrameConvertedAttributesSequence")),
        *(i for g in shared for i in items_of(g, "UnassignedSharedConvertedAttributesSequence")),
    ]
    if not unassigned:
        return ds
    flat = Dataset()
    for source in (*unassigned, ds):
        flat.update({element.tag: element for element in source})
    return flat


def _factors(ds: Dataset, earliest: datetime | None) -> SuvFactors:
    patient = _Patient(
        _positive(ds, "PatientWeight"),
        _positive(ds, "PatientSize"),
        (text_words_upper(ds, "PatientSex") or ("",))[0],
    )
    units = _units(ds)
    if units == "GML":
        return _already_suv(ds, patient)
    if units == "CM2ML":
        return _from(patient, per_cm2=1.0)
    if units == "CNTS":
        direct = _philips(ds, 0x00)
        if direct is not None:
            return _from(patient, per_gram_bw=direct)
        to_bq = _philips(ds, 0x09)
        if to_bq is None:
            raise _missing(_PHILIPS)
        return _from(patient, per_dose=to_bq / _dose_at_reference(ds, earliest))
    if units == "BQML":
        return _from(patient, per_dose=1.0 / _dose_at_reference(ds, earliest))
    if not units:
        raise _missing(_UNITS)
    raise _NoSuvError(
        Message(
            f"No SUV: values in {units} do not give one {_UNITS[0]}.",
            f"SUV нет: из значений в {units} он не вычисляется {_UNITS[0]}.",
        )
    )


def _from(
    patient: _Patient,
    *,
    per_dose: float | None = None,
    per_gram_bw: float | None = None,
    per_cm2: float | None = None,
) -> SuvFactors:
    """All three factors from one: activity per dose, or what already is SUVbw or SUVbsa."""
    weight, lean, surface = (
        patient.weight_kg,
        patient.lean_body_mass_kg,
        patient.body_surface_cm2,
    )
    if per_gram_bw is not None and weight is None:
        return SuvFactors(per_gram_bw, missing=(_WEIGHT[0],))
    if weight is None:
        raise _missing(_WEIGHT)
    if per_gram_bw is not None:
        per_dose = per_gram_bw / (weight * 1000.0)
    elif per_cm2 is not None:
        if surface is None:
            raise _missing(_HEIGHT)
        per_dose = per_cm2 / surface
    if per_dose is None:
        raise ValueError("one factor is needed")
    lacking = []
    if patient.height_m is None:
        lacking.append(_HEIGHT[0])
    if patient.sex not in ("M", "F"):
        lacking.append(_SEX[0])
    return SuvFactors(
        per_dose * weight * 1000.0,
        None if lean is None else per_dose * lean * 1000.0,
        None if surface is None else per_dose * surface,
        tuple(lacking),
    )


def _already_suv(ds: Dataset, patient: _Patient) -> SuvFactors:
    """GML: body weight unless SUV Type (0054,1006) says otherwise."""
    kind = (text_words_upper(ds, "SUVType") or ("BW",))[0]
    if kind == "BW":
        return _from(patient, per_gram_bw=1.0)
    if kind in ("LBM", "LBMJANMA") and patient.lean_body_mass_kg and patient.weight_kg:
        return _from(patient, per_gram_bw=patient.weight_kg / patient.lean_body_mass_kg)
    raise _NoSuvError(
        Message(
            f"No SUVbw: the values are normalised in another way, {kind} (0054,1006).",
            f"SUVbw нет: значения нормированы иначе, {kind} (0054,1006).",
        )
    )


def _dose_at_reference(ds: Dataset, earliest: datetime | None) -> float:
    """The dose in Bq at the time to which the image is decay-corrected."""
    corrected = text_words_upper(ds, "CorrectedImage")
    is_enhanced_without = text_words_upper(ds, "AttenuationCorrected")[:1] == ("NO",)
    if is_enhanced_without or (corrected and "ATTN" not in corrected):
        raise _NoSuvError(
            Message(
                f"No SUV: the images are not corrected for attenuation {_CORRECTED[0]}.",
                f"SUV нет: снимки без коррекции на ослабление {_CORRECTED[0]}.",
            )
        )
    if corrected and "DECY" not in corrected:
        # Whatever Decay Correction says: the profile wants both.
        raise _NoSuvError(
            Message(
                f"No SUV: the images are not corrected for decay {_CORRECTED[0]}.",
                f"SUV нет: снимки без коррекции на распад {_CORRECTED[0]}.",
            )
        )
    radio = items_of(ds, "RadiopharmaceuticalInformationSequence")
    if not radio:
        raise _missing(_RADIO)
    dose = _positive(radio[0], "RadionuclideTotalDose")
    if dose is None:
        raise _missing(_DOSE)
    if dose < _LEAST_DOSE_BQ:
        raise _NoSuvError(
            Message(
                f"No SUV: the dose {_DOSE[0]} is not in becquerel.",
                f"SUV нет: доза {_DOSE[0]} указана не в беккерелях.",
            )
        )
    correction = _decay_correction(ds)
    if correction == "ADMIN":
        return dose
    half_life = _positive(radio[0], "RadionuclideHalfLife")
    if half_life is None:
        raise _missing(_HALF_LIFE)
    scan = _scan_start(ds, half_life, earliest)
    seconds = _seconds_from_injection(radio[0], scan)
    return float(dose * 2.0 ** (-seconds / half_life))


def _decay_correction(ds: Dataset) -> str:
    """START or ADMIN; enhanced objects state a time instead, which counts as START."""
    if text_words_upper(ds, "DecayCorrected")[:1] == ("YES",):
        return "START"
    word = (text_words_upper(ds, "DecayCorrection") or ("",))[0]
    if not word and "DECY" in text_words_upper(ds, "CorrectedImage"):
        raise _missing(_DECAY)
    if word in ("START", "ADMIN"):
        return word
    if not word and text_words_upper(ds, "DecayCorrected")[:1] != ("NO",):
        raise _missing(_DECAY)
    raise _NoSuvError(
        Message(
            f"No SUV: the images are not corrected for decay {_DECAY[0]}.",
            f"SUV нет: снимки без коррекции на распад {_DECAY[0]}.",
        )
    )


def _seconds_from_injection(radio: Dataset, scan: datetime) -> float:
    stated = _date_time(words_of(radio, "RadiopharmaceuticalStartDateTime"))
    if stated is not None and stated <= scan:
        return (scan - stated).total_seconds()
    # A date after the scan comes from de-identification or a wrong clock; the time of day counts.
    clock = _clock(words_of(radio, "RadiopharmaceuticalStartTime"))
    if clock is None and stated is not None:
        clock = timedelta(
            hours=stated.hour,
            minutes=stated.minute,
            seconds=stated.second,
            microseconds=stated.microsecond,
        )
    if clock is None:
        raise _missing(_START)
    midnight = datetime(scan.year, scan.month, scan.day)  # noqa: DTZ001 - local times of a device
    start = midnight + clock
    if start > scan:  # injected before midnight, scanned after it
        start -= timedelta(days=1)
    return (scan - start).total_seconds()


def _scan_start(ds: Dataset, half_life_s: float, earliest: datetime | None) -> datetime:
    """The time to which START refers: series time unless that is the time of a later processing."""
    reference = _date_time(words_of(ds, "DecayCorrectionDateTime"))
    if reference is not None:
        return reference
    series = _moment(ds, "SeriesDate", "SeriesTime")
    acquired = _moment(ds, "AcquisitionDate", "AcquisitionTime")
    first = min((when for when in (acquired, earliest) if when is not None), default=None)
    if series is not None and (first is None or series <= first):
        return series
    private = _date_time(_private(ds, 0x0009, "GEMS_PETD_01", 0x0D))
    if private is not None:
        return private
    if acquired is None or first is None:
        raise _missing(_SCAN)
    # Back from the time of the mean count rate within the bed position (QIBA, Siemens).
    offset, frame = number_of(ds, "FrameReferenceTime"), number_of(ds, "ActualFrameDuration")
    if offset and frame and offset > 0 and frame > 0:
        decay = math.log(2.0) / half_life_s * frame / 1000.0
        mean_s = frame / 1000.0 / decay * math.log(decay / -math.expm1(-decay))
        return acquired - timedelta(seconds=offset / 1000.0 - mean_s)
    return first


def _units(ds: Dataset) -> str:
    """Units; enhanced objects name them in the real world value mapping (UCUM)."""
    units = (text_words_upper(ds, "Units") or ("",))[0]
    if units:
        return units
    holder = FunctionalGroups(ds).holder(0, "RescaleType")
    rescale_type = (text_words_upper(holder, "RescaleType") or ("",))[0]
    if rescale_type in ("BQML", "CNTS", "GML", "CM2ML"):
        return rescale_type
    shared = items_of(ds, "SharedFunctionalGroupsSequence")
    frames = items_of(ds, "PerFrameFunctionalGroupsSequence")
    for group in (*frames[:1], *shared[:1], ds):
        for item in items_of(group, "RealWorldValueMappingSequence"):
            for code in items_of(item, "MeasurementUnitsCodeSequence"):
                word = (words_of(code, "CodeValue") or ("",))[0].lower()
                if word in ("bq/ml", "bq/ml."):
                    return "BQML"
                if word.startswith("g/ml"):
                    return "GML"
    return ""


def _philips(ds: Dataset, element: int) -> float | None:
    words = _private(ds, 0x7053, "Philips PET Private Group", element)
    try:
        number = float(words[0]) if words else 0.0
    except ValueError:
        return None
    return number if number > 0 else None


def _private(ds: Dataset, group: int, creator: str, element: int) -> tuple[str, ...]:
    """The words of a private element of ``creator``'s block."""
    try:
        value: Any = ds.private_block(group, creator)[element].value
    except MALFORMED:
        return ()
    if isinstance(value, bytes):
        value = value.decode("ascii", "ignore")
    items = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    return tuple(str(item).strip(" \0") for item in items if not isinstance(item, Dataset))


def _positive(ds: Dataset, keyword: str) -> float | None:
    number = number_of(ds, keyword)
    return number if number is not None and number > 0 else None


def _moment(ds: Dataset, date: str, time: str) -> datetime | None:
    day, clock = words_of(ds, date), words_of(ds, time)
    return (
        _date_time((day[0].replace(".", "") + clock[0].replace(":", ""),))
        if day and clock
        else None
    )


def _date_time(words: tuple[str, ...]) -> datetime | None:
    """A DICOM date and time without its zone: all times of one series come from one clock."""
    if not words:
        return None
    text = words[0].split("+")[0].split("-")[0]
    whole, _, fraction = text.partition(".")
    if len(whole) < 12 or not whole.isdigit():
        return None
    try:
        moment = datetime.strptime(whole[:14].ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    seconds = float(f"0.{fraction}") if fraction.isdigit() else 0.0
    return moment + timedelta(seconds=seconds)


def _clock(words: tuple[str, ...]) -> timedelta | None:
    moment = _date_time(("20000101" + words[0].replace(":", ""),)) if words else None
    return None if moment is None else moment - datetime(2000, 1, 1)  # noqa: DTZ001


def _missing(tag: tuple[str, str]) -> _NoSuvError:
    number, name = tag
    return _NoSuvError(
        Message(f"No SUV: {number} {name} is missing.", f"SUV нет: отсутствует {number} {name}.")
    )
