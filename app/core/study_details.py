"""Details of a study that single rules of the report check look at; all of them may be unknown."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.finding import Label


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """One series of images: its number, how many images, how thick they are (None: not known)."""

    number: int
    images: int
    slice_thickness_mm: float | None = None


@dataclass(frozen=True, slots=True)
class FindingImages:
    """Images ``first <= n <= last`` of a series, counted from 1, on which a finding lies."""

    finding_uid: str
    series: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RequiredItem:
    """What a whole report of this kind must say: one of ``words``, compared without case.

    ``section`` is where (findings, impression...); empty: anywhere.
    """

    label: Label
    words: tuple[str, ...]
    section: str = ""


@dataclass(frozen=True, slots=True)
class TechniqueFacts:
    """How the images were made; None or empty means not known. Dose in mGy and mGy*cm.

    ``phases`` are the contrast phases that were acquired: native, arterial, venous, delayed.
    """

    field_strength_t: float | None = None
    ctdi_vol_mgy: float | None = None
    dlp_mgy_cm: float | None = None
    phases: tuple[str, ...] = ()
