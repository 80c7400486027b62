"""What the voxels say about a pack, on phantoms in Hounsfield units."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.inference.content import content_rules, ct_regions

SPACING = (4.0, 4.0, 5.0)
SHAPE = (40, 100, 100)
ROWS, COLUMNS = np.mgrid[:100, :100] - 49.5


def disc(x: float, y: float, a: float, b: float) -> np.ndarray:
    """An ellipse on one slice, half axes in pixels."""
    return ((COLUMNS - x) / a) ** 2 + ((ROWS - y) / b) ** 2 <= 1


def trunk(lungs: int) -> np.ndarray:
    """A trunk of 40 slices; the upper ``lungs`` of them have lungs."""
    values = np.full(SHAPE, -1000.0)
    values[:, disc(0, 0, 40, 28)] = 40
    values[:, disc(0, 20, 5, 5)] = 500
    values[SHAPE[0] - lungs :, disc(-18, -2, 13, 18) | disc(18, -2, 13, 18)] = -850
    values[: SHAPE[0] - lungs, disc(10, -15, 5, 5)] = -900  # gas in a bowel
    return values


def head() -> np.ndarray:
    """A skull of 8 mm around a brain."""
    values = np.full(SHAPE, -1000.0)
    values[:, disc(0, 0, 20, 25)] = 900
    values[:, disc(0, 0, 18, 23)] = 35
    return values


def volume(values: np.ndarray, *, direction: np.ndarray | None = None, **more: object) -> Volume:
    direction = np.eye(3) if direction is None else direction
    size = values.shape[::-1]
    geometry = Geometry.from_arrays(size, SPACING, (0.0, 0.0, 0.0), direction.ravel(), "1.2.3")
    given = {"rescale": Rescale(1.0, -1024.0), "quantity": "HU"} | more
    stored = np.rint(values + 1024).astype(np.int16)
    return Volume(stored, geometry, source=SeriesRef("1", "2", 0), **given)


def pack(part: str, *, units: str = "HU", dimensions: int = 3) -> SimpleNamespace:
    rule = SimpleNamespace(body_part=(part,))
    return SimpleNamespace(input=SimpleNamespace(units=units, dimensions=dimensions, series=[rule]))


def said(part: str, image: Volume, **more: object) -> dict[str, str]:
    return {rule.rule: rule.level for rule in content_rules(pack(part, **more), image)}


@pytest.mark.parametrize(
    ("part", "values", "level"),
    [
        ("CHEST", trunk(20), "ok"),
        ("CHEST", trunk(0), "refuses"),
        ("ABDOMEN", trunk(20), "ok"),
        ("ABDOMEN", trunk(40), "refuses"),
        ("HEAD", head(), "ok"),
        ("HEAD", trunk(20), "refuses"),
        ("CHEST", head(), "refuses"),
        ("ABDOMEN", head(), "refuses"),
        ("CHEST", trunk(0)[:8], "limits"),
    ],
)
def test_the_part_of_the_body_is_seen_in_the_image_itself(part, values, level) -> None:
    assert said(part, volume(values)) == {"units": "ok", "region": level}


def test_the_part_is_the_same_however_the_axes_lie() -> None:
    values = trunk(20)
    turned = np.ascontiguousarray(values.transpose(1, 0, 2)[:, ::-1])  # a coronal reformat
    geometry = Geometry.from_arrays(
        turned.shape[::-1], (4.0, 5.0, 4.0), (0.0, 0.0, 0.0),
        (1, 0, 0, 0, 0, 1, 0, -1, 0), "1.2.3",
    )  # fmt: skip
    stored = np.rint(turned + 1024).astype(np.int16)
    image = Volume(stored, geometry, Rescale(1.0, -1024.0), "HU", SeriesRef("1", "2", 0))
    assert said("CHEST", image)["region"] == "ok"
    assert said("HEAD", image)["region"] == "refuses"


@pytest.mark.parametrize("shift", [1024, -1024])
def test_values_shifted_by_1024_are_refused(shift) -> None:
    assert said("CHEST", volume(trunk(20) + shift)) == {"units": "refuses"}


def test_a_scanner_whose_air_is_off_is_only_limited() -> None:
    odd = trunk(20)
    odd[odd == -1000] = -1300
    assert said("CHEST", volume(odd))["units"] == "limits"


def test_padding_is_no_air() -> None:
    values = trunk(20)
    values[:, :, :10] = -1024 - 976  # the corner outside the field of view
    image = volume(values, padding=(-976, -976))
    assert said("CHEST", image)["units"] == "ok"


def test_blank_images_are_refused() -> None:
    assert said("CHEST", volume(np.zeros(SHAPE))) == {"content": "refuses"}


def test_evidence_counts_millimetres() -> None:
    found = ct_regions(trunk(20).astype(np.float32), (5.0, 4.0, 4.0))
    assert found.chest_mm == 100
    assert found.abdomen_mm == 100
    assert found.total_mm == 200


@pytest.mark.parametrize(
    ("width", "level"), [(20, "ok"), (34, "refuses"), (9, "limits")], ids=["head", "body", "crop"]
)
def test_a_head_in_mr_has_the_size_of_a_head(width, level) -> None:
    values = np.full(SHAPE, 5.0)
    values[2:-2, disc(0, 0, width, width * 1.3)] = 300
    values[5:-5, disc(0, 0, width * 0.8, width)] = 600
    image = volume(values - 1024, rescale=Rescale(), quantity="arbitrary")
    assert said("BRAIN", image, units="arbitrary") == {"region": level}


def test_a_page_of_text_is_no_film() -> None:
    page = np.zeros((1, 500, 400), np.int16)
    page[0, 100:110] = 255
    image = Volume(page, None, Rescale(), "arbitrary", SeriesRef("1", "2", 0))
    found = list(content_rules(pack("CHEST", units="arbitrary", dimensions=2), image))
    assert [(rule.rule, rule.level) for rule in found] == [("content", "refuses")]
    assert all(rule.text.ru != rule.text.en for rule in found)
