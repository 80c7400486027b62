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
LIST_SCHEMA = "overread.measure-definitions/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--image", type=Path, metavar="FILE", help="modality values; for densities")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="labels from 1")
    parser.add_argument("--what", default="", metavar="NAME,...", help="default: all that apply")
    parser.add_argument(
        "--labels", default="", metavar="NAME=N[+N...],...",
        help="names the structures, such as heart=51,lungs=10+11+12+13+14; or a numbering:"
        " totalsegmentator, totalsegmentator-mr, totalsegmentator-heart, totalsegmentator-tissue",
    )  # fmt: skip
    parser.add_argument(
        "--about", default="", metavar="KEY=VALUE,...",
        help="what is known: age (years), sex (F, M), height (m), weight (kg), kv, contrast, gated,"
        " inspiration, supine (yes, no), kernel (soft, sharp), slice (mm)",
    )  # fmt: skip
    parser.add_argument("--points", default="", metavar="NAME=X/Y/Z,...", help="LPS, such as level")
    parser.add_argument("--list", action="store_true", help="the definitions; measures nothing")
    parser.add_argument("--markdown", action="store_true", help="with --list: the page in docs")
    parser.add_argument("--units", choices=("HU", "arbitrary"), default="HU")
    parser.add_argument("--view", default="", metavar="PA|AP", help="view of a film")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Measure every label of the mask."""
    from app.cli.exit_codes import ExitCode

    if args.list:
        return _list(args)
    mask, geometry, values = _read(args)
    wanted = tuple(name.strip() for name in args.what.split(",") if name.strip())
    rows = _single(args, mask, geometry, values, wanted)
    named, is_preset = _roles(args)
    if _wants_ratio(named, is_preset, mask, wanted):
        rows.append(_ratio(args, mask, geometry))
    if named:
        rows += _regional(args, mask, geometry, values, wanted)
    if args.json:
        answer = {"schema": SCHEMA, "measurements": rows}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, allow_nan=False) + "\n")
        return ExitCode.DONE
    for row in rows:
        value = row["value"]
        shown = "-" if value is None else value if isinstance(value, list) else f"{value:.4g}"
        unit = {"[hnsf'U]": "HU", "1": ""}.get(row["unit"], row["unit"])  # UCUM is for machines
        name = row.get("structure") or row["label"]
        print(f"{name:>22}  {row['kind']:<34} {shown} {unit}  {row['status']}")
        if row.get("note"):
            print(f"{'':>22}  {row['note']}")
    return ExitCode.DONE


def _list(args: argparse.Namespace) -> int:
    """The definitions as text, as JSON or as the page of the documentation."""
    from app.cli.exit_codes import ExitCode
    from app.measure.definitions import definitions
    from app.measure.definitions_page import reference_page

    if args.markdown:
        sys.stdout.write(reference_page())
    elif args.json:
        answer = {"schema": LIST_SCHEMA, "definitions": [one.as_json() for one in definitions()]}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        for one in definitions():
            for kind in one.kinds:
                print(f"{kind.kind:<36} {kind.unit:<9} {one.id:<32} {kind.name.en}")
    return ExitCode.DONE


def _read(
    args: argparse.Namespace,
) -> tuple[npt.NDArray[np.integer[Any]], Geometry, npt.NDArray[Any] | None]:
    """Mask, its grid, and the image's values where an image is given."""
    import numpy as np

    from app.core.errors import InputError
    from app.imaging.nifti import read_nifti
    from app.imaging.resample import turned_onto

    if args.mask is None:
        raise InputError(
            "There is no mask to measure.",
            ru="Нет маски для измерения.",
            hint="Give --mask FILE, or --list for the definitions.",
            hint_ru="Укажите --mask FILE или --list для списка определений.",
        )
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

    from app.measure.methods import OF_TWO_MASKS, REGIONAL
    from app.measure.registry import (
        ATTENUATION,
        DENSITIES,
        SPATIAL_3D,
        measure_labelmap,
        measure_mask,
    )

    kinds = tuple(name for name in wanted if name not in (*OF_TWO_MASKS, *REGIONAL))
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
    from app.measure.roles import parse_roles

    roles, _ = parse_roles(text)
    heart = [n for role, numbers in roles.items() if "heart" in role for n in numbers]
    lungs = [n for role, numbers in roles.items() if "lung" in role for n in numbers]
    if heart and lungs:
        return heart, lungs
    raise InputError(
        "The labels of heart and lungs are not named.",
        ru="Метки сердца и лёгких не названы.",
        hint="Such as: --labels heart=51,lungs=10+11+12+13+14",
        hint_ru="Например: --labels heart=51,lungs=10+11+12+13+14",
    )


def _roles(args: argparse.Namespace) -> tuple[dict[str, tuple[int, ...]], bool]:
    from app.measure.roles import parse_roles

    return parse_roles(args.labels)


def _wants_ratio(
    named: dict[str, tuple[int, ...]],
    is_preset: bool,
    mask: npt.NDArray[np.integer[Any]],
    wanted: tuple[str, ...],
) -> bool:
    """The cardiothoracic ratio: where it is asked for, or both structures are named (and there)."""
    import numpy as np

    if wanted:
        return "cardiothoracic_ratio" in wanted
    heart = [n for role, numbers in named.items() if "heart" in role for n in numbers]
    lungs = [n for role, numbers in named.items() if "lung" in role for n in numbers]
    if not is_preset:
        return bool(heart and lungs)
    return bool(np.isin(mask, heart).any() and np.isin(mask, lungs).any())


def _regional(
    args: argparse.Namespace,
    mask: npt.NDArray[np.integer[Any]],
    geometry: Geometry,
    values: npt.NDArray[Any] | None,
    wanted: tuple[str, ...],
) -> list[dict[str, Any]]:
    """What is measured on named structures."""
    from app.cli.measure_about import about, points_of
    from app.measure.anatomy import Anatomy
    from app.measure.methods import REGIONAL
    from app.measure.regional import measure_anatomy

    kinds = tuple(name for name in wanted if name in REGIONAL)
    if wanted and not kinds:
        return []
    person, protocol = about(args.about, args.view)
    roles, _ = _roles(args)
    anatomy = Anatomy(
        geometry,
        labels=mask,
        roles=roles,
        values=values,
        quantity=args.units,
        person=person,
        protocol=protocol,
        points=points_of(args.points),
    )
    rows = []
    for one in measure_anatomy(anatomy, kinds or None):
        numbers = anatomy.numbers_of(one.structure)
        row = _row(numbers[0] if numbers else 0, one.measurement)
        rows.append({"structure": one.structure} | row)
    return rows


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
    if number.note_ru:
        row["note_ru"] = number.note_ru
    if number.points_lps and not is_point:
        row["points_lps"] = [list(point) for point in number.points_lps]
    if number.point_names:
        row["point_names"] = list(number.point_names)
    if number.uncertainty is not None:
        row["uncertainty"] = {
            "method": number.uncertainty.method,
            "low": number.uncertainty.low,
            "high": number.uncertainty.high,
        }
    if number.reference is not None:
        row["reference"] = {
            "low": number.reference.low,
            "high": number.reference.high,
            "source": number.reference.source,
            "population": number.reference.population,
        }
    return row
