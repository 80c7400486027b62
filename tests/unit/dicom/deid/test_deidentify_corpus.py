"""Real objects of many writers: every one comes through or is refused in words, without names."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.valuerep import DA

from app.core.errors import DeidentifyError, DicomReadError
from app.demo.studies import DemoStudies, write_demo
from app.dicom.deid.codestream import clean_streams
from app.dicom.deid.deidentify import Deidentifier
from app.dicom.deid.options import DeidentifyOptions
from app.dicom.deid.pixels import clear_unused_bits
from app.dicom.files.headers import read_dataset
from app.dicom.files.scan import looks_like_dicom
from app.dicom.tolerant import MALFORMED, quiet
from tests.support.coarse_demo import COARSE
from tests.support.highdicom_reader import read_seg
from tests.support.shared_data import shared
from tests.support.validation import dciodvfy_errors
from tests.unit.dicom.deid.deid_objects import ALL_OPTIONS, KEY

_LARGEST_BYTES = 4_000_000
_IDENTIFYING = ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID", "PatientAddress")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoStudies:
    return write_demo(tmp_path_factory.mktemp("demo"), plan=COARSE)


def _objects(archive: Path, folder: Path) -> Iterator[tuple[str, Dataset]]:
    with zipfile.ZipFile(archive) as source:
        for n, entry in enumerate(source.infolist()):
            if entry.is_dir() or entry.file_size > _LARGEST_BYTES:
                continue
            content = source.read(entry)
            if not looks_like_dicom(content[:132]):
                continue
            path = folder / f"{n}.dcm"
            path.write_bytes(content)
            try:
                yield entry.filename, read_dataset(path)
            except DicomReadError:
                continue


def _cleaned(ds: Dataset, options: DeidentifyOptions) -> Dataset:
    clear_unused_bits(ds)
    clean_streams(ds)
    return Deidentifier(options, KEY).apply(ds)[0]


def _told(ds: Dataset) -> list[str]:
    """The original's identifying values that are long enough to be no coincidence."""
    found = []
    for keyword in _IDENTIFYING:
        try:
            found.append(str(ds.get(keyword) or ""))
        except MALFORMED:
            continue
    return [value for value in found if len(value) >= 6]


@pytest.mark.parametrize("name", ["pydicom", "pydicom-data", "highdicom", "cornerstone3D"])
@pytest.mark.parametrize("options", [DeidentifyOptions(), ALL_OPTIONS], ids=["basic", "options"])
def test_d17_the_corpus_comes_through_without_its_names(
    name: str, options: DeidentifyOptions, tmp_path: Path
) -> None:
    archive = shared(f"data/dicom-corpus/{name}.zip")
    done = 0
    for member, ds in _objects(archive, tmp_path):
        with quiet():
            told = _told(ds)
            try:
                out = _cleaned(ds, options)
            except DeidentifyError:
                continue
            out.save_as(tmp_path / "out.dcm", enforce_file_format=True)
            again = read_dataset(tmp_path / "out.dcm", pixels=False)
            shown = again.to_json(suppress_invalid_tags=True)
        for value in told:
            assert value not in shown, member
        done += 1
    assert done > 5


@pytest.mark.parametrize("options", [DeidentifyOptions(), ALL_OPTIONS], ids=["basic", "options"])
def test_valid_objects_stay_valid_and_a_prior_stays_a_prior(
    options: DeidentifyOptions, demo: DemoStudies, tmp_path: Path
) -> None:
    """The demonstration's film, CT and earlier CT: one patient, valid before and after."""
    found = []
    for folder in (demo.radiograph, demo.ct, demo.prior_ct):
        ds = read_dataset(min(folder.iterdir()))
        path = tmp_path / f"{folder.name}.dcm"
        out = _cleaned(ds, options)
        out.save_as(path, enforce_file_format=True)
        assert dciodvfy_errors(path) == []
        found.append((ds, out))
    assert len({str(out.PatientID) for _, out in found}) == 1
    assert len({str(out.StudyInstanceUID) for _, out in found}) == 3
    if options.dates == "shift":
        shifts = {DA(ds.StudyDate) - DA(out.StudyDate) for ds, out in found}
        assert len(shifts) == 1
        assert shifts.pop().days > 0


def test_real_films_stay_valid(tmp_path: Path) -> None:
    for n, (_member, ds) in enumerate(_objects(shared("data/studies/cxr-dx.zip"), tmp_path)):
        before, after = tmp_path / f"before-{n}.dcm", tmp_path / f"after-{n}.dcm"
        with quiet():
            ds.save_as(before, enforce_file_format=True)
        for options in (DeidentifyOptions(), ALL_OPTIONS):
            with quiet():
                _cleaned(ds, options).save_as(after, enforce_file_format=True)
            assert set(dciodvfy_errors(after)) <= set(dciodvfy_errors(before))


def test_segmentation_and_report_of_another_maker_still_fit_their_images(tmp_path: Path) -> None:
    archive = shared("data/studies/ct-liver-seg-sr.zip")
    kinds: dict[str, list[Path]] = {}
    for n, (_member, ds) in enumerate(_objects(archive, tmp_path)):
        before = tmp_path / f"before-{n}.dcm"
        after = tmp_path / f"after-{n}.dcm"
        with quiet():
            ds.save_as(before, enforce_file_format=True)
            _cleaned(ds, ALL_OPTIONS).save_as(after, enforce_file_format=True)
        kinds.setdefault(str(ds.Modality), []).append(after)
        if ds.Modality != "CT" or len(kinds["CT"]) == 1:
            assert set(dciodvfy_errors(after)) <= set(dciodvfy_errors(before))
    fitting = 0
    images = {str(pydicom.dcmread(path).SOPInstanceUID) for path in kinds["CT"]}
    with quiet():
        for path in kinds["SEG"]:
            seg = read_seg(path)
            sources = {str(uid) for _, _, uid in seg.get_source_image_uids()}
            related = bool(sources & images)
            fitting += related
            assert sources <= images if related else sources
        for path in kinds.get("SR", []):
            hd.sr.srread(path)
    assert fitting
