"""The known truth of the demonstration patient, typed and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class NoduleTruth:
    """One solid nodule in one study."""

    diameter_mm: float
    """Diameter of the sphere of equal volume."""
    volume_mm3: float
    centre_lps: tuple[float, float, float]
    """Centre in patient coordinates of that study's frame of reference (mm)."""
    lobe: str
    """One of RUL, RML, RLL, LUL, LLL."""


@dataclass(frozen=True, slots=True)
class EffusionTruth:
    """Free pleural fluid in one study."""

    side: str
    """`left` or `right` (of the patient)."""
    volume_ml: float


@dataclass(frozen=True, slots=True)
class CtTruth:
    """What is true of one CT study."""

    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    nodule: NoduleTruth
    effusion: EffusionTruth | None
    right_lung_ml: float
    left_lung_ml: float


@dataclass(frozen=True, slots=True)
class RadiographTruth:
    """What is true of the radiograph. The label image has its rows and columns."""

    study_instance_uid: str
    sop_instance_uid: str
    labels_file: str
    """PNG-free NIfTI label image beside the truth file: 1 right lung, 2 left lung."""
    right_lung_area_mm2: float
    """Area of the right lung field (image left) at the detector."""
    left_lung_area_mm2: float
    nodule_column_row: tuple[float, float]
    """Centre of the nodule's shadow, zero-based (column, row)."""
    effusion_side: str
    cardiothoracic_ratio: float


@dataclass(frozen=True, slots=True)
class DemoTruth:
    """Everything known about the demonstration patient."""

    radiograph: RadiographTruth
    ct: CtTruth
    prior_ct: CtTruth


def write_truth(truth: DemoTruth, path: Path) -> None:
    """Write the truth as JSON."""
    path.write_text(json.dumps(asdict(truth), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _ct(data: dict[str, object]) -> CtTruth:
    nodule, effusion = data["nodule"], data["effusion"]
    if not isinstance(nodule, dict) or not isinstance(effusion, dict | None):
        message = "truth.json: nodule or effusion is not an object"
        raise TypeError(message)
    x, y, z = nodule["centre_lps"]
    return CtTruth(
        study_instance_uid=str(data["study_instance_uid"]),
        series_instance_uid=str(data["series_instance_uid"]),
        frame_of_reference_uid=str(data["frame_of_reference_uid"]),
        nodule=NoduleTruth(
            float(nodule["diameter_mm"]),
            float(nodule["volume_mm3"]),
            (float(x), float(y), float(z)),
            str(nodule["lobe"]),
        ),
        effusion=None
        if effusion is None
        else EffusionTruth(str(effusion["side"]), float(effusion["volume_ml"])),
        right_lung_ml=float(str(data["right_lung_ml"])),
        left_lung_ml=float(str(data["left_lung_ml"])),
    )


def read_truth(path: Path) -> DemoTruth:
    """Read what `write_truth` wrote."""
    data = json.loads(path.read_text(encoding="utf-8"))
    film = data["radiograph"]
    column, row = film.pop("nodule_column_row")
    return DemoTruth(
        radiograph=RadiographTruth(nodule_column_row=(float(column), float(row)), **film),
        ct=_ct(data["ct"]),
        prior_ct=_ct(data["prior_ct"]),
    )
