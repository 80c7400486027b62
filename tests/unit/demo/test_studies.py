from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.core.volume import Volume
from app.demo.studies import DemoStudies, ensure_demo, write_demo
from app.demo.truth import read_truth
from app.dicom.files.scan import scan
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.grouping import group
from app.imaging.nifti import read_nifti
from tests.support.coarse_demo import COARSE
from tests.support.validation import dciodvfy_errors


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoStudies:
    return write_demo(tmp_path_factory.mktemp("demo"), plan=COARSE)


def _volume(folder: Path, workspace: Path) -> Volume:
    (study,) = group(scan([folder], workspace=workspace).records)
    (series,) = study.series
    (stack,) = series.stacks
    assert stack.verdict == "ok"
    return assemble_volume(study, series, stack)


def test_truth_comes_back_from_its_file(demo: DemoStudies) -> None:
    assert read_truth(demo.ct.parent / "truth.json") == demo.truth


def test_the_nodule_stands_where_the_truth_says(demo: DemoStudies, tmp_path: Path) -> None:
    for folder, truth in ((demo.ct, demo.truth.ct), (demo.prior_ct, demo.truth.prior_ct)):
        volume = _volume(folder, tmp_path)
        assert volume.geometry is not None
        i, j, k = np.rint(volume.geometry.lps_to_ijk(truth.nodule.centre_lps)).astype(int)
        values = volume.modality_values()
        assert values[k, j, i] > -450, "soft tissue at the centre"
        around = values[k - 2 : k + 3, j - 6 : j + 7, i - 6 : i + 7]
        assert np.median(around) < -700, "in lung"
        assert truth.nodule.lobe == "RUL"
        assert truth.nodule.centre_lps[0] < 0, "patient's right has negative x"


def test_the_nodule_has_grown_and_fluid_is_new(demo: DemoStudies) -> None:
    now, before = demo.truth.ct, demo.truth.prior_ct
    assert now.nodule.volume_mm3 > 2.5 * before.nodule.volume_mm3
    assert now.effusion is not None
    assert now.effusion.side == "left"
    assert 60 < now.effusion.volume_ml < 200
    assert before.effusion is None


def test_fluid_lies_behind_the_left_lung(demo: DemoStudies, tmp_path: Path) -> None:
    volume = _volume(demo.ct, tmp_path)
    before = _volume(demo.prior_ct, tmp_path)
    assert volume.geometry is not None
    left = volume.modality_values()
    # Water beside the left posterior wall, low in the chest; none on the right.
    nodule = np.array(demo.truth.ct.nodule.centre_lps)
    anatomy = nodule - (-66.0, 8.0, 22.0)
    point = volume.geometry.lps_to_ijk(anatomy + np.array([62.0, 78.0, -75.0]))
    i, j, k = np.rint(point).astype(int)
    assert -60 < left[k, j - 1 : j + 2, i - 1 : i + 2].mean() < 80
    mirrored = volume.geometry.lps_to_ijk(anatomy + np.array([-62.0, 78.0, -75.0]))
    i, j, k = np.rint(mirrored).astype(int)
    assert left[k, j - 4 : j + 2, i - 1 : i + 2].min() < -500
    assert before.voxels.shape[1:] == volume.voxels.shape[1:]


def test_the_film_has_its_sides_right(demo: DemoStudies) -> None:
    image = pydicom.dcmread(min(demo.radiograph.iterdir()))
    assert list(image.PatientOrientation) == ["L", "F"]
    labels, _ = read_nifti(demo.radiograph.parent / demo.truth.radiograph.labels_file)
    assert labels.shape[-2:] == image.pixel_array.shape
    columns = np.arange(labels.shape[-1])
    right = (labels[0] == 1).sum(0) @ columns / (labels[0] == 1).sum()
    left = (labels[0] == 2).sum(0) @ columns / (labels[0] == 2).sum()
    assert right < left, "the patient's right lung is image left"
    pixels = image.pixel_array.astype(float)
    middle = pixels.shape[1] // 2
    spine = pixels[pixels.shape[0] // 2 :, middle - 8 : middle + 8]
    assert pixels[labels[0] > 0].mean() < 0.8 * spine.mean(), "lungs darker than the spine"
    # The marker L stands at image right.
    assert np.argmax(pixels[: pixels.shape[0] // 5].max(axis=0)) > pixels.shape[1] / 2


def test_the_same_plan_gives_the_same_bytes(demo: DemoStudies, tmp_path: Path) -> None:
    again = write_demo(tmp_path / "again", plan=COARSE)
    for first, second in ((demo.radiograph, again.radiograph), (demo.ct, again.ct)):
        digests = [
            [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
            for folder in (first, second)
        ]
        assert digests[0] == digests[1]


def test_a_complete_set_is_not_made_again(demo: DemoStudies) -> None:
    file = next(demo.ct.iterdir())
    before = file.stat().st_mtime_ns
    assert ensure_demo(demo.ct.parent) == demo
    assert file.stat().st_mtime_ns == before


def test_a_strict_validator_passes_every_kind_of_file(demo: DemoStudies) -> None:
    for folder in (demo.radiograph, demo.ct, demo.prior_ct):
        assert dciodvfy_errors(min(folder.iterdir())) == []
        assert dciodvfy_errors(max(folder.iterdir())) == []
