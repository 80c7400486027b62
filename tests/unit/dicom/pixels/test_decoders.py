"""The same image through every transfer syntax gives the same pixels."""

import io
import pickle
import shutil
import struct
import subprocess
import zipfile
import zlib
from dataclasses import replace

import jpeg_ls
import numpy as np
import openjpeg
import pydicom
import pytest
import SimpleITK as sitk
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.encaps import generate_frames

from app.core.errors import DicomReadError
from app.core.study import Instance
from app.dicom.pixels.codestream import codestream_of
from app.dicom.pixels.decoders import NATIVE, ORDER, NotDecoded, refusal
from app.dicom.pixels.image_object import ImageObject
from app.dicom.pixels.stored_frame import PixelLayout, frame_of
from app.dicom.tolerant import quiet
from tests.support.shared_data import shared
from tests.support.synthetic_dicom import put_pixels, save, write_projection

EXPLICIT = "1.2.840.10008.1.2.1"
LAYOUT = PixelLayout(
    rows=40, columns=34, samples=1, bits_allocated=16, bits_stored=12, high_bit=11,
    is_signed=False, photometric="MONOCHROME2", is_planar=False, transfer_syntax_uid=EXPLICIT,
)  # fmt: skip


def random_image(low, high, dtype, shape=(40, 34)):
    rng = np.random.default_rng(7)
    smooth = np.cumsum(rng.integers(-3, 4, shape), axis=1) * (high - low) // 100
    return np.clip(smooth + (low + high) // 2, low, high - 1).astype(dtype)


def packed_rle(planes):
    """RLE of byte planes: literal runs, repeats and a no-op, so that every branch is taken."""
    segments = []
    for plane in planes:
        out = bytearray([128])  # a no-op
        at = 0
        while at < len(plane):
            run = 1
            while at + run < len(plane) and plane[at + run] == plane[at] and run < 128:
                run += 1
            if run > 1:
                out += bytes([257 - run, plane[at]])
            else:
                out += bytes([0, plane[at]])
            at += run
        segments.append(bytes(out) + b"\0" * (len(out) % 2))
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(
        segments
    )


def gdcm_lossless_jpeg(pixels, path):
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetCompressor("JPEG")
    writer.UseCompressionOn()
    writer.SetFileName(str(path))
    writer.Execute(sitk.GetImageFromArray(pixels))
    ds = pydicom.dcmread(path)
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.70"
    return next(generate_frames(ds.PixelData, number_of_frames=1))


def encode(name, pixels, tmp_path):
    """(transfer syntax, frame bytes) of 16-bit pixels."""
    if name == "native":
        return EXPLICIT, pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    if name == "big endian":
        return "1.2.840.10008.1.2.2", pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    if name == "encapsulated uncompressed":
        return "1.2.840.10008.1.2.1.98", pixels.tobytes()
    if name == "deflated frame":
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return "1.2.840.10008.1.2.8.1", deflate.compress(pixels.tobytes()) + deflate.flush()
    if name == "rle":
        high = (pixels.view(np.uint16) >> 8).astype(np.uint8).tobytes()
        low = (pixels.view(np.uint16) & 255).astype(np.uint8).tobytes()
        return "1.2.840.10008.1.2.5", packed_rle([high, low])
    if name == "jpeg-ls":
        encoded = jpeg_ls.encode_array(np.ascontiguousarray(pixels.view(np.uint16)))
        return "1.2.840.10008.1.2.4.80", bytes(encoded)
    if name == "jpeg 2000":
        return "1.2.840.10008.1.2.4.90", encode_array(pixels, bits_stored=12)
    if name == "lossless jpeg":
        return "1.2.840.10008.1.2.4.70", gdcm_lossless_jpeg(pixels, tmp_path / "jpeg.dcm")
    raise AssertionError(name)


SYNTAXES = [
    "native", "big endian", "encapsulated uncompressed", "deflated frame", "rle", "jpeg-ls",
    "jpeg 2000", "lossless jpeg",
]  # fmt: skip


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("name", SYNTAXES)
def test_one_image_through_every_lossless_syntax(name, is_signed, tmp_path):
    low, high, kind = (-2048, 2048, np.int16) if is_signed else (0, 4096, np.uint16)
    pixels = random_image(low, high, kind)
    syntax, data = encode(name, pixels, tmp_path)
    layout = replace(LAYOUT, is_signed=is_signed, transfer_syntax_uid=syntax)
    frame = frame_of(pickle.loads(pickle.dumps(layout)), data)  # noqa: S301 - our own
    np.testing.assert_array_equal(frame, pixels)
    assert frame.dtype == kind


def test_i08_signs_follow_the_header_not_the_codestream():
    pixels = random_image(-2048, 2048, np.int16)
    stream = encode_array((pixels.view(np.uint16) & 0x0FFF).astype(np.uint16), bits_stored=12)
    assert codestream_of(stream).is_signed is False
    layout = replace(LAYOUT, is_signed=True, transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    np.testing.assert_array_equal(frame_of(layout, stream), pixels)

    unsigned = random_image(0, 4096, np.uint16)
    as_signed = ((unsigned.astype(np.int32) + 2048) % 4096 - 2048).astype(np.int16)
    turned = np.where(unsigned >= 2048, unsigned.astype(np.int32) - 4096, unsigned).astype(np.int16)
    stream = encode_array(turned, bits_stored=12)
    assert codestream_of(stream).is_signed is True
    layout = replace(LAYOUT, transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    np.testing.assert_array_equal(frame_of(layout, stream), unsigned)
    assert as_signed.min() < 0


def test_i08_rle_words_lie_as_high_bit_says():
    pixels = random_image(-2048, 2048, np.int16)
    words = (pixels.view(np.uint16) << 4) | 5  # an overlay in the low bits
    planes = [(words >> 8).astype(np.uint8).tobytes(), (words & 255).astype(np.uint8).tobytes()]
    layout = replace(LAYOUT, is_signed=True, high_bit=15, transfer_syntax_uid="1.2.840.10008.1.2.5")
    np.testing.assert_array_equal(frame_of(layout, packed_rle(planes)), pixels)


def test_i08_streams_deeper_than_their_header_never_wrap():
    pixels = random_image(0, 65536, np.uint16)
    stream = encode_array(pixels, bits_stored=16)
    layout = replace(LAYOUT, transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    np.testing.assert_array_equal(frame_of(layout, stream), np.minimum(pixels, 32767))
    whole = replace(layout, bits_stored=16, high_bit=15)
    np.testing.assert_array_equal(frame_of(whole, stream), pixels)


def test_near_lossless_and_lossy_stay_near(tmp_path):
    pixels = random_image(0, 4096, np.uint16)
    near = bytes(jpeg_ls.encode_array(pixels, lossy_error=3))
    layout = replace(LAYOUT, transfer_syntax_uid="1.2.840.10008.1.2.4.81")
    assert np.abs(frame_of(layout, near).astype(int) - pixels).max() <= 3
    lossy = encode_array(pixels, bits_stored=12, compression_ratios=[2, 1])
    layout = replace(LAYOUT, transfer_syntax_uid="1.2.840.10008.1.2.4.91")
    assert np.abs(frame_of(layout, lossy).astype(int) - pixels).max() <= 8
    eight = random_image(0, 256, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(eight).save(buffer, "JPEG", quality=95)
    for syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"):
        layout = replace(
            LAYOUT, transfer_syntax_uid=syntax, bits_allocated=8, bits_stored=8, high_bit=7
        )
        decoded = frame_of(layout, buffer.getvalue())
        np.testing.assert_array_equal(decoded, np.asarray(Image.open(buffer)))


@pytest.mark.parametrize(
    ("option", "syntax"),
    [
        ("+ee", "1.2.840.10008.1.2.4.51"),
        ("+es", "1.2.840.10008.1.2.4.53"),
        ("+ep", "1.2.840.10008.1.2.4.55"),
        ("+el", "1.2.840.10008.1.2.4.57"),
        ("+e1", "1.2.840.10008.1.2.4.70"),
    ],
)
def test_twelve_bit_jpeg_of_another_encoder_as_its_own_decoder_reads_it(option, syntax, tmp_path):
    if shutil.which("dcmcjpeg") is None:
        pytest.skip("dcmcjpeg (dcmtk) is not installed")
    pixels = random_image(0, 4096, np.uint16, (64, 48))
    plain = write_projection(tmp_path / "plain", pixels)
    coded, back = tmp_path / "coded", tmp_path / "back"
    subprocess.run(["dcmcjpeg", option, str(plain), str(coded)], check=True)
    subprocess.run(["dcmdjpeg", str(coded), str(back)], check=True)
    ds = pydicom.dcmread(coded)
    assert ds.file_meta.TransferSyntaxUID == syntax
    frame = ImageObject(_instance(coded, ds)).stored_frame(0)
    np.testing.assert_array_equal(frame, pydicom.dcmread(back).pixel_array)
    if option in ("+el", "+e1"):
        np.testing.assert_array_equal(frame, pixels)


def test_one_bit_frames_need_not_begin_at_a_byte(tmp_path):
    bits = np.random.default_rng(3).integers(0, 2, (3, 5, 7)).astype(np.uint8)
    ds = pydicom.dcmread(write_projection(tmp_path / "film"))
    put_pixels(ds, bits)
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    raw = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    path = save(ds, tmp_path / "bits")
    image = ImageObject(_instance(path, ds))
    for n in range(3):
        np.testing.assert_array_equal(image.stored_frame(n), bits[n])


def test_one_bit_frames_compressed_one_by_one():
    bits = np.random.default_rng(4).integers(0, 2, (35, 33)).astype(np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    layout = replace(LAYOUT, rows=35, columns=33, bits_allocated=1, bits_stored=1, high_bit=0)
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for syntax, data in (
        ("1.2.840.10008.1.2.5", packed_rle([packed])),
        ("1.2.840.10008.1.2.8.1", deflate.compress(packed) + deflate.flush()),
        ("1.2.840.10008.1.2.4.90", encode_array(bits, bits_stored=1)),
    ):
        frame = frame_of(replace(layout, transfer_syntax_uid=syntax), data)
        np.testing.assert_array_equal(frame, bits)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_float_pixels_keep_their_values(kind, tmp_path):
    values = np.linspace(-1.5, 2.5, 40 * 34).reshape(40, 34).astype(kind)
    for order, syntax in (("<", EXPLICIT), (">", "1.2.840.10008.1.2.2")):
        size = values.itemsize
        layout = replace(
            LAYOUT, bits_allocated=8 * size, bits_stored=8 * size, high_bit=8 * size - 1,
            float_bytes=size, transfer_syntax_uid=syntax,
        )  # fmt: skip
        frame = frame_of(layout, values.astype(values.dtype.newbyteorder(order)).tobytes())
        np.testing.assert_array_equal(frame, values)


@pytest.mark.parametrize(
    ("syntax", "word"),
    [
        ("1.2.840.10008.1.2.4.100", "video"),
        ("1.2.840.10008.1.2.4.102", "video"),
        ("1.2.840.10008.1.2.4.107", "video"),
        ("1.2.840.10008.1.2.4.110", "JPEG XL"),
        ("1.2.840.10008.1.2.4.112", "JPEG XL"),
        ("1.2.840.10008.1.2.4.94", "JPIP"),
        ("1.2.840.10008.1.2.4.205", "JPIP"),
        ("1.2.840.10008.1.2.4.92", "Part 2"),
        ("1.2.840.10008.1.2.4.61", "retired"),
        ("1.2.3.4", "not known"),
    ],
)
def test_what_cannot_be_decoded_is_refused_in_words(syntax, word, tmp_path):
    why = refusal(syntax)
    assert word in why.en
    assert why.ru != why.en
    path = write_projection(tmp_path / "film")
    ds = pydicom.dcmread(path)
    ds.PixelData = pydicom.encaps.encapsulate([b"\1\2\3\4"])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    video = "1.2.840.10008.1.2.4.100\0"
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(video.strip("\0"))
    ds.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes().replace(video.encode(), syntax.encode().ljust(24, b"\0")))
    with pytest.raises(DicomReadError, match=word) as caught:
        ImageObject(_instance(path, ds)).stored_frame(0)
    assert caught.value.hint_ru


def test_every_syntax_has_decoders_or_a_refusal():
    assert all(refusal(syntax) is None for syntax in (*ORDER, *NATIVE))
    for syntax in pydicom.uid.AllTransferSyntaxes:
        assert str(syntax) in ORDER or str(syntax) in NATIVE or refusal(syntax) is not None
    for decoders in ORDER.values():
        assert "gdcm" not in decoders[:-1]  # SimpleITK comes last


def test_d19_a_stream_of_another_size_is_refused_before_decoding():
    huge = bytearray(encode_array(np.zeros((40, 34), np.uint16), bits_stored=12))
    at = huge.index(b"\xff\x51") + 6
    struct.pack_into(">II", huge, at, 1 << 30, 1 << 30)
    layout = replace(LAYOUT, transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    with pytest.raises(NotDecoded, match="another size"):
        frame_of(layout, bytes(huge))
    with pytest.raises(NotDecoded, match="plausible"):
        frame_of(replace(LAYOUT, rows=65535, columns=65535), b"")


@pytest.mark.parametrize("syntax", sorted(ORDER))
def test_d19_broken_streams_end_in_one_error(syntax):
    layout = replace(LAYOUT, transfer_syntax_uid=syntax)
    whole = encode_array(np.zeros((40, 34), np.uint16), bits_stored=12)
    for data in (b"", b"\0" * 70, b"\xff\xd8\xff", whole[:60]):
        with pytest.raises(NotDecoded):
            frame_of(layout, data)


@pytest.fixture(scope="module")
def one_ct(tmp_path_factory):
    """The cornerstone CT in its transfer syntaxes: {syntax: modality values}."""
    folder = tmp_path_factory.mktemp("one-ct")
    found = {}
    with zipfile.ZipFile(shared("data/dicom-corpus/cornerstone3D.zip")) as archive:
        for name in archive.namelist():
            if "CTImage.dcm_" in name:
                path = folder / name.rsplit("/", 1)[-1]
                path.write_bytes(archive.read(name))
                ds = pydicom.dcmread(path)
                image = ImageObject(_instance(path, ds))
                values = image.modality_frame(0, image.stored_frame(0))
                found[str(ds.file_meta.TransferSyntaxUID)] = values
    return found


def test_one_real_ct_in_all_its_syntaxes(one_ct):
    plain = one_ct[EXPLICIT]
    assert len(one_ct) >= 14
    for syntax in (
        "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.90",
    ):  # fmt: skip
        np.testing.assert_array_equal(one_ct[syntax], plain, err_msg=syntax)
    for syntax, limit in (("1.2.840.10008.1.2.4.81", 1), ("1.2.840.10008.1.2.4.91", 5)):
        assert np.abs(one_ct[syntax] - plain).max() <= limit, syntax
    for syntax in ("1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"):
        ours, reference = one_ct[syntax].ravel(), plain.ravel()
        assert np.corrcoef(ours, reference)[0, 1] > 0.999, syntax


def test_htj2k_of_the_corpus_equals_its_uncompressed_twin():
    assert openjpeg.utils.get_openjpeg_version() >= (2, 5)
    with zipfile.ZipFile(shared("data/dicom-corpus/pydicom-data.zip")) as archive:
        names = [name for name in archive.namelist() if "HTJ2K" in name]
        assert names
        for name in names:
            ds = pydicom.dcmread(io.BytesIO(archive.read(name)))
            (data,) = generate_frames(ds.PixelData, number_of_frames=1)
            stream = codestream_of(data)
            layout = replace(
                LAYOUT, rows=ds.Rows, columns=ds.Columns, samples=ds.SamplesPerPixel,
                bits_allocated=8, bits_stored=8, high_bit=7,
                photometric=ds.PhotometricInterpretation,
                transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID),
            )  # fmt: skip
            assert (stream.rows, stream.columns) == (ds.Rows, ds.Columns)
            with quiet():
                np.testing.assert_array_equal(frame_of(layout, data), ds.pixel_array)


def _instance(path, ds):
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    syntax = str(ds.file_meta.TransferSyntaxUID)
    return Instance(path, ds.SOPInstanceUID, ds.SOPClassUID, syntax, 1, frames, ds.Rows, ds.Columns)
