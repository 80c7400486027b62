"""The sample of a pack is reproduced, and a wrong one is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from app.core.errors import ModelPackError
from app.inference.golden import run_golden
from app.inference.pack_store import PackStore
from tests.support import tiny_pack


def pack_with_sample(tmp_path, shift):
    folder = tiny_pack.write_film_pack(tmp_path / "models")
    (folder / "golden").mkdir()
    film = (tiny_pack.film().voxels[0] // 16).astype(np.uint8)
    expected = np.zeros(film.shape, np.uint8)
    expected[tiny_pack.ellipse(150, 200, 0.3, 0.16, shift)] = 1
    expected[tiny_pack.ellipse(150, 200, 0.7, 0.12, shift)] = 2
    Image.fromarray(film).save(folder / "golden" / "input.png")
    Image.fromarray(expected).save(folder / "golden" / "expected.png")
    manifest = tiny_pack.film_manifest("tiny-lungs")
    manifest["golden"] = {
        "input_ref": "golden/input.png",
        "expected_ref": "golden/expected.png",
        "min_dice": 0.97,
    }
    tiny_pack.write_manifest(folder, manifest)
    return PackStore(tmp_path / "models", tmp_path / "user").get("tiny-lungs")


def test_a_sample_that_is_reproduced(tmp_path):
    assert "right lung 0.9" in run_golden(pack_with_sample(tmp_path, 0))


def test_a_sample_that_is_not(tmp_path):
    with pytest.raises(ModelPackError, match="does not reproduce"):
        run_golden(pack_with_sample(tmp_path, 20))
