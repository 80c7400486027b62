"""Text burned into pixels is found, told from side markers, blacked out over all frames (D17)."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import JPEG2000Lossless, RLELossless

from app.config.folders import resources_folder
from app.core.errors import DeidentifyError
from app.core.study import FrameRef, Instance, PatientText
from app.dicom.deid.burned_in_look import BurnedIn, look
from app.dicom.deid.burned_in_text import TextBox, _engine, find_text, visible
from app.dicom.deid.pixels import blacked_out, clear_unused_bits
from app.dicom.pixels.image_object import ImageObject
from tests.support.synthetic_dicom import base_dataset, put_pixels, save
from tests.support.validation import dciodvfy_errors

_CT = "1.2.840.10008.5.1.4.1.1.2"
_US = "1.2.840.10008.5.1.4.1.1.3.1"


def _slice(text: str = "", *, size: int = 256, points: int = 14, seed: int = 1) -> np.ndarray:
    """A round body with noise, text in the corner at the greatest value: HU + 1024, uint16."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2
    body = 1024.0 + rng.normal(0, 40, (size, size)) + 60 * np.cos(x / 9) * np.cos(y / 11)
    body[np.hypot(x, y) > size * 0.42] = 24.0
    picture = Image.new("L", (size, size))
    if text:
        font = ImageFont.truetype(str(resources_folder() / "fonts" / "DejaVuSans.ttf"), points)
        ImageDraw.Draw(picture).text((6, 4), text, fill=255, font=font)
    return np.where(np.asarray(picture) > 90, 4095, body).astype(np.uint16)


def _write(path: Path, frames: np.ndarray, sop_class: str = _CT, modality: str = "CT") -> Instance:
    ds = base_dataset(sop_class, study="burned", series=modality, instance=path.name)
    ds.Modality, ds.ImageType, ds.InstanceNumber = modality, ["ORIGINAL", "PRIMARY"], 1
    put_pixels(ds, frames)
    return _instance(save(ds, path))


def _instance(path: Path) -> Instance:
    ds = pydicom.dcmread(path)
    count = int(ds.get("NumberOfFrames", 1))
    return Instance(
        path, ds.SOPInstanceUID, ds.SOPClassUID, ds.file_meta.TransferSyntaxUID, 1, count,
        ds.Rows, ds.Columns,
    )  # fmt: skip


def _frames(instance: Instance) -> list[FrameRef]:
    return [FrameRef(instance, n + 1) for n in range(instance.number_of_frames)]


