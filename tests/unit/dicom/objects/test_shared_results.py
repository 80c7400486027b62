"""Real objects of other makers, read and compared with highdicom's own reader."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.core.study import Study
from app.dicom.objects.object_kinds import kind_of
from app.dicom.objects.parametric_map import parametric_map
from app.dicom.objects.real_world_values import real_world_maps
from app.dicom.objects.seg_reader import read_segmentation
from app.dicom.objects.sr_measurements import measurement_groups
from app.dicom.objects.sr_tree import read_sr
from app.dicom.objects.structure_set import structure_set
from app.dicom.tolerant import quiet
from tests.support.highdicom_reader import read_seg
from tests.support.opened import open_all
from tests.support.shared_data import shared

_SEGMENTATIONS = "ct-liver-seg-sr/data/segmentations/"


def unpacked(archive: str, folder: Path, *members: str) -> list[Path]:
    """Members of an archive of the shared data whose names begin as given."""
    with zipfile.ZipFile(shared(f"data/{archive}")) as pack:
        names = [n for n in pack.namelist() if n.startswith(members) and not n.endswith("/")]
        return [Path(pack.extract(name, folder)) for name in names]


def study_of(folder: Path, paths: list[Path]) -> Study:
    _, (study, *_) = open_all(folder, *paths)
    return study


def truth(path: Path) -> dict[int, np.ndarray]:
    """Set voxels of every segment in LPS, (n, 3), as highdicom places them."""
    with quiet():
        seg = read_seg(path)
        volume = seg.get_volume(combine_segments=False)
    return {
        number: np.argwhere(volume.array[..., n]) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        for n, number in enumerate(seg.segment_numbers)
    }


@pytest.mark.parametrize(
    ("images", "seg"),
    [
        ("ct-3slice/", "liver.dcm"),
        ("ct-3slice/", "partial_overlaps.dcm"),
        ("23x38x3/image/", "23x38x3/seg/label.seg"),
        ("24x38x3/image/", "24x38x3/seg/label.seg"),
        ("24x38x3/multiframe/", "24x38x3/seg/label.seg"),
        ("24x38x3/image/", "sparse-labelmap-noppv.dcm"),
    ],
)
def test_d01_d05_segments_lie_where_highdicom_puts_them(
    tmp_path: Path, images: str, seg: str
) -> None:
    archive = "studies/ct-liver-seg-sr.zip"
    roots = ("ct-liver-seg-sr/data/segmentations/",)
    paths = unpacked(archive, tmp_path, *(root + images for root in roots))
    (path,) = unpacked(archive, tmp_path, _SEGMENTATIONS + seg)
    found = read_segmentation(path, study_of(tmp_path, paths))
    assert not found.is_resampled
    assert found.geometry is not None
    for number, points in truth(path).items():
        if number == 0:
            continue  # highdicom fills places without a frame with it
        index = found.geometry.lps_to_ijk(points)
        assert np.abs(index - np.rint(index)).max() < 0.05
        i, j, k = np.rint(index).astype(int).T
        expected = np.zeros(found.shape_kji, np.uint8)
        expected[k, j, i] = 1
        assert np.array_equal(found.mask(number).voxels, expected)


@pytest.mark.parametrize(
    "name",
    [
        "seg_image_ct_binary.dcm", "seg_image_ct_binary_overlap.dcm",
        "seg_image_ct_binary_fractional.dcm", "seg_image_ct_true_fractional.dcm",
    ],
)  # fmt: skip
def test_d02_d05_voxels_of_highdicom_s_own_files_are_as_many(tmp_path: Path, name: str) -> None:
    (path,) = unpacked("dicom-corpus/highdicom.zip", tmp_path, f"highdicom/data/test_files/{name}")
    found = read_segmentation(path, study_of(tmp_path, [path]))
    with quiet():
        seg = read_seg(path)
        pixels = seg.get_volume(combine_segments=False).array
    for n, segment in enumerate(found.segments):
        expected = pixels[..., n]
        if found.kind == "FRACTIONAL":
            expected = expected >= 0.5
            assert segment.fractions is not None
            assert np.isclose(segment.fractions.sum(), pixels[..., n].sum(), rtol=1e-5)
        assert segment.voxel_count == np.count_nonzero(expected)


@pytest.mark.parametrize(
    "name", ["liver_nonbyte_aligned", "liver_rle", "liver_nonbyte_aligned_rle"]
)
def test_d04_bits_across_bytes_native_and_compressed(tmp_path: Path, name: str) -> None:
    (path,) = unpacked(
        "dicom-corpus/pydicom-data.zip", tmp_path, f"pydicom-data/data_store/data/{name}.dcm"
    )
    found = read_segmentation(path, study_of(tmp_path, [path]))
    assert found.segment(1).voxel_count == 107098


def test_whole_slide_segmentations_are_refused_in_words(tmp_path: Path) -> None:
    from app.core.errors import DicomReadError

    (path,) = unpacked(
        "dicom-corpus/highdicom.zip", tmp_path, "highdicom/data/test_files/seg_image_sm_control.dcm"
    )
    with pytest.raises(DicomReadError, match="whole slide"):
        read_segmentation(path, study_of(tmp_path, [path]))


def test_d06_numbers_of_a_foreign_report(tmp_path: Path) -> None:
    (path,) = unpacked(
        "studies/ct-liver-seg-sr.zip", tmp_path, "ct-liver-seg-sr/data/sr-example/sr.dcm"
    )
    (group,) = measurement_groups(read_sr(path).root)
    assert group.tracking_id == "primary tumor"
    assert group.tracking_uid == "2.25.318774060119084600392715520575818119084"
    assert group.label == "Neoplasm, Primary"
    assert [(s.segments, s.sop_instance_uid[-6:]) for s in group.segments] == [((1,), "777033")]
    values = {number.kind: (number.value, number.unit) for number in group.measurements}
    assert values["volume"] == (33.5824, "mL")
    assert values["suvbw_mean"] == (6.01529, "{SUVbw}g/ml")
    assert len(group.measurements) == 22


def test_reports_of_the_corpus_are_read_to_the_last_item(tmp_path: Path) -> None:
    (path,) = unpacked(
        "dicom-corpus/pydicom.zip", tmp_path, "pydicom/src/pydicom/data/test_files/test-SR.dcm"
    )
    document = read_sr(path)
    nodes = list(document.root.walk())
    with quiet():
        ds = pydicom.dcmread(path)

    def count(item: pydicom.Dataset) -> int:
        return 1 + sum(count(child) for child in item.get("ContentSequence") or ())

    assert len(nodes) == count(ds)
    assert [one.by for one in document.verified_by] == ["Riesmeier, Jörg", "Observer, Verifying"]
    image = next(node for node in nodes if node.references and node.references[0].frames)
    assert image.references[0].frames == (5, 2)
    assert {node.target for node in nodes if node.target} == {"1.3.2", "1.2.2.1"}


def test_maps_structures_and_real_world_values_of_the_corpus(tmp_path: Path) -> None:
    (path,) = unpacked(
        "dicom-corpus/pydicom-data.zip",
        tmp_path,
        "pydicom-data/data_store/data/parametric_map_float.dcm",
    )
    (volume,) = parametric_map(path).volumes
    with quiet():
        expected = pydicom.dcmread(path).pixel_array
    assert np.array_equal(volume.voxels[0], expected)
    (path,) = unpacked(
        "dicom-corpus/pydicom.zip", tmp_path, "pydicom/src/pydicom/data/test_files/rtstruct.dcm"
    )
    rois = structure_set(path).rois
    assert [(roi.name, roi.kind, len(roi.contours)) for roi in rois] == [
        ("patient", "EXTERNAL", 3),
        ("Isocenter 1", "ISOCENTER", 1),
        ("Isocenter 2", "ISOCENTER", 1),
    ]
    (path,) = unpacked(
        "studies/ct-liver-seg-sr.zip", tmp_path, "ct-liver-seg-sr/data/sr-example/rwvm.dcm"
    )
    one = real_world_maps(path)[0]
    assert one.unit is not None
    assert one.unit.value == "{SUVbw}g/ml"
    assert one.references


def test_kinds_of_objects() -> None:
    assert kind_of("1.2.840.10008.5.1.4.1.1.2", has_pixels=True) is None
    for sop_class, family in (
        ("1.2.840.10008.5.1.4.1.1.88.50", "report"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "key-objects"),
        ("1.2.840.10008.5.1.4.1.1.88.777", "report"),
        ("1.2.840.10008.5.1.4.1.1.104.99", "document"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "unsupported"),
        ("1.2.3.4", "unsupported"),
    ):
        kind = kind_of(sop_class, has_pixels=False)
        assert kind is not None
        assert kind.family == family
        assert kind.name.en
        assert kind.name.ru
