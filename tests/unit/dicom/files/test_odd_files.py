"""D11 and D12: files in odd places and of odd make open, or say what is wrong with them."""

import struct
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_file_meta_info
from pydicom.filewriter import write_dataset

from app.dicom.stacks.assemble import assemble_volume
from tests.support.opened import open_all, open_stack
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series

NAMES = [
    "снимки пациента",
    "画像データ",
    "Ärzte & Söhne",
    "résumé\u0301",
    "صور",
    "😀 #1",
    "a'b\"c;d%20",
]


@pytest.mark.parametrize("name", NAMES)
def test_d11_paths_in_every_script(tmp_path, name):
    folder = tmp_path / name / name
    try:
        write_series(folder, SeriesSpec(count=3))
    except OSError:
        pytest.skip("this file system has no such names")
    study, series, stack = open_stack(tmp_path, tmp_path / name)
    assert stack.verdict == "ok"
    assert assemble_volume(study, series, stack).voxels.shape == (3, 24, 20)


@pytest.mark.parametrize("name", NAMES)
def test_d11_names_in_archives_of_every_script(tmp_path, name):
    paths = write_series(tmp_path / "series", SeriesSpec(count=3))
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"{name}/{path.name}")
    study, series, stack = open_stack(tmp_path, tmp_path / "study.zip")
    assert stack.verdict == "ok"
    assert assemble_volume(study, series, stack).voxels.shape == (3, 24, 20)


def test_d11_long_paths(tmp_path):
    folder = tmp_path
    for _ in range(5):
        folder /= "п" * 100
    try:
        write_series(folder, SeriesSpec(count=3))
    except OSError:
        pytest.skip("this file system has no paths of this length")
    study, series, stack = open_stack(tmp_path, tmp_path / ("п" * 100))
    assert len(str(stack.frames[0].instance.path)) > 500
    assert assemble_volume(study, series, stack).voxels.shape == (3, 24, 20)


def without_meta(path, *, implicit, little=True):
    """The dataset of ``path`` alone: no preamble, no meta header."""
    ds = pydicom.dcmread(path)
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = little, implicit
    if not little:
        ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
    plain = Dataset()
    plain.update({element.tag: element for element in ds})
    write_dataset(stream, plain)
    path.write_bytes(stream.getvalue())


@pytest.mark.parametrize(
    ("implicit", "little"), [(True, True), (False, True), (False, False)],
    ids=["implicit", "explicit", "big endian"],
)  # fmt: skip
def test_d12_no_preamble_and_no_meta_header(tmp_path, implicit, little):
    (plain,) = write_series(tmp_path / "a", SeriesSpec(count=1))
    study, series, stack = open_stack(tmp_path, plain)
    expected = assemble_volume(study, series, stack).voxels
    without_meta(plain, implicit=implicit, little=little)
    study, series, stack = open_stack(tmp_path, plain)
    np.testing.assert_array_equal(assemble_volume(study, series, stack).voxels, expected)
    assert stack.frames[0].instance.transfer_syntax_uid


def test_d12_a_preamble_and_then_no_meta_header(tmp_path):
    (path,) = write_series(tmp_path / "a", SeriesSpec(count=1))
    without_meta(path, implicit=True)
    path.write_bytes(bytes(128) + b"DICM" + path.read_bytes())
    study, series, stack = open_stack(tmp_path, path)
    assert assemble_volume(study, series, stack).voxels.shape == (1, 24, 20)


def element(group, number, vr, value, length=None):
    """One explicit element with a length of 32 bits, as bytes."""
    stated = len(value) if length is None else length
    return struct.pack("<HH2sHL", group, number, vr, 0, stated) + value


def item(content, *, undefined):
    if undefined:
        return (
            struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
            + content
            + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
        )
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


UNDEFINED = 0xFFFFFFFF
SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def private_sequence(vr, items):
    return element(0x0009, 0x1001, vr, items + SEQUENCE_END, UNDEFINED)


_IMPLICIT_LO = struct.pack("<HHL", 0x0009, 0x1002, 4) + b"ABCD"
_EXPLICIT_LO = struct.pack("<HH2sH", 0x0009, 0x1002, b"LO", 4) + b"ABCD"


