"""I03: entries unsigned, first value by the input's sign, 0 = 65,536, packing, invalid tables."""

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from app.core.volume import Window
from app.dicom.pixels.lookup_table import read_lookup_table
from app.imaging.voi import display_levels
from tests.support.opened import codes, open_volume
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series


def item(descriptor, data, *, vr="OW", descriptor_vr="US"):
    table = Dataset()
    table.add_new("LUTDescriptor", descriptor_vr, descriptor)
    table.add_new("LUTData", vr, data)
    return table


def rewrite(path, syntax):
    """The same object in another byte order or VR encoding."""
    read = dcmread(path)
    fresh = Dataset()
    fresh.update({element.tag: element for element in read})
    fresh.file_meta = read.file_meta
    fresh.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        fresh.PixelData = np.frombuffer(read.PixelData, "<u2").byteswap().tobytes()
    dcmwrite(
        path, fresh, enforce_file_format=True, overwrite=True,
        implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian,
    )  # fmt: skip


def entries(table, **options):
    read = read_lookup_table(table, **{"is_signed": False, **options})
    return None if read is None else (read.first, read.bits, read.entries.tolist())


def test_i03_entries_are_unsigned_whatever_the_vr():
    assert entries(item([3, 0, 16], [-1, -32768, 5], vr="SS")) == (0, 16, [65535, 32768, 5])
    words = np.array([65535, 32768, 5], "<u2").tobytes()
    assert entries(item([3, 0, 16], words)) == (0, 16, [65535, 32768, 5])


def test_i03_first_value_follows_the_sign_of_the_input():
    table = item([2, 64512, 12], [0, 4095], vr="US")
    assert entries(table)[0] == 64512
    assert entries(table, is_signed=True)[0] == -1024
    negative = item([2, -1024, 12], [0, 4095], vr="US", descriptor_vr="SS")
    assert entries(negative, is_signed=True)[0] == -1024
    assert entries(negative)[0] == 64512


def test_i03_zero_entries_means_65536():
    first, bits, found = entries(item([0, 0, 16], np.arange(65536, dtype="<u2").tobytes()))
    assert (first, bits, len(found), found[-1]) == (0, 16, 65536, 65535)


def test_i03_eight_bit_entries_packed_two_to_a_word():
    assert entries(item([5, 0, 8], bytes([1, 2, 3, 4, 5, 0])))[2] == [1, 2, 3, 4, 5]
    assert entries(item([4, 0, 8], [0x0201, 0x0403], vr="US"))[2] == [1, 2, 3, 4]
    unpacked = np.array([1, 2, 3, 4], "<u2").tobytes()
    assert entries(item([4, 0, 8], unpacked))[2] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "table",
    [
        item([4, 0, 17], [1, 2, 3, 4], vr="US"),
        item([4, 0, 0], [1, 2, 3, 4], vr="US"),
        item([40, 0, 8], [1, 2, 3, 4], vr="US"),
        item([4, 0], [1, 2, 3, 4], vr="US"),
        item([4, 0, 16], None),
        Dataset(),
    ],
)
def test_i03_a_table_that_contradicts_itself_is_none(table):
    assert entries(table) is None


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_i03_table_read_from_a_file_in_each_byte_order(syntax, tmp_path):
    values = [0, 300, 40000, 65535]

    def change(ds):
        del ds.WindowCenter, ds.WindowWidth
        ds.VOILUTSequence = Sequence([item([4, 100, 16], values, vr="US")])

    path = write_projection(tmp_path / "film", change=change)
    if syntax is not None:
        rewrite(path, syntax)
    _, volume = open_volume(tmp_path, [path])
    (table,) = volume.voi_tables
    assert (table.first, table.entries.tolist()) == (100, values)


def test_i03_packed_bytes_in_a_big_endian_file(tmp_path):
    def change(ds):
        del ds.WindowCenter, ds.WindowWidth
        swapped = np.array([7, 8, 9, 10], ">u2").tobytes()
        ds.VOILUTSequence = Sequence([item([4, 0, 16], swapped)])

    path = write_projection(tmp_path / "film", change=change)
    rewrite(path, ExplicitVRBigEndian)
    _, volume = open_volume(tmp_path, [path])
    assert volume.voi_tables[0].entries.tolist() == [7, 8, 9, 10]


def test_i03_invalid_table_is_left_out_with_a_warning(tmp_path):
    def change(ds):
        broken, good = item([9, 0, 99], [1], vr="US"), item([2, 0, 8], [0, 255], vr="US")
        good.LUTExplanation = "GOOD"
        ds.VOILUTSequence = Sequence([broken, good])

    stack, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=change)])
    assert [window.explanation for window in volume.windows] == ["", "GOOD"]
    warning = next(w for w in volume.warnings if w.code == "I03")
    assert warning.text_ru != warning.text
    assert "I03" not in codes(stack)


def test_i02_several_tables_and_windows_are_all_offered(tmp_path):
    def change(ds):
        ds.WindowCenter, ds.WindowWidth = [2048, 1000], [4096, 500]
        ds.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
        curve, softer = item([4096, 0, 8], bytes(4096)), item([4096, 0, 8], bytes(4096))
        curve.LUTExplanation, softer.LUTExplanation = "CURVE", "SOFTER"
        ds.VOILUTSequence = Sequence([curve, softer])

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=change)])
    assert [w.explanation for w in volume.windows] == ["NORMAL", "HARDER", "CURVE", "SOFTER"]
    assert [w.table is None for w in volume.windows] == [True, True, False, False]
    assert len(volume.voi_tables) == 2


def test_i02_table_is_applied_to_modality_values_with_a_signed_first(tmp_path):
    """CT with intercept: the input of the table is HU, so its first value is negative."""

    def change(ds, n):
        del ds.WindowCenter, ds.WindowWidth
        ramp = np.linspace(0, 4095, 2048).astype("<u2").tobytes()
        ds.VOILUTSequence = Sequence([item([2048, 64512, 12], ramp)])

    paths = write_series(tmp_path / "ct", SeriesSpec(count=3, change=change))
    _, volume = open_volume(tmp_path, paths)
    (window,) = volume.windows
    assert isinstance(window, Window)
    assert window.table.first == -1024
    hu = volume.modality_values(1)
    shown = display_levels(volume, volume.voxels[1], window)
    assert np.abs(shown - (np.clip(hu, -1024, 1023) + 1024) / 2047 * 255).max() <= 1
