"""Objects of many frames: each kind keeps the place of its frames elsewhere."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from app.dicom.stacks.assemble import assemble_volume
from tests.support.opened import codes, open_series, open_stack
from tests.support.synthetic_dicom import (
    AXIAL,
    SAGITTAL,
    SeriesSpec,
    base_dataset,
    linear_hu,
    put_pixels,
    save,
    slice_points_lps,
    write_enhanced_mr,
    write_projection,
)

SPEC = SeriesSpec(modality="MR", intercept=0.0, rows=10, columns=8, count=6)


def values_of_places(geometry):
    i, j, k = geometry.size_ijk
    index = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="ij"), -1)
    return linear_hu(geometry.ijk_to_lps(index)).transpose(2, 1, 0)


def assert_true_volume(tmp_path, path, spec=SPEC, modality=None):
    study, series, stack = open_stack(tmp_path, path)
    assert stack.verdict == "ok"
    assert modality in (None, series.modality)
    np.testing.assert_allclose(stack.geometry.spacing_ijk, (0.7, 0.8, spec.step_mm), atol=1e-6)
    volume = assemble_volume(study, series, stack)
    error = np.abs(volume.modality_values() - values_of_places(stack.geometry))
    assert error.max() <= 0.51
    return stack


def as_class(sop_class_uid, modality):
    def change(ds, n):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class_uid
        ds.Modality = modality

    return change


@pytest.mark.parametrize(
    ("sop_class_uid", "modality"),
    [
        ("1.2.840.10008.5.1.4.1.1.2.1", "CT"),
        ("1.2.840.10008.5.1.4.1.1.2.2", "CT"),
        ("1.2.840.10008.5.1.4.1.1.4.1", "MR"),
        ("1.2.840.10008.5.1.4.1.1.4.4", "MR"),
        ("1.2.840.10008.5.1.4.1.1.130", "PT"),
        ("1.2.840.10008.5.1.4.1.1.128.1", "PT"),
        ("1.2.840.10008.5.1.4.1.1.13.1.1", "XA"),
        ("1.2.840.10008.5.1.4.1.1.13.1.2", "DX"),
        ("1.2.840.10008.5.1.4.1.1.13.1.3", "MG"),
    ],
)
def test_g12_enhanced_and_legacy_converted_objects_are_volumes(tmp_path, sop_class_uid, modality):
    spec = SeriesSpec(
        modality="MR", intercept=0.0, rows=10, columns=8, count=6, orientation=SAGITTAL,
        change=as_class(sop_class_uid, modality),
    )  # fmt: skip
    write_enhanced_mr(tmp_path / "e", spec)
    stack = assert_true_volume(tmp_path, tmp_path / "e", spec, modality)
    assert [ref.frame for ref in stack.frames] != list(range(1, 7))


def test_a_parametric_map_is_a_volume_of_its_real_numbers(tmp_path):
    def as_map(ds, n):
        as_class("1.2.840.10008.5.1.4.1.1.30", "MR")(ds, n)
        stored = np.frombuffer(ds.PixelData, np.int16).astype(np.float32)
        del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
        ds.BitsAllocated = 32
        ds.FloatPixelData = stored.tobytes()

    spec = SeriesSpec(
        modality="MR", intercept=0.0, rows=10, columns=8, count=6, change=as_map
    )  # fmt: skip
    write_enhanced_mr(tmp_path / "map", spec)
    assert_true_volume(tmp_path, tmp_path / "map", spec)


def test_g12_plane_per_frame_and_top_level_are_both_found(tmp_path):
    def move(ds, n):
        (shared,) = ds.SharedFunctionalGroupsSequence
        # Orientation in each frame, spacing at the top where it does not belong but is found.
        for frame in ds.PerFrameFunctionalGroupsSequence:
            frame.PlaneOrientationSequence = shared.PlaneOrientationSequence
        ds.PixelSpacing = shared.PixelMeasuresSequence[0].PixelSpacing
        del shared.PlaneOrientationSequence, shared.PixelMeasuresSequence

    spec = SeriesSpec(modality="MR", intercept=0.0, rows=10, columns=8, count=6, change=move)
    write_enhanced_mr(tmp_path / "e", spec)
    assert_true_volume(tmp_path, tmp_path / "e", spec)


def per_frame(change):
    def apply(ds, n):
        for index, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
            change(frame, index)

    return apply


def write_4d(path, change):
    positions = [2.0 * (n % 4) for n in range(12)]
    spec = SeriesSpec(
        modality="MR", intercept=0.0, rows=10, columns=8, positions_mm=positions, change=change
    )
    return write_enhanced_mr(path, spec, order=range(12))


def item(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return Sequence([ds])


@pytest.mark.parametrize(
    "group",
    [
        lambda n: {"FrameContentSequence": item(TemporalPositionIndex=n // 4 + 1)},
        lambda n: {"MREchoSequence": item(EffectiveEchoTime=10.0 * (n // 4 + 1))},
        lambda n: {"MRDiffusionSequence": item(DiffusionBValue=500.0 * (n // 4))},
        lambda n: {"MRModifierSequence": item(InversionTimes=[100.0 * (n // 4 + 1)])},
        lambda n: {
            "CardiacSynchronizationSequence": item(NominalCardiacTriggerDelayTime=50.0 * (n // 4))
        },
        lambda n: {
            "MRDiffusionSequence": item(
                DiffusionBValue=1000.0,
                DiffusionGradientDirectionSequence=item(
                    DiffusionGradientOrientation=[float(n // 4 == axis) for axis in range(3)]
                ),
            )
        },
        lambda n: {"UnassignedPerFrameConvertedAttributesSequence": item(FlipAngle=n // 4 + 5.0)},
        lambda n: {"FrameContentSequence": item(DimensionIndexValues=[n % 4 + 1, n // 4 + 1])},
    ],
    ids=["time", "echo", "b-value", "inversion", "trigger", "direction", "legacy", "dimension"],
)  # fmt: skip
def test_g09_volumes_in_one_enhanced_object_are_told_apart(tmp_path, group):
    def put(frame, index):
        for keyword, value in group(index).items():
            setattr(frame, keyword, value)

    def change(ds, n):
        per_frame(put)(ds, n)
        place, other = Dataset(), Dataset()
        place.DimensionIndexPointer, other.DimensionIndexPointer = 0x00209057, 0x00189073
        ds.DimensionIndexSequence = Sequence([place, other])

    write_4d(tmp_path / "e", change)
    _, series = open_series(tmp_path, tmp_path / "e")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 4)] * 3


def test_g12_concatenated_parts_are_one_volume_and_a_lost_part_is_known(tmp_path):
    for part, first in ((1, 0.0), (2, 8.0)):

        def state(ds, n, part=part):
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{part}"
            ds.InConcatenationNumber, ds.InConcatenationTotalNumber = part, 3

        positions = [first + 2.0 * n for n in range(4)]
        spec = SeriesSpec(modality="MR", intercept=0.0, positions_mm=positions, change=state)
        write_enhanced_mr(tmp_path / "e" / str(part), spec, order=range(4))
    _, _, stack = open_stack(tmp_path, tmp_path / "e")
    assert (stack.verdict, len(stack.frames)) == ("ok", 8)
    assert (stack.health.expected_frames, stack.health.is_whole) == (9, False)
    assert "InConcatenationTotalNumber" in stack.health.notes[0].en


def multi_frame(sop_class_uid, modality, spec=SPEC, order=None):
    """A classic multi-frame object with the planes of ``spec`` and one position at the top."""
    ds = base_dataset(sop_class_uid, study=spec.study, series=spec.name, instance=modality)
    ds.Modality, ds.InstanceNumber = modality, 1
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    order = order if order is not None else range(spec.count)
    planes = [slice_points_lps(spec, n * spec.step_mm) for n in order]
    put_pixels(ds, np.stack([np.round(spec.values(points)) for _, points in planes]).astype("i2"))
    ds.PixelSpacing = list(spec.pixel_spacing)
    return ds, [float(v) for v in planes[0][0]]


def write_nuclear(path, *, order=None, spacing=2.0, change=None):
    order = list(order if order is not None else range(6))
    ds, _ = multi_frame("1.2.840.10008.5.1.4.1.1.20", "NM", order=order)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    detector = Dataset()
    first = slice_points_lps(SPEC, 0.0 if spacing > 0 else 10.0)[0]
    detector.ImagePositionPatient = [float(v) for v in first]
    detector.ImageOrientationPatient = list(AXIAL)
    ds.DetectorInformationSequence = Sequence([detector])
    ds.SliceVector = [n + 1 if spacing > 0 else 6 - n for n in order]
    ds.SpacingBetweenSlices, ds.SliceThickness = spacing, 99.0
    ds.FrameIncrementPointer = 0x00540080
    if change is not None:
        change(ds)
    return save(ds, path)


@pytest.mark.parametrize("order", [range(6), [3, 0, 5, 1, 4, 2]])
@pytest.mark.parametrize("spacing", [2.0, -2.0])
def test_nuclear_tomography_by_the_vector_of_its_slices(tmp_path, order, spacing):
    write_nuclear(tmp_path / "nm", order=order, spacing=spacing)
    assert_true_volume(tmp_path, tmp_path / "nm")


def test_nuclear_tomography_in_heart_phases(tmp_path):
    def gated(ds):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"]
        ds.NumberOfFrames = 6
        ds.SliceVector = [1, 2, 3, 1, 2, 3]
        ds.TimeSlotVector = [1, 1, 1, 2, 2, 2]

    write_nuclear(tmp_path / "nm", change=gated)
    _, series = open_series(tmp_path, tmp_path / "nm")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 3)] * 2
    assert "time slot" in series.stacks[0].why


def test_nuclear_pictures_of_two_detectors_have_no_volume(tmp_path):
    def planar(ds):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"]
        ds.DetectorVector = [1, 1, 1, 2, 2, 2]

    write_nuclear(tmp_path / "nm", change=planar)
    _, _, stack = open_stack(tmp_path, tmp_path / "nm")
    assert (stack.verdict, stack.geometry, len(stack.frames)) == ("stack", None, 6)


@pytest.mark.parametrize("first", [0.0, 30.0], ids=["relative", "patient z"])
def test_a_dose_grid_lies_where_its_offsets_say(tmp_path, first):
    ds, origin = multi_frame("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE")
    ds.ImagePositionPatient, ds.ImageOrientationPatient = origin, list(AXIAL)
    ds.GridFrameOffsetVector = [first + 2.0 * n for n in range(6)]
    save(ds, tmp_path / "dose")
    assert_true_volume(tmp_path, tmp_path / "dose")


def test_a_dose_grid_seen_from_the_head(tmp_path):
    feet_down = SeriesSpec(
        modality="MR", rows=10, columns=8, count=6, orientation=(1, 0, 0, 0, -1, 0), intercept=0.0
    )
    ds, origin = multi_frame("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE", feet_down)
    ds.ImagePositionPatient, ds.ImageOrientationPatient = origin, [1, 0, 0, 0, -1, 0]
    # The slices go towards the feet: z falls along the normal.
    ds.GridFrameOffsetVector = [30.0 - 2.0 * n for n in range(6)]
    save(ds, tmp_path / "dose")
    assert_true_volume(tmp_path, tmp_path / "dose", feet_down)


def test_one_position_for_many_frames_is_no_place_for_each(tmp_path):
    ds, origin = multi_frame("1.2.840.10008.5.1.4.1.1.4", "MR")
    ds.ImagePositionPatient, ds.ImageOrientationPatient = origin, list(AXIAL)
    save(ds, tmp_path / "mr")
    _, _, stack = open_stack(tmp_path, tmp_path / "mr")
    assert (stack.verdict, stack.geometry, len(stack.frames)) == ("stack", None, 6)
    assert stack.why.startswith("one position for all frames of the file")


@pytest.mark.parametrize(
    ("sop_class_uid", "modality"),
    [("1.2.840.10008.5.1.4.1.1.12.1", "XA"), ("1.2.840.10008.5.1.4.1.1.12.2", "RF")],
)
def test_an_angiography_is_a_loop_of_its_own(tmp_path, sop_class_uid, modality):
    for n in (1, 2):
        ds, _ = multi_frame(sop_class_uid, modality)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{n}"
        ds.FrameTime = 66.7
        save(ds, tmp_path / "xa" / str(n))
    _, series = open_series(tmp_path, tmp_path / "xa")
    assert [(len(s.frames), s.verdict, s.health.is_whole) for s in series.stacks] == [
        (6, "stack", True)
    ] * 2


def test_d16_whole_slides_are_refused_in_words_and_listed(tmp_path):
    def whole_slide(ds):
        as_class("1.2.840.10008.5.1.4.1.1.77.1.6", "SM")(ds, 0)

    write_projection(tmp_path / "sm", change=whole_slide)
    _, series, stack = open_stack(tmp_path, tmp_path / "sm")
    assert (series.frames, stack.verdict, codes(stack)) == (1, "stack", ["D16"])
    assert "whole-slide microscopy is not supported" in stack.warnings[0].text
    assert (stack.health.shown_frames, stack.health.is_whole) == (0, False)


def test_d16_video_is_listed_with_the_reason(tmp_path):
    def video(ds):
        ds.NumberOfFrames = 250

    path = write_projection(tmp_path / "v", change=video)
    raw = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.102\0")
    at = raw.index(b"\x02\x00\x10\x00UI")
    raw = raw[: at + 6] + (24).to_bytes(2, "little") + raw[at + 8 :]
    length = int.from_bytes(raw[140:144], "little") + 4
    path.write_bytes(raw[:140] + length.to_bytes(4, "little") + raw[144:])
    _, series, stack = open_stack(tmp_path, path)
    assert (series.frames, codes(stack)) == (250, ["D16"])
    assert (stack.health.received_frames, stack.health.shown_frames) == (250, 0)