@pytest.mark.parametrize(
    "private",
    [
        # InVesalius #119: private sequences of undefined length, VR given or unknown.
        private_sequence(b"SQ", item(_EXPLICIT_LO, undefined=True)),
        private_sequence(b"UN", item(_IMPLICIT_LO, undefined=True)),
        private_sequence(b"UN", item(_IMPLICIT_LO, undefined=False)),
        element(0x0009, 0x1001, b"UN", b"\xff\xfe\x00\xe0garbage!"),
        element(0x0009, 0x1001, b"OB", bytes(range(256))),
        struct.pack("<HH2sH", 0x0009, 0x1001, b"DS", 6) + b"a\\b\\c ",
    ],
    ids=["sequence", "unknown", "unknown, item of known length", "broken bytes", "bytes", "text"],
)  # fmt: skip
def test_d12_private_elements_of_any_make(tmp_path, private):
    paths = write_series(tmp_path / "a", SeriesSpec(count=3))
    for path in paths:
        whole = path.read_bytes()
        at = whole.index(b"\x10\x00\x10\x00PN")  # group 9 goes before the patient
        creator = struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 8) + b"SOMEBODY"
        path.write_bytes(whole[:at] + creator + private + whole[at:])
    study, series, stack = open_stack(tmp_path, tmp_path / "a")
    assert (stack.verdict, series.modality) == ("ok", "CT")
    assert assemble_volume(study, series, stack).voxels.shape == (3, 24, 20)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\x18\x00\x60\x00DS", b"\x18\x00\x60\x00XX"),  # KVP with a VR that does not exist
        (b"\x18\x00\x60\x00DS", b"\x18\x00\x60\x00\0\0"),
        (b"\x08\x00\x60\x00CS", b"\x08\x00\x60\x00UN"),
        (b"\x20\x00\x11\x00IS", b"\x20\x00\x11\x00LO"),
        (b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00SS"),
    ],
    ids=["XX", "zero", "UN for text", "LO for IS", "SS for US"],
)
def test_d12_a_broken_or_wrong_vr(tmp_path, before, after):
    paths = write_series(tmp_path / "a", SeriesSpec(count=3))
    for path in paths[:2]:
        whole = path.read_bytes()
        assert before in whole
        path.write_bytes(whole.replace(before, after, 1))
    found, _ = open_all(tmp_path, tmp_path / "a")
    # Whatever is made of the two, they are told about, and the third opens.
    assert len(found.records) + len(found.unreadable) == 3
    assert paths[2] in [record.instance.path for record in found.records]
    assert all(one.reason.en and one.reason.ru for one in found.unreadable)


def test_d12_the_reason_names_what_is_wrong(tmp_path):
    paths = write_series(tmp_path / "a", SeriesSpec(count=5))
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:-300])
    paths[1].write_bytes(whole[:100])
    paths[2].write_bytes(b"")
    paths[3].write_bytes(whole[:132] + b"\xff" * 500)
    found, _ = open_all(tmp_path, tmp_path / "a")
    reasons = {one.path: one.reason.en for one in (*found.skipped, *found.unreadable)}
    assert len(found.records) == 1
    assert reasons[paths[0]] == "The pixel data ends early: the file is cut short."
    assert reasons[paths[1]] == "It is not a DICOM file."
    assert reasons[paths[2]] == "The file is empty."
    assert paths[3] in reasons


def test_d12_an_object_that_is_no_image_and_belongs_nowhere_says_what_it_is(tmp_path):
    def palette(ds):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.39.1"
        for keyword in ("Rows", "Columns", "PixelData", "StudyInstanceUID", "SeriesInstanceUID"):
            del ds[keyword]

    write_projection(tmp_path / "a" / "palette", change=palette)
    write_series(tmp_path / "a", SeriesSpec(count=2))
    found, _ = open_all(tmp_path, tmp_path / "a")
    (told,) = found.unreadable
    assert told.reason.en == "It is no image (Color Palette) and names no study or series."


def test_d12_a_file_that_begins_with_dicm(tmp_path):
    paths = write_series(tmp_path / "series", SeriesSpec(count=3))
    whole = open_stack(tmp_path, tmp_path / "series")
    expected = assemble_volume(*whole).voxels
    for path in paths:
        path.write_bytes(path.read_bytes()[128:])
    found = open_stack(tmp_path, tmp_path / "series")
    np.testing.assert_array_equal(assemble_volume(*found).voxels, expected)


@pytest.mark.parametrize("is_implicit", [True, False])
def test_i08_a_transfer_syntax_that_names_the_other_way(tmp_path, is_implicit):
    """Read where the header says, the pixels would be two off, without a word."""
    paths = write_series(tmp_path / "series", SeriesSpec(count=3))
    expected = assemble_volume(*open_stack(tmp_path, tmp_path / "series")).voxels
    explicit, implicit = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
    for path in paths:
        ds = pydicom.dcmread(path)
        ds.file_meta.TransferSyntaxUID = implicit if is_implicit else explicit
        pydicom.dcmwrite(path, ds, implicit_vr=is_implicit, little_endian=True)
        _state_syntax(path, explicit if is_implicit else implicit)
    volume = assemble_volume(*open_stack(tmp_path, tmp_path / "series"))
    np.testing.assert_array_equal(volume.voxels, expected)


