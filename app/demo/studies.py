"""The demonstration studies of one patient, made once and kept: film, CT, prior CT, truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.ct import CtPlan, CtScan, scan
from app.demo.dicom_writer import StudyFrame, write_ct, write_film
from app.demo.mediastinum import ENHANCED, NATIVE
from app.demo.radiograph import Film, FilmPlan, expose
from app.demo.thorax import LOBE_NAMES, NODULE, Visit
from app.demo.truth import (
    CtTruth,
    DemoTruth,
    EffusionTruth,
    NoduleTruth,
    RadiographTruth,
    read_truth,
    write_truth,
)  # fmt: skip
from app.imaging.nifti import write_nifti

VERSION: Final = 1
_MARKER: Final = "complete.json"

_FILM_VISIT: Final = Visit(True, NATIVE, -6.0, 26.0, 9.0)
_CT_VISIT: Final = Visit(False, ENHANCED, 0.0, 22.0, 9.0)
_PRIOR_VISIT: Final = Visit(False, ENHANCED, 5.0, 0.0, 6.0)
_CT_SHIFT_MM: Final = (1.5, -162.0, -610.0)
_PRIOR_SHIFT_MM: Final = (-3.0, -158.5, -585.0)

_FILM: Final = StudyFrame(
    "DX-2026-11-20", "20261120", "091500", "A1001", "Chest PA", "Chest PA", "061Y",
    ("399208008", "Plain chest X-ray"),
)  # fmt: skip
_CT: Final = StudyFrame(
    "CT-2026-11-20", "20261120", "104000", "A1002", "CT chest", "Chest 2.5 mm", "061Y",
    ("169069000", "CT of chest"),
)  # fmt: skip
_PRIOR: Final = StudyFrame(
    "CT-2026-04-15", "20260415", "082000", "A0417", "CT chest", "Chest 2.5 mm", "061Y",
    ("169069000", "CT of chest"),
)  # fmt: skip

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class DemoStudies:
    """Folders of DICOM files, one a study, and what is true of them."""

    radiograph: Path
    ct: Path
    prior_ct: Path
    truth: DemoTruth


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """How finely the phantom is sampled; tests take a coarse one."""

    film: FilmPlan = field(default_factory=FilmPlan)
    ct: CtPlan = field(default_factory=CtPlan)


def ensure_demo(folder: Path, *, progress: Progress | None = None) -> DemoStudies:
    """The studies in ``folder``; made anew unless a complete set of this version is there."""
    marker = folder / _MARKER
    if marker.exists() and json.loads(marker.read_text(encoding="utf-8")) == {"version": VERSION}:
        return DemoStudies(*_folders(folder), read_truth(folder / "truth.json"))
    return write_demo(folder, progress=progress)


def write_demo(
    folder: Path, *, progress: Progress | None = None, plan: DemoPlan | None = None
) -> DemoStudies:
    """Make everything; half a minute on two cores. The same plan gives the same bytes."""
    plan = plan or DemoPlan()
    tell = progress or (lambda _fraction, _text: None)
    radiograph, ct, prior_ct = _folders(folder)
    for part in (radiograph, ct, prior_ct):
        shutil.rmtree(part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).unlink(missing_ok=True)

    film = expose(_FILM_VISIT, plan.film, lambda done: tell(0.3 * done, "Chest film"))
    sop_instance_uid = write_film(film, _FILM, radiograph)
    labels = folder / "radiograph-lungs.nii.gz"
    spacing = (film.pixel_mm, film.pixel_mm)
    write_nifti(labels, film.labels[None], None, pixel_spacing_mm=spacing)

    now = scan(_CT_VISIT, plan.ct, lambda done: tell(0.3 + 0.35 * done, "Chest CT"))
    write_ct(now, _CT, _CT_SHIFT_MM, ct)
    prior_plan = replace(plan.ct, seed=plan.ct.seed + 30)
    prior = scan(_PRIOR_VISIT, prior_plan, lambda done: tell(0.65 + 0.35 * done, "Prior CT"))
    write_ct(prior, _PRIOR, _PRIOR_SHIFT_MM, prior_ct)

    truth = DemoTruth(
        _radiograph_truth(film, sop_instance_uid, labels.name),
        _ct_truth(now, _CT, _CT_VISIT, _CT_SHIFT_MM),
        _ct_truth(prior, _PRIOR, _PRIOR_VISIT, _PRIOR_SHIFT_MM),
    )
    write_truth(truth, folder / "truth.json")
    (folder / _MARKER).write_text(json.dumps({"version": VERSION}), encoding="utf-8")
    tell(1.0, "Done")
    return DemoStudies(radiograph, ct, prior_ct, truth)


def write_film_only(folder: Path, plan: FilmPlan) -> NDArray[np.uint8]:
    """The chest film alone, for checks of an installation; returns its lung labels [j, i]."""
    film = expose(_FILM_VISIT, plan)
    write_film(film, _FILM, folder)
    return film.labels


def _folders(folder: Path) -> tuple[Path, Path, Path]:
    return folder / "radiograph", folder / "ct", folder / "prior-ct"


def _radiograph_truth(film: Film, sop_instance_uid: str, labels: str) -> RadiographTruth:
    pixel_mm2 = film.pixel_mm**2
    return RadiographTruth(
        study_instance_uid=_FILM.study_uid,
        sop_instance_uid=sop_instance_uid,
        labels_file=labels,
        right_lung_area_mm2=float(np.count_nonzero(film.labels == 1) * pixel_mm2),
        left_lung_area_mm2=float(np.count_nonzero(film.labels == 2) * pixel_mm2),
        nodule_column_row=film.nodule_column_row,
        effusion_side="left",
        cardiothoracic_ratio=film.cardiothoracic_ratio,
    )


def _ct_truth(
    made: CtScan, study: StudyFrame, visit: Visit, shift_mm: tuple[float, float, float]
) -> CtTruth:
    x, y, z = (a + b for a, b in zip(NODULE.centre, shift_mm, strict=True))
    diameter = (6.0 * made.nodule_volume_mm3 / np.pi) ** (1 / 3)
    fluid = EffusionTruth("left", made.effusion_ml) if visit.effusion_mm > 0 else None
    return CtTruth(
        study_instance_uid=study.study_uid,
        series_instance_uid=study.series_uid,
        frame_of_reference_uid=study.frame_of_reference_uid,
        nodule=NoduleTruth(
            float(diameter), made.nodule_volume_mm3, (x, y, z), LOBE_NAMES[NODULE.lobe]
        ),
        effusion=fluid,
        right_lung_ml=made.right_lung_ml,
        left_lung_ml=made.left_lung_ml,
    )
