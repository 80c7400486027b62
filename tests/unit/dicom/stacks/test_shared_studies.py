"""Real studies, cross-checked against two other readers; skipped where the data is absent."""

import csv
import time
import zipfile

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from app.core.errors import AppError
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.stack_reader import StackReader
from app.dicom.tolerant import quiet
from tests.support.opened import open_all
from tests.support.shared_data import shared

STUDIES = "data/studies"
CORPUS = "data/dicom-corpus"


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abdomen")
    with zipfile.ZipFile(shared(f"{STUDIES}/ct-abdomen-200.zip")) as opened:
        opened.extractall(folder)
    return folder


def test_ct_abdomen_is_one_volume_equal_to_gdcm_and_highdicom(abdomen, tmp_path):
    started = time.perf_counter()
    _, (study,) = open_all(tmp_path, abdomen)
    (series,) = study.series
    (stack,) = series.stacks
    first = StackReader(study, series, stack).read_frame(100)
    seconds_to_first = time.perf_counter() - started
    volume = assemble_volume(study, series, stack)
    seconds = time.perf_counter() - started
    assert stack.verdict == "ok"
    assert [w.code for w in stack.warnings] == ["G19"]
    assert stack.quantity == "HU"
    np.testing.assert_array_equal(first, volume.voxels[100])
    assert seconds < 5.0, f"scrollable after {seconds:.1f} s"
    assert seconds_to_first < 3.0

    names = [str(ref.instance.path) for ref in stack.frames]
    by_gdcm = sitk.ReadImage(names)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(by_gdcm), volume.modality_values())
    np.testing.assert_allclose(by_gdcm.GetOrigin(), stack.geometry.origin_lps, atol=1e-4)
    np.testing.assert_allclose(by_gdcm.GetSpacing(), stack.geometry.spacing_ijk, atol=1e-4)
    np.testing.assert_allclose(by_gdcm.GetDirection(), stack.geometry.direction, atol=1e-6)

    with quiet():
        datasets = [pydicom.dcmread(name) for name in names]
        for dataset in datasets:
            dataset.FrameOfReferenceUID = datasets[0].FrameOfReferenceUID
        reference = highdicom.get_volume_from_series(datasets)
    # highdicom indexes (slice, row, column); ours is (i, j, k).
    ours = stack.geometry.affine_lps
    corner = reference.affine @ [10, 20, 30, 1]
    value = reference.array[10, 20, 30]
    i, j, k = np.rint(stack.geometry.lps_to_ijk(corner[:3])).astype(int)
    assert volume.modality_values()[k, j, i] == value
    assert abs(np.linalg.det(ours[:3, :3])) == pytest.approx(
        abs(np.linalg.det(reference.affine[:3, :3])), rel=1e-4
    )


@pytest.mark.parametrize("name", ["mr-brain-multisequence", "ct-20-slices-j2k"])
def test_volumes_equal_those_of_gdcm(tmp_path, name):
    _, studies = open_all(tmp_path, shared(f"{STUDIES}/{name}.zip"))
    compared = 0
    for study in studies:
        for series in study.series:
            for stack in series.stacks:
                assert stack.verdict == "ok"
                volume = assemble_volume(study, series, stack)
                image = sitk.ReadImage([str(ref.instance.path) for ref in stack.frames])
                theirs = sitk.GetArrayFromImage(image)
                np.testing.assert_allclose(theirs, volume.modality_values(), atol=1e-3)
                np.testing.assert_allclose(
                    image.GetDirection(), stack.geometry.direction, atol=1e-4
                )
                np.testing.assert_allclose(
                    image.GetSpacing(), stack.geometry.spacing_ijk, rtol=1e-3
                )
                compared += 1
    assert compared >= 1


def test_uneven_mr_is_not_ok(tmp_path):
    _, (study,) = open_all(tmp_path, shared(f"{STUDIES}/mr-brain-memprage.zip"))
    long = [s.stacks[0] for s in study.series if s.frames > 20]
    assert len(long) == 2
    for stack in long:
        assert stack.verdict == "resampled"
        assert stack.warnings[0].code == "G04"


def test_single_slices_are_no_volumes_and_keep_their_padding(tmp_path):
    _, studies = open_all(tmp_path, shared(f"{STUDIES}/ct-chest-single-slices-20.zip"))
    paddings = set()
    for study in studies:
        for series in study.series:
            (stack,) = series.stacks
            assert (stack.verdict, stack.geometry) == ("stack", None)
            paddings.add(assemble_volume(study, series, stack).padding)
    assert paddings == {None, (-2000, -2000)}


def test_third_party_results_are_listed(tmp_path):
    _, studies = open_all(tmp_path, shared(f"{STUDIES}/ct-liver-seg-sr.zip"))
    series = [one for study in studies for one in study.series]
    kinds = {one.modality for one in series}
    assert {"SEG", "SR", "CT"} <= kinds
    for one in series:
        if one.modality == "SR":
            assert one.frames == 0
            assert one.description.startswith("Comprehensive SR")


def test_films_keep_their_polarity(tmp_path):
    _, (study,) = open_all(tmp_path, shared(f"{STUDIES}/cxr-dx.zip"))
    volumes = [
        assemble_volume(study, series, stack) for series in study.series for stack in series.stacks
    ]
    assert sorted(volume.polarity_inverted for volume in volumes) == [False, True]


@pytest.mark.parametrize(
    "name", ["cornerstone3D", "dcm_qa_enh", "highdicom", "pydicom-data", "pydicom"]
)
def test_corpus_opens_and_decodes_what_the_libraries_decode(tmp_path, name):
    with shared(f"{CORPUS}/manifest.csv").open(encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file) if row["zip"] == f"{name}.zip"}
    with zipfile.ZipFile(shared(f"{CORPUS}/{name}.zip")) as opened:
        opened.extractall(tmp_path / "files")
    found, studies = open_all(tmp_path, tmp_path / "files")
    assert len(found.records) + len(found.skipped) + len(found.unreadable) == found.seen
    failed = []
    for study in studies:
        for series in study.series:
            for stack in series.stacks:
                reader = StackReader(study, series, stack)
                for n, ref in enumerate(stack.frames):
                    relative = ref.instance.path.relative_to(tmp_path / "files").as_posix()
                    row = rows[relative]
                    try:
                        reader.read_frame(n)
                    except AppError:
                        if "True" in (row["pydicom_decodes"], row["simpleitk_reads"]):
                            failed.append(relative)
    assert failed == []
