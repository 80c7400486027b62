"""``overread measure``: the morphometry of a mask, no model involved."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from app.core.geometry import Geometry
    from app.core.measurement import Measurement

SCHEMA = "overread.measure/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--image", type=Path, metavar="FILE", help="modality values; for densities")
    parser.add_argument("--mask", type=Path, required=True, metavar="FILE", help="labels from 1")
    parser.add_argument("--what", default="", metavar="NAME,...", help="default: all that apply")
    parser.add_argument(
        "--labels", default="", metavar="NAME=N[+N...],...",
        help="for cardiothoracic_ratio, such as heart=51,lungs=10+11+12+13+14",
    )  # fmt: skip
    parser.add_argument("--units", choices=("HU", "arbitrary"), default="HU")
    parser.add_argument("--view", default="", metavar="PA|AP", help="view of a film")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Measure every label of the mask."""
    from app.cli.exit_codes import ExitCode

    mask, geometry, values = _read(args)
    wanted = tuple(name.strip() for name in args.what.split(",") if name.strip())
    rows = _single(args, mask, geometry, values, wanted)
    if args.labels or "cardiothoracic_ratio" in wanted:
        rows.append(_ratio(args, mask, geometry))
    if args.json:
        answer = {"schema": SCHEMA, "measurements": rows}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, allow_nan=False) + "\n")
        return ExitCode.DONE
    for row in rows:
        value = row["value"]
        shown = "-" if value is None else value if isinstance(value, list) else f"{value:.4g}"
        unit = {"[hnsf'U]": "HU", "1": ""}.get(row["unit"], row["unit"])  # UCUM is for machines
        print(f"{row['label']:>5}  {row['kind']:<22} {shown} {unit}  {row['status']}")
    return ExitCode.DONE


def _read(
    args: argparse.Namespace,
) -> tuple[npt.NDArray[np.integer[Any]], Geometry, npt.NDArray[Any] | None]:
    """Mask, its grid, and the image's values where an image is given."""
    import numpy as np

    from app.core.errors import InputError
    from app.imaging.nifti import read_nifti
    from app.imaging.resample import turned_onto

    for path in filter(None, (args.mask, args.image)):
        if not path.is_file():
            raise InputError(
                f"{path} does not exist.",
                ru=f"{path} не существует.",
                hint="Give a NIfTI or NRRD file.",
                hint_ru="Укажите файл NIfTI или NRRD.",
            )
    labels, geometry = read_nifti(args.mask)
    mask = labels if labels.dtype.kind in "ui" else labels.astype(np.int32)
    if labels.ndim != 3 or not np.array_equal(mask, labels) or mask.min(initial=0) < 0:
        raise InputError(
            f"{args.mask.name} is not a mask: labels are whole numbers from 0.",
            ru=f"{args.mask.name} — не маска: метки — целые числа от 0.",
        )
    if args.image is None:
        return mask, geometry, None
    values, image_geometry = read_nifti(args.image)
    turned = turned_onto(mask, geometry, image_geometry, tolerance_mm=0.1)
    if turned is None:
        raise InputError(
            "Image and mask do not lie on the same grid.",
            ru="Изображение и маска лежат на разных сетках.",
            hint="Resample the mask to the grid of the image first.",
            hint_ru="Сначала приведите маску к сетке изображения.",
        )
    return turned, image_geometry, values


def _single(
    args: argparse.Namespace,
    mask: npt.NDArray[np.integer[Any]],
    geometry: Geometry,
    values: npt.NDArray[Any] | None,
    wanted: tuple[str, ...],
) -> list[dict[str, Any]]:
    """Measurements of each label alone; an empty mask is label 1, absent."""
    import numpy as np

    from app.measure.methods import OF_TWO_MASKS
    from app.measure.registry import (
        ATTENUATION,
        DENSITIES,
        SPATIAL_3D,
        measure_labelmap,
        measure_mask,
    )

    kinds = tuple(name for name in wanted if name not in OF_TWO_MASKS)
    if wanted and not kinds:
        return []
    if not kinds:
        kinds = SPATIAL_3D + (("area",) if mask.shape[0] == 1 else ())
        if values is not None:
            kinds += DENSITIES + (ATTENUATION if args.units == "HU" else ())
    found = measure_labelmap(
        mask, geometry=geometry, values=values, what=kinds, quantity=args.units
    )
    if not found:
        empty = np.zeros(mask.shape, np.uint8)
        found = {1: measure_mask(empty, geometry=geometry, what=kinds, quantity=args.units)}
    return [_row(label, number) for label, numbers in found.items() for number in numbers]


def _ratio(
    args: argparse.Namespace, mask: npt.NDArray[np.integer[Any]], geometry: Geometry
) -> dict[str, Any]:
    import numpy as np

    from app.measure.ratios import cardiothoracic_ratio
    from app.measure.registry import touches_border

    heart, lungs = _named_labels(args.labels)
    heart_mask, lung_mask = np.isin(mask, heart), np.isin(mask, lungs)
    is_film = mask.shape[0] == 1
    cut = touches_border(heart_mask) or touches_border(lung_mask)
    number = cardiothoracic_ratio(
        heart_mask,
        lung_mask,
        geometry=None if is_film else geometry,
        view_position=args.view,
        status="truncated_fov" if cut else "valid",
    )
    return _row(heart[0], number)


def _named_labels(text: str) -> tuple[list[int], list[int]]:
    """Label numbers of heart and lungs in ``heart=3,right_lung=1,left_lung=2``."""
    from app.core.errors import InputError

    heart: list[int] = []
    lungs: list[int] = []
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, numbers = pair.partition("=")
        if not all(n.strip().isdigit() for n in numbers.split("+")):
            heart = []
            break
        target = heart if "heart" in name.lower() else lungs if "lung" in name.lower() else None
        if target is not None:
            target += [int(n) for n in numbers.split("+")]
    if heart and lungs:
        return heart, lungs
    raise InputError(
        "The labels of heart and lungs are not named.",
        ru="Метки сердца и лёгких не названы.",
        hint="Such as: --labels heart=51,lungs=10+11+12+13+14",
        hint_ru="Например: --labels heart=51,lungs=10+11+12+13+14",
    )


def _row(label: int, number: Measurement) -> dict[str, Any]:
    """One measurement as JSON; the value of ``centroid`` is its point."""
    is_point = number.kind == "centroid" and number.value is not None
    row: dict[str, Any] = {
        "label": label,
        "kind": number.kind,
        "value": list(number.points_lps[0]) if is_point else number.value,
        "unit": "mm" if number.kind == "centroid" else number.unit,
        "method": number.method,
        "status": number.status,
    }
    if number.note:
        row["note"] = number.note
    if number.points_lps and not is_point:
        row["points_lps"] = [list(point) for point in number.points_lps]
    return row