def test_d17_a_name_is_found_in_any_script_and_anatomy_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("the models come with the program, nothing is fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    _engine.cache_clear()
    for text in ("PHANTOM JOHN 1961", "Козлодоев Пётр"):
        (box,) = find_text(visible(_slice(text)))
        assert (box.left, box.top) <= (8, 8)
        assert box.right > 90
        assert box.bottom < 40
        assert not box.is_marker
        assert text not in repr(box)
    assert find_text(visible(_slice())) == ()
    assert find_text(np.zeros((40, 40), np.uint8)) == ()


@pytest.mark.slow
def test_small_text_on_a_large_film_is_found_in_its_place() -> None:
    """The detector shrinks a large picture: it is looked at in tiles."""
    film = np.tile(_slice(size=512), (6, 2))
    film[2560:2816, 512:768] = _slice("IVANOV 61", points=20)
    (box,) = find_text(visible(film))
    assert 500 < box.left < 530
    assert 2550 < box.top < 2580


def test_a_side_marker_is_no_name() -> None:
    (box,) = find_text(visible(_slice("L", size=512, points=30)))
    assert box.is_marker
    told = BurnedIn("", False, (), (box,), 1, 1)
    assert not told.blocks
    assert "marker" in (told.message() or pytest.fail("silent")).en


def test_the_look_says_what_it_saw(tmp_path: Path) -> None:
    named = _write(tmp_path / "named", np.stack([_slice("IVANOV 1961", seed=n) for n in range(2)]))
    seen = look(_frames(named), "CT")
    assert seen.blocks
    assert (len(seen.boxes), seen.frames_seen, seen.frames) == (1, 2, 2)
    once = look(_frames(named), "CT", most=1)
    assert (len(once.boxes), once.frames_seen) == (1, 1)
    clean = _write(tmp_path / "clean", _slice())
    seen = look(_frames(clean), "CT")
    assert not seen.blocks
    assert seen.message() is None
    seen = look(_frames(clean), "US")
    assert not seen.blocks
    assert "often carry names" in (seen.message() or pytest.fail("silent")).en


def test_what_the_header_declares_blocks_though_nothing_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "declared"
    _write(path, _slice())
    ds = pydicom.dcmread(path)
    ds.BurnedInAnnotation = "YES"
    save(ds, path)
    seen = look(_frames(_instance(path)), "CT")
    assert seen.declared == "YES"
    assert seen.blocks


@pytest.mark.parametrize("syntax", ["", JPEG2000Lossless, RLELossless])
def test_blacking_out_changes_the_regions_of_all_frames_and_nothing_else(
    tmp_path: Path, syntax: str
) -> None:
    frames = np.stack([_slice("IVANOV 1961", seed=n) for n in range(3)])
    path = tmp_path / "us"
    _write(path, frames, _US, "US")
    ds = pydicom.dcmread(path)
    if syntax:
        ds.compress(syntax, generate_instance_uid=False)
        ds.save_as(path)
    instance = _instance(path)
    box = TextBox(5, 4, 110, 24, 0.9, PatientText("IVANOV 1961"), False)
    out = blacked_out(instance, [box])
    out.save_as(tmp_path / "out", enforce_file_format=True)
    again = _instance(tmp_path / "out")
    after = np.stack([ImageObject(again).stored_frame(n) for n in range(3)])
    region = np.s_[:, max(0, box.top - 2) : box.bottom + 2, max(0, box.left - 2) : box.right + 2]
    assert (after[region] == frames.min(axis=(1, 2))[:, None, None]).all()
    assert not (after == 4095).any()
    after[region] = frames[region]
    assert np.array_equal(after, frames)
    assert set(dciodvfy_errors(tmp_path / "out")) <= set(dciodvfy_errors(path))


def test_colour_is_blacked_out_as_plain_rgb(tmp_path: Path) -> None:
    frame = np.full((80, 90, 3), (10, 200, 30), np.uint8)
    frame[4:12, 4:60] = 255
    instance = _write(tmp_path / "us", frame[None], _US, "US")
    box = TextBox(6, 4, 70, 20, 0.9, PatientText("IVANOV"), False)
    out = blacked_out(instance, [box])
    assert out.PhotometricInterpretation == "RGB"
    assert not (out.pixel_array[4:12, 8:60] == 255).any()
    assert (out.pixel_array[70:] == (10, 200, 30)).all()


def test_pixels_that_are_no_raster_of_bytes_are_refused(tmp_path: Path) -> None:
    instance = _write(tmp_path / "ct", _slice())
    ds = pydicom.dcmread(instance.path)
    ds.FloatPixelData = bytes(256 * 256 * 4)
    ds.BitsAllocated = 32
    del ds.PixelData
    save(ds, instance.path)
    with pytest.raises(DeidentifyError, match="cannot be blacked out"):
        blacked_out(instance, ())


@pytest.mark.parametrize("signed", [False, True])
def test_graphics_in_unused_bits_are_cleared(signed: bool) -> None:
    values = np.array([[5, 4000], [-7 if signed else 7, 0]], np.int16)
    raw = (values & 0x0FFF) | np.array([[0, 0x1000], [0x1000, 0]], np.int16)
    ds = base_dataset(_CT, study="overlay", series="ct", instance=1)
    ds.BitsStored = 12
    put_pixels(ds, raw.astype(np.int16 if signed else np.uint16))
    before = ds.PixelData
    clear_unused_bits(ds)
    assert ds.PixelData == before  # no overlay says that anything is there
    ds.add_new(0x60000102, "US", 12)
    clear_unused_bits(ds)
    stored = np.frombuffer(ds.PixelData, np.int16).reshape(2, 2)
    expected = np.array([[5, 4000 - 4096 if signed else 4000], [values[1, 0], 0]])
    assert np.array_equal(stored, expected)
