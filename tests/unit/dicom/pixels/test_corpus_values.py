"""The corpus against pydicom: stored values, colours, modality values, VOI tables."""

import io
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi

from app.core.errors import DicomReadError
from app.core.study import Instance, SeriesRef
from app.core.volume import Rescale, Volume
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.pixels.image_object import ImageObject
from app.dicom.pixels.value_facts import value_facts
from app.dicom.tolerant import MALFORMED, integer_of, quiet
from app.imaging.voi import display_levels
from tests.support.shared_data import shared

ZIPS = ("pydicom", "pydicom-data", "cornerstone3D", "highdicom", "dcm_qa_enh")
CUT_SHORT = {"MR_truncated.dcm"}
"""What no reader can read: the pixel data ends early."""
BROKEN_STREAM = {"JPEG2000-embedded-sequence-delimiter.dcm"}


def objects(name, folder):
    """(path, dataset) of every image in a ZIP of the corpus."""
    with zipfile.ZipFile(shared(f"data/dicom-corpus/{name}.zip")) as archive:
        for member in archive.namelist():
            data = archive.read(member)
            with quiet():
                try:
                    ds = pydicom.dcmread(io.BytesIO(data), force=True)
                    if "Rows" not in ds or not ds.file_meta.get("TransferSyntaxUID"):
                        continue
                    if not {"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(dir(ds)):
                        continue
                except MALFORMED:
                    continue
            path = folder / str(abs(hash(member)))
            path.write_bytes(data)
            yield member.rsplit("/", 1)[-1], path, ds


def image_of(path, ds):
    with quiet():
        frames = integer_of(ds, "NumberOfFrames", 1)
    syntax = str(ds.file_meta.TransferSyntaxUID)
    return ImageObject(Instance(path, "1", "1", syntax, 1, frames, ds.Rows, ds.Columns)), frames


def reference(ds, index):
    """What pydicom makes of a frame, colours as 8 bits; None where it cannot."""
    try:
        with quiet():
            array = pixel_array(ds, index=index)
            if ds.PhotometricInterpretation == "PALETTE COLOR":
                array = apply_color_lut(array, ds)
    except (*MALFORMED, OSError):
        return None
    return array


@pytest.mark.parametrize("name", ZIPS)
def test_frames_of_the_corpus_are_those_of_pydicom(name, tmp_path):
    compared = 0
    for title, path, ds in objects(name, tmp_path):
        image, frames = image_of(path, ds)
        for index in sorted({0, frames // 2, frames - 1}):
            try:
                ours = image.stored_frame(index)
            except DicomReadError:
                assert title in CUT_SHORT | BROKEN_STREAM, title
                continue
            theirs = reference(ds, index)
            if theirs is None:
                continue
            if ours.ndim == 3 and theirs.dtype.itemsize > 1:
                bits = 16 if ds.PhotometricInterpretation == "PALETTE COLOR" else ds.BitsStored
                if ds.PhotometricInterpretation == "PALETTE COLOR" and theirs.max() <= 255:
                    bits = 8  # 8-bit colours in 16-bit entries
                theirs = theirs >> (bits - 8)
            assert ours.shape == theirs.shape, title
            # Two roundings of the same colour transform may differ by one.
            limit = 1 if ours.ndim == 3 else 0
            assert np.abs(ours.astype(float) - theirs).max() <= limit, title
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize("name", ZIPS)
def test_modality_values_and_voi_of_the_corpus_are_those_of_pydicom(name, tmp_path):
    for title, path, ds in objects(name, tmp_path):
        image, _ = image_of(path, ds)
        is_color = ds.get("SamplesPerPixel", 1) > 1 or "PALETTE" in ds.PhotometricInterpretation
        if is_color or title in CUT_SHORT | BROKEN_STREAM or "FunctionalGroups" in str(dir(ds)):
            continue
        stored = image.stored_frame(0)
        with quiet():
            theirs = apply_modality_lut(stored, ds)
            if "DoseGridScaling" not in ds:
                np.testing.assert_allclose(
                    image.modality_frame(0, stored), theirs, rtol=1e-5, atol=1e-3, err_msg=title
                )
            facts = value_facts(ds, FunctionalGroups(ds), 0)
            for window in facts.windows:
                if window.table is None:
                    continue
                volume = Volume(
                    image.modality_frame(0, stored)[None], None, Rescale(), "arbitrary",
                    SeriesRef("1", "2"), windows=facts.windows,
                )  # fmt: skip
                shown = display_levels(volume, volume.voxels[0], window)
                expected = apply_voi(theirs, ds) * (255.0 / ((1 << window.table.bits) - 1))
                assert np.abs(shown - expected).max() <= 1, title