def _state_syntax(path, syntax):
    """Another transfer syntax in the meta header; the dataset stays as it is."""
    content = path.read_bytes()
    element = content.index(b"\x02\x00\x10\x00UI")
    length = int.from_bytes(content[element + 6 : element + 8], "little")
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    group = int.from_bytes(content[140:144], "little") + len(value) - length
    path.write_bytes(
        content[:140]
        + group.to_bytes(4, "little")
        + content[144 : element + 6]
        + len(value).to_bytes(2, "little")
        + value
        + content[element + 8 + length :]
    )
    assert read_file_meta_info(path).TransferSyntaxUID == syntax


def test_d12_a_damaged_member_of_an_archive_is_named_and_the_rest_opens(tmp_path):
    paths = write_series(tmp_path / "series", SeriesSpec(count=3))
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_STORED) as archive:
        for path in paths:
            archive.write(path, path.name)
    content = bytearray((tmp_path / "study.zip").read_bytes())
    content[500] ^= 0xFF
    (tmp_path / "study.zip").write_bytes(content)
    found, (study,) = open_all(tmp_path, tmp_path / "study.zip")
    (damaged,) = found.unreadable
    assert damaged.path == tmp_path / "study.zip" / paths[0].name
    assert damaged.reason.ru
    assert study.series[0].frames == 2
    assert found.seen == 3


def test_d12_the_header_of_an_image_stored_alone_is_listed(tmp_path):
    """Indexes of media and archives of headers: the patient is named, nothing is shown."""
    paths = write_series(tmp_path / "series", SeriesSpec(count=6))
    ds = pydicom.dcmread(paths[3])
    del ds.PixelData
    ds.save_as(paths[3])
    whole = paths[3].read_bytes()
    found, (study,) = open_all(tmp_path, tmp_path / "series")
    assert (found.seen, len(found.records), found.unreadable) == (6, 6, ())
    (series,) = study.series
    assert (len(series.instances), series.frames) == (6, 5)
    assert series.stacks[0].warnings[0].code == "G04"
    (warning,) = study.warnings
    assert warning.code == "D12"
    assert warning.text.startswith("1 file holds the header of an image without its pixels")
    # One byte less is a file that was cut short: who knows what else it held.
    paths[3].write_bytes(whole[:-1])
    found, (study,) = open_all(tmp_path, tmp_path / "series")
    assert found.unreadable[0].reason.en.endswith("the file is cut short.")
    assert study.warnings == ()


@pytest.mark.parametrize("stated", [1, 2, None])
def test_d12_frames_that_the_header_does_not_announce_are_told(tmp_path, stated):
    (path,) = write_series(tmp_path / "series", SeriesSpec(count=1))
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.PixelData * 3
    ds.NumberOfFrames = stated
    ds.save_as(path)
    _, (study,) = open_all(tmp_path, path)
    warnings = [w for stack in study.series[0].stacks for w in stack.warnings if w.code == "D12"]
    assert warnings[0].text.startswith(f"the pixel data holds {3 - (stated or 1)} more frame")
    ds.NumberOfFrames = 3
    ds.save_as(path)
    _, (study,) = open_all(tmp_path, path)
    assert study.series[0].frames == 3
    assert not [w for stack in study.series[0].stacks for w in stack.warnings if w.code == "D12"]


@pytest.mark.parametrize("text", ["1,50", "abcd"])
def test_i06_a_rescale_that_is_no_number_is_told(tmp_path, text):
    (path,) = write_series(tmp_path / "series", SeriesSpec(count=1, slope=1.25))
    content = path.read_bytes()
    assert content.count(b"1.25") == 1
    path.write_bytes(content.replace(b"1.25", text.encode()))
    _, _, stack = open_stack(tmp_path, path)
    assert "RescaleSlope is no number" in stack.warnings[-1].text


def test_d04_bits_packed_over_frames_are_no_more_frames(tmp_path):
    (path,) = write_series(tmp_path / "series", SeriesSpec(count=1, rows=10, columns=10))
    ds = pydicom.dcmread(path)
    ds.NumberOfFrames, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 62, 1, 1, 0
    ds.PixelData = bytes(776)
    ds.save_as(path)
    _, (study,) = open_all(tmp_path, path)
    assert study.series[0].frames == 62
    assert not [w for s in study.series[0].stacks for w in s.warnings if w.code == "D12"]
