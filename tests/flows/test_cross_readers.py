"""Where other readers agree with each other, we agree with them: same place, same values."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import pytest
import SimpleITK as sitk

from app.core.study import Series, Study
from app.dicom.files.scan import scan
from app.dicom.stacks.grouping import group
from tests.support.cross_readers import (
    by_dcm2niix,
    by_highdicom,
    by_overread,
    by_simpleitk,
    canonical,
    difference,
)
from tests.support.program import overread
from tests.support.shared_data import shared
from tests.support.synthetic_dicom import CORONAL, SAGITTAL, SeriesSpec, write_series

# How many series at least have volumes on which two readers or more agree.
AGREED = {
    "data/studies/ct-20-slices-j2k.zip": 1,
    "data/studies/ct-abdomen-200.zip": 1,
    "data/studies/ct-liver-seg-sr.zip": 3,
    "data/studies/mr-brain-memprage.zip": 0,
    "data/studies/mr-brain-multisequence.zip": 3,
    "data/dicom-corpus/dcm_qa_enh.zip": 0,
    "data/dicom-corpus/pydicom-data.zip": 0,
    "data/dicom-corpus/pydicom.zip": 0,
    "data/dicom-corpus/cornerstone3D.zip": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", AGREED)
def test_volumes_on_which_other_readers_agree(tmp_path: Path, dcm2niix: str, name: str) -> None:
    folder = tmp_path / "files"
    with zipfile.ZipFile(shared(name)) as opened:
        opened.extractall(folder)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    studies = group(scan([folder], workspace=tmp_path / "workspace").records)
    niix = by_dcm2niix(dcm2niix, folder, tmp_path / "niix")
    itk = by_simpleitk(folder)
    compared, faults = 0, []
    all_series = _series_of(studies)
    for study, series in all_series:
        uid = series.series_instance_uid
        # Without a UID in the files each program makes up its own.
        alone = len(all_series) == 1
        others = [_of(niix, uid, alone), _of(itk, uid, alone), by_highdicom(series.stacks)]
        agreed = _agreed(others)
        if not agreed:
            continue
        compared += 1
        ours = by_overread(study, series)
        for theirs in agreed:
            differences = [difference(mine, theirs) for mine in ours]
            if "" not in differences:
                faults.append((uid, series.description, differences, series.stacks[0].why))
    assert faults == []
    assert compared >= AGREED[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "volumes"),
    [("data/dicom-corpus/dcm_qa_enh.zip", 6), ("data/studies/mr-brain-memprage.zip", 2)],
)
def test_time_points_and_mosaics_are_those_of_dcm2niix(
    tmp_path: Path, dcm2niix: str, name: str, volumes: int
) -> None:
    """No other reader here unfolds mosaics or splits one object of several time points."""
    folder = tmp_path / "files"
    with zipfile.ZipFile(shared(name)) as opened:
        opened.extractall(folder)
    studies = group(scan([folder], workspace=tmp_path / "workspace").records)
    niix = by_dcm2niix(dcm2niix, folder, tmp_path / "niix")
    same = 0
    for study, series in _series_of(studies):
        for ours in by_overread(study, series):
            theirs = niix[series.series_instance_uid]
            assert "" in [difference(ours, one) for one in theirs], series.description
            same += 1
    assert same == volumes


@pytest.mark.slow
def test_the_verbs_tell_and_write_what_dcm2niix_writes(tmp_path: Path, dcm2niix: str) -> None:
    archive = shared("data/studies/mr-brain-multisequence.zip")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "files")
    niix = by_dcm2niix(dcm2niix, tmp_path / "files", tmp_path / "niix")
    told = overread("inspect", archive, "--json", "--headers-only", data=tmp_path / "d").json()
    (study,) = told["studies"]
    assert len(study["series"]) == 3
    for series in study["series"]:
        (stack,) = series["stacks"]
        assert (stack["verdict"], stack["health"]["whole"]) == ("ok", True)
        uid, out = series["series_instance_uid"], tmp_path / "volume.nii.gz"
        assert (
            overread("volume", archive, "--series", uid, "--out", out, data=tmp_path / "d").code
            == 0
        )
        image = sitk.ReadImage(str(out))
        assert difference(canonical(image), niix[uid][0]) == ""
        geometry = stack["geometry"]
        assert image.GetOrigin() == pytest.approx(geometry["origin_lps"], abs=1e-3)
        assert image.GetSpacing() == pytest.approx(geometry["spacing_mm"], abs=1e-5)
        assert list(image.GetSize()) == geometry["size_ijk"]


OBLIQUE = (0.6, 0.64, -0.48, -0.8, 0.48, -0.36)
SYNTHETIC = {
    "axial": SeriesSpec(),
    "sagittal": SeriesSpec(orientation=SAGITTAL),
    "coronal": SeriesSpec(orientation=CORONAL),
    "oblique": SeriesSpec(orientation=OBLIQUE),
    "head first, prone": SeriesSpec(orientation=(-1.0, 0, 0, 0, -1.0, 0)),
    "against the normal": SeriesSpec(orientation=OBLIQUE, step_mm=-2.5),
    "unlike pixels": SeriesSpec(pixel_spacing=(1.5, 0.5), step_mm=0.6),
    "slope": SeriesSpec(slope=2.0, intercept=-500.0),
    "magnetic resonance": SeriesSpec(modality="MR", intercept=0.0),
    "run lengths": SeriesSpec(transfer_syntax_uid="1.2.840.10008.1.2.5"),
}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_all_readers_agree_on_made_series(tmp_path: Path, dcm2niix: str, name: str) -> None:
    folder = tmp_path / "files"
    write_series(folder, SYNTHETIC[name])
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    (study,) = group(scan([folder], workspace=tmp_path / "workspace").records)
    (series,) = study.series
    uid = series.series_instance_uid
    (ours,) = by_overread(study, series)
    others = {
        "dcm2niix": by_dcm2niix(dcm2niix, folder, tmp_path / "niix")[uid],
        "SimpleITK": by_simpleitk(folder)[uid],
        "highdicom": by_highdicom(series.stacks),
    }
    for reader, (theirs,) in others.items():
        assert difference(ours, theirs) == "", reader


def _series_of(studies: tuple[Study, ...]) -> list[tuple[Study, Series]]:
    found = [(study, series) for study in studies for series in study.series]
    return [(study, series) for study, series in found if series.modality != "SEG"]


def _of(found: dict[str, list[sitk.Image]], uid: str, alone: bool) -> list[sitk.Image]:
    return list(itertools.chain(*found.values())) if alone else found.get(uid, [])


def _agreed(others: list[list[sitk.Image]]) -> list[sitk.Image]:
    """The images of which every reader that made a volume of the series has one, if two did."""
    have = [images for images in others if any(map(_is_volume, images))]
    if len(have) < 2:
        return []
    first, *rest = have
    return [
        image
        for image in first
        if _is_volume(image)
        and all(any(difference(image, other) == "" for other in images) for images in rest)
    ]


def _is_volume(image: sitk.Image) -> bool:
    return min(image.GetSize()) > 1
