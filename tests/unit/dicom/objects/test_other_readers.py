"""Key objects, presentation states, structure sets, documents, real world values, maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from app.core.errors import DicomReadError, FrameOfReferenceMismatch, GeometryError
from app.core.geometry import Geometry
from app.dicom.objects.encapsulated import encapsulated_document
from app.dicom.objects.key_objects import key_object_refs
from app.dicom.objects.parametric_map import parametric_map
from app.dicom.objects.presentation_state import presentation_state
from app.dicom.objects.real_world_values import real_world_maps
from app.dicom.objects.structure_set import rasterised, structure_set
from tests.support.synthetic_dicom import save, uid
from tests.support.synthetic_objects import (
    KEY_OBJECTS,
    PARAMETRIC_MAP,
    RWVM,
    STL,
    an_object,
    coded,
    image,
    item,
    reference,
    write_document,
    write_presentation_state,
    write_report,
    write_structure_set,
)
from tests.support.synthetic_seg import code

GRID = Geometry.from_arrays(
    (20, 24, 6), (0.7, 0.8, 2.0), (-10.0, -20.0, 30.0), np.eye(3), uid("frame")
)


def test_key_objects_name_images_frames_and_the_reason(tmp_path: Path) -> None:
    path = write_report(
        tmp_path / "ko",
        [
            coded(("113011", "DCM", "Document Title Modifier"),
                  ("113001", "DCM", "Rejected for Quality Reasons"), "HAS CONCEPT MOD"),
            item("TEXT", ("113012", "DCM", "Key Object Description"), TextValue="движение"),
            item("PNAME", ("121008", "DCM", "Person Observer Name"), PersonName="Ли^Анна"),
            image(uid("a")),
            image(uid("b"), frames=(3, 5)),
        ],
        sop_class=KEY_OBJECTS,
        title=("113000", "DCM", "Of Interest"),
    )  # fmt: skip
    found = key_object_refs(path)
    assert (found.title, found.reasons) == ("Of Interest", ("Rejected for Quality Reasons",))
    assert (found.description, found.observers) == ("движение", ("Ли, Анна",))
    assert [(one.sop_instance_uid, one.frames) for one in found.references] == [
        (uid("a"), ()), (uid("b"), (3, 5)),
    ]  # fmt: skip


def test_a_presentation_state_says_all_that_it_wants(tmp_path: Path) -> None:
    state = presentation_state(write_presentation_state(tmp_path / "pr", uid("ct")))
    assert (state.label, state.description) == ("LESION", "очаг отмечен")
    assert state.creator == "Petrov, Ivan"
    (voi,) = state.voi
    assert [(w.center, w.width, w.explanation) for w in voi.windows] == [
        (40.0, 400.0, "soft"), (-600.0, 1500.0, "lung"),
    ]  # fmt: skip
    (area,) = state.areas
    assert (area.top_left, area.bottom_right, area.size_mode) == ((3, 5), (10, 20), "SCALE TO FIT")
    assert (state.rotation_deg, state.is_flipped) == (90, True)
    assert state.layers == ("BOTTOM", "TOP")
    (annotation,) = state.annotations
    assert annotation.texts[0].text == "очаг 9 мм"
    assert annotation.texts[0].anchor == (4.5, 6.5)
    assert annotation.shapes[0].kind == "CIRCLE"
    assert annotation.shapes[0].points == ((4.5, 6.5), (4.5, 9.5))
    assert state.concerns(uid("ct"), 2)
    assert not state.concerns(uid("ct"), 1)
    assert not state.concerns(uid("other"), 2)
    assert not state.is_inverted


def test_i01_the_state_alone_decides_the_polarity(tmp_path: Path) -> None:
    path = write_presentation_state(
        tmp_path / "pr", uid("ct"), PresentationLUTShape="INVERSE", ShutterShape="RECTANGULAR"
    )
    state = presentation_state(path)
    assert state.is_inverted
    assert state.not_shown == ("Display Shutter",)


def square(low: float, high: float, k: float) -> np.ndarray:
    """A square outline in index space of slice ``k``, as LPS points."""
    corners = [(low, low, k), (high, low, k), (high, high, k), (low, high, k)]
    return GRID.ijk_to_lps(corners)


def test_a_region_is_filled_by_voxel_centres_even_odd(tmp_path: Path) -> None:
    outlines = [square(2.5, 9.5, 1), square(4.5, 6.5, 1), square(2.5, 9.5, 2)]
    path = write_structure_set(tmp_path / "rt", outlines, GRID.frame_of_reference_uid)
    found = structure_set(path)
    ptv, empty = found.rois
    assert (ptv.name, ptv.kind, ptv.color_rgb, len(ptv.contours)) == (
        "PTV",
        "PTV",
        (255, 0, 128),
        3,
    )
    assert empty.contours == ()
    expected = np.zeros(GRID.shape_kji, np.uint8)
    expected[1:3, 3:10, 3:10] = 1
    expected[1, 5:7, 5:7] = 0
    assert np.array_equal(rasterised(ptv, GRID), expected)
    assert not rasterised(empty, GRID).any()


def test_contours_further_apart_than_slices_fill_between(tmp_path: Path) -> None:
    outlines = [square(2.5, 9.5, 0), square(2.5, 9.5, 3)]
    path = write_structure_set(tmp_path / "rt", outlines, GRID.frame_of_reference_uid)
    mask = rasterised(structure_set(path).rois[0], GRID)
    assert [int(plane.sum()) for plane in mask] == [49, 49, 49, 49, 49, 0]


def test_a_slanted_outline_keeps_its_area(tmp_path: Path) -> None:
    fine = Geometry.from_arrays((200, 200, 1), (0.1, 0.1, 1), (0, 0, 0), np.eye(3), uid("frame"))
    triangle = np.array([[1.0, 1.0, 0.0], [15.0, 3.0, 0.0], [6.0, 17.0, 0.0]])
    path = write_structure_set(tmp_path / "rt", [triangle], uid("frame"))
    mask = rasterised(structure_set(path).rois[0], fine)
    exact = 0.5 * abs((15 - 1) * (17 - 1) - (6 - 1) * (3 - 1))
    assert abs(mask.sum() * 0.01 - exact) / exact < 0.005


def test_structures_of_another_space_or_plane_are_refused(tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rt", [square(2.5, 9.5, 1)], uid("elsewhere"))
    roi = structure_set(path).rois[0]
    with pytest.raises(FrameOfReferenceMismatch):
        rasterised(roi, GRID)
    turned = replace(GRID, direction=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0))
    with pytest.raises(GeometryError, match="planes"):
        rasterised(replace(roi, frame_of_reference_uid=""), turned)


def test_documents_come_out_as_they_went_in(tmp_path: Path) -> None:
    data = b"%PDF-1.7 something odd"[:-1]
    assert len(data) % 2
    found = encapsulated_document(write_document(tmp_path / "pdf", data))
    assert (found.data, found.mime_type, found.title) == (data, "application/pdf", "Заключение")
    assert found.doubt is None
    facet = b"\0" * 80 + (1).to_bytes(4, "little") + b"\0" * 50
    stl = encapsulated_document(
        write_document(tmp_path / "stl", facet, sop_class=STL, mime_type="model/stl")
    )
    assert stl.doubt is None


def test_d19_documents_that_are_not_what_they_say(tmp_path: Path) -> None:
    doubtful = encapsulated_document(write_document(tmp_path / "pdf", b"MZ not a PDF at all"))
    assert doubtful.doubt is not None
    assert "application/pdf" in doubtful.doubt.ru
    short = write_document(tmp_path / "short", b"%PDF-1.7", EncapsulatedDocumentLength=4000)
    with pytest.raises(DicomReadError, match="cut short"):
        encapsulated_document(short)
    empty = write_document(tmp_path / "none", b"%PDF", EncapsulatedDocument=None)
    with pytest.raises(DicomReadError, match="no document"):
        encapsulated_document(empty)


def mapping(**values: object) -> Dataset:
    one = Dataset()
    one.LUTLabel, one.LUTExplanation = "ADC", "apparent diffusion"
    one.MeasurementUnitsCodeSequence = DicomSequence([code("um2/s", "UCUM", "um2/s")])
    for keyword, value in values.items():
        setattr(one, keyword, value)
    return one


def test_real_world_values_are_linear_or_a_table(tmp_path: Path) -> None:
    ds = an_object(RWVM, "rwv")
    holder = Dataset()
    holder.ReferencedImageSequence = DicomSequence([reference("1.2", uid("mr"), frames=(1,))])
    holder.RealWorldValueMappingSequence = DicomSequence([
        mapping(RealWorldValueSlope=0.5, RealWorldValueIntercept=-3.0,
                DoubleFloatRealWorldValueFirstValueMapped=0.0,
                DoubleFloatRealWorldValueLastValueMapped=100.0),
        mapping(RealWorldValueLUTData=[1.0, 4.0, 9.0],
                DoubleFloatRealWorldValueFirstValueMapped=10.0,
                DoubleFloatRealWorldValueLastValueMapped=12.0),
    ])  # fmt: skip
    ds.ReferencedImageRealWorldValueMappingSequence = DicomSequence([holder])
    linear, table = real_world_maps(save(ds, tmp_path / "rwv"))
    assert (linear.value(10), linear.value(101)) == (2.0, None)
    assert (table.value(11), table.value(13)) == (4.0, None)
    assert linear.unit is not None
    assert linear.unit.value == "um2/s"
    assert linear.references[0].sop_instance_uid == uid("mr")


def write_map(path: Path, values: np.ndarray, order: list[int]) -> Path:
    """A float map whose frames lie in ``order`` in the file."""
    ds = an_object(PARAMETRIC_MAP, path.name)
    ds.Modality = "MR"
    ds.FrameOfReferenceUID = GRID.frame_of_reference_uid
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [GRID.spacing_ijk[1], GRID.spacing_ijk[0]]
    measures.SliceThickness = measures.SpacingBetweenSlices = GRID.spacing_ijk[2]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PlaneOrientationSequence = DicomSequence([orientation])
    shared.RealWorldValueMappingSequence = DicomSequence(
        [mapping(RealWorldValueSlope=2.0, RealWorldValueIntercept=1.0)]
    )
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for k in order:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = [float(n) for n in GRID.ijk_to_lps((0, 0, k))]
        group.PlanePositionSequence = DicomSequence([position])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    ds.NumberOfFrames, ds.Rows, ds.Columns = len(order), *values.shape[1:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = values.dtype.itemsize * 8
    raw = values[order].tobytes()
    if values.dtype == np.float32:
        ds.FloatPixelData = raw
    else:
        ds.DoubleFloatPixelData = raw
    return save(ds, path)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_map_is_a_volume_in_its_unit_whatever_the_order(tmp_path: Path, kind: type) -> None:
    values = np.arange(6 * 24 * 20, dtype=kind).reshape(6, 24, 20)
    found = parametric_map(write_map(tmp_path / "map", values, [3, 0, 5, 1, 4, 2]))
    (volume,) = found.volumes
    assert volume.geometry is not None
    assert volume.geometry.same_grid(GRID)
    assert volume.voxels.dtype == kind
    assert np.array_equal(volume.voxels, values * 2 + 1)
    assert (volume.quantity, found.maps[0].label) == ("um2/s", "ADC")


def test_a_map_with_two_frames_at_each_place_is_two_volumes(tmp_path: Path) -> None:
    values = np.arange(6 * 24 * 20, dtype=np.float32).reshape(6, 24, 20)
    found = parametric_map(write_map(tmp_path / "map", values, [0, 1, 2, 0, 1, 2]))
    assert [volume.voxels.shape[0] for volume in found.volumes] == [3, 3]


def test_a_map_without_places_is_refused_in_words(tmp_path: Path) -> None:
    path = write_map(tmp_path / "map", np.zeros((6, 24, 20), np.float32), [0, 1])
    ds = pydicom.dcmread(path)
    for groups in ds.PerFrameFunctionalGroupsSequence:
        del groups.PlanePositionSequence
    ds.save_as(path)
    with pytest.raises(GeometryError, match="do not say where they lie"):
        parametric_map(path)
    del ds.PerFrameFunctionalGroupsSequence
    ds.save_as(path)
    with pytest.raises(DicomReadError, match="more frames than it describes"):
        parametric_map(path)
