"""Attention maps as DICOM: read back by another program, on the film they belong to."""

from __future__ import annotations

import highdicom as hd
import numpy as np
import pydicom
import pytest

from app.core.errors import GeometryError
from app.dicom.writing.authoring import Algorithm, write_dataset
from app.dicom.writing.map_writer import MapRequest, write_map
from tests.dicom_out import results
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series
from tests.support.validation import dciodvfy_errors

_MODEL = Algorithm("cxr-tiny", "1.0.0", "Overread")


def _request(paths, values):
    return MapRequest(
        results.source_of(paths), values, "opacity", _MODEL, results.identity("map"),
        results.AT_UTC,
    )  # fmt: skip


def _written(tmp_path, paths, values):
    return write_dataset(write_map(_request(paths, values)), tmp_path / "map.dcm")


def _group(image, keyword):
    groups = (*image.SharedFunctionalGroupsSequence, *image.PerFrameFunctionalGroupsSequence)
    return next(group[keyword].value for group in groups if keyword in group)


def _wave(shape):
    k, j, i = np.indices(shape)
    return ((np.sin(i / 5.0) * np.cos(j / 7.0 + k) + 1) / 2).astype(np.float32)


@pytest.mark.parametrize("body_part", ["CHEST", ""])
def test_a_map_of_a_film_reads_back_and_is_valid(tmp_path, body_part):
    def change(ds):
        ds.BodyPartExamined = body_part

    film = write_projection(tmp_path / "film.dcm", change=change)
    header = pydicom.dcmread(film)
    values = _wave((1, header.Rows, header.Columns))
    path = _written(tmp_path, [film], values)
    assert dciodvfy_errors(path) == []
    back = hd.imread(path)
    np.testing.assert_allclose(
        back.get_frame(1, apply_real_world_transform=True), values[0], atol=1 / 255
    )
    (mapping,) = _group(back, "RealWorldValueMappingSequence")
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("130402", "DCM")
    assert back.PatientID == header.PatientID
    (source,) = _group(back, "DerivationImageSequence")[0].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert back.FrameOfReferenceUID != header.get("FrameOfReferenceUID", "")


def test_a_map_of_slices_lies_in_their_frame_of_reference(tmp_path):
    paths = write_series(tmp_path / "ct", SeriesSpec(rows=23, columns=19, count=4))
    path = _written(tmp_path, paths, _wave((4, 23, 19)))
    assert dciodvfy_errors(path) == []
    assert hd.imread(path).FrameOfReferenceUID == pydicom.dcmread(paths[0]).FrameOfReferenceUID


def test_a_map_of_other_images_is_refused(tmp_path):
    film = write_projection(tmp_path / "film.dcm")
    with pytest.raises(GeometryError):
        write_map(_request([film], np.zeros((2, 48, 40), np.float32)))
