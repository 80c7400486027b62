import json

import numpy as np
import pytest
from pydicom.dataset import Dataset

from app.cli.main import run
from app.dicom.character_sets import DEFAULT_FALLBACK, use_fallback
from app.imaging.nifti import read_nifti
from tests.support.synthetic_dicom import (
    SeriesSpec,
    linear_hu,
    uid,
    write_projection,
    write_series,
)


def inspect(capsys, *paths):
    assert run(["inspect", *map(str, paths), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_inspect_says_what_is_there(tmp_path, capsys):
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=[0, 2, 4, 8, 10, 12]))
    (tmp_path / "ct" / "photo.dcm").write_bytes(b"\xff\xd8\xff\xe0 a photograph, not DICOM at all")
    found = inspect(capsys, tmp_path / "ct")
    assert found["schema"] == "overread.inspect/1"
    files = found["files"]
    assert (files["seen"], files["dicom"], files["unreadable"]) == (7, 6, [])
    assert files["skipped"][0]["reason"] == "It is not a DICOM file."
    (study,) = found["studies"]
    assert study["patient"] == {
        "id": "TEST-1",
        "name": "Phantom^Synthetic",
        "birth_date": "1970-01-01",
        "sex": "O",
    }
    assert study["study_date"] == "2026-01-02"
    (series,) = study["series"]
    assert (series["instances"], series["frames"], series["modality"]) == (6, 6, "CT")
    (stack,) = series["stacks"]
    assert stack["verdict"] == "resampled"
    assert stack["is_volume"] is True
    assert stack["geometry"]["size_ijk"] == [20, 24, 7]
    assert stack["geometry"]["spacing_mm"] == pytest.approx([0.7, 0.8, 2.0])
    assert len(stack["geometry"]["direction"]) == 9
    assert stack["quantity"] == "HU"
    assert stack["value_range"] == [180, 332]
    assert stack["warnings"] == [
        {
            "code": "G04",
            "text": "1 slice missing between image 3 and image 4",
            "text_ru": "пропущено срезов: 1, между снимком 3 и снимком 4",
        }
    ]


def test_d18_inspect_tells_what_is_missing(tmp_path, capsys):
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=[0, 2, 4, 8, 10, 12]))
    (study,) = inspect(capsys, tmp_path / "ct")["studies"]
    assert study["completeness"] == {
        "complete": False, "received": 6, "expected": 7, "source": "gaps"
    }  # fmt: skip
    health = study["series"][0]["stacks"][0]["health"]
    assert (health["expected"], health["received"], health["shown"]) == (7, 6, 6)
    assert (health["whole"], health["resampled"]) == (False, True)
    assert health["expected_from"] == "gaps between the slices"
    assert health["notes"][0] == {
        "text": "1 image is missing; told by gaps between the slices",
        "text_ru": "не хватает снимков: 1; на это указывает: промежутки между срезами",
    }
    assert run(["inspect", str(tmp_path / "ct")]) == 0
    assert "1 image is missing" in capsys.readouterr().out


def test_d10_inspect_reads_old_names_by_the_settings(tmp_path, capsys, monkeypatch):
    def name(ds, n):
        ds.PatientName = "QQQQQQ"
        del ds.SpecificCharacterSet

    (path,) = write_series(tmp_path / "ct", SeriesSpec(count=1, change=name))
    path.write_bytes(path.read_bytes().replace(b"QQQQQQ", "Иванов".encode("cp1251")))
    (tmp_path / "settings.toml").write_text('fallback_character_set = "cp1251"\n', "utf-8")
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path))
    (study,) = inspect(capsys, tmp_path / "ct")["studies"]
    use_fallback(DEFAULT_FALLBACK)
    assert study["patient"]["name"] == "Иванов"
    assert [warning["code"] for warning in study["warnings"]] == ["D10"]


def test_inspect_text_and_blocked_study(tmp_path, capsys):
    def other(ds, n):
        ds.PatientBirthDate = "19800101"

    write_series(tmp_path / "a", SeriesSpec(count=3))
    write_series(tmp_path / "b", SeriesSpec(count=3, name="b", change=other))
    assert run(["inspect", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "differ in birth date" in text
    assert "blocked" in text
    found = inspect(capsys, tmp_path)
    assert found["studies"][0]["warnings"][0]["code"] == "D08"


def test_inspect_of_nothing_is_an_input_error(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("hello")
    assert run(["inspect", str(tmp_path / "a.txt"), "--json"]) == 3
    output = capsys.readouterr()
    assert json.loads(output.out)["studies"] == []
    assert output.err.count("\n") == 1


def test_volume_writes_modality_values_at_their_place(tmp_path):
    write_series(tmp_path / "ct")
    out = tmp_path / "out" / "v.nii.gz"
    arguments = ["volume", str(tmp_path / "ct"), "--series", uid("study", "series")]
    assert run([*arguments, "--out", str(out)]) == 0
    values, grid = read_nifti(out)
    assert values.dtype == np.int16
    i, j, k = 7, 11, 5
    assert values[k, j, i] == pytest.approx(linear_hu(grid.ijk_to_lps((i, j, k))), abs=0.51)


def test_volume_of_a_film_has_its_pixel_spacing(tmp_path):
    path = write_projection(tmp_path / "film")
    out = tmp_path / "film.nrrd"
    assert run(["volume", str(path), "--series", uid("film", "DX"), "--out", str(out)]) == 0
    values, grid = read_nifti(out)
    assert values.shape == (1, 48, 40)
    assert grid.spacing_ijk[:2] == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--series", "1.2.3", "--out", "v.nii.gz"], "no series with this UID"),
        (["--series", uid("study", "series"), "--stack", "4", "--out", "v.nii"], "no stack 4"),
        (["--series", uid("study", "series"), "--out", "v.png"], "names no image format"),
    ],
)
def test_volume_refuses_in_one_sentence(tmp_path, capsys, monkeypatch, extra, words):
    monkeypatch.chdir(tmp_path)
    write_series(tmp_path / "ct", SeriesSpec(count=3))
    assert run(["volume", str(tmp_path / "ct"), *extra]) == 3
    assert words in capsys.readouterr().err


def test_d11_paths_in_and_out_in_any_script(tmp_path, capsys):
    folder = tmp_path / "снимки 画像" / "Ärzte"
    write_series(folder, SeriesSpec(count=3))
    (study,) = inspect(capsys, folder)["studies"]
    uid_of_series = study["series"][0]["series_instance_uid"]
    out = tmp_path / "том №1" / "объём.nii.gz"
    out.parent.mkdir()
    assert run(["volume", str(folder), "--series", uid_of_series, "--out", str(out)]) == 0
    values, _ = read_nifti(out)
    assert values.shape == (3, 24, 20)
    picture = out.with_name("срез.png")
    arguments = ["snapshot", str(folder), "--series", uid_of_series, "--out", str(picture)]
    assert run(arguments) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_i06_a_map_with_values_that_are_none(tmp_path, capsys):
    def as_map(ds, _):
        values = np.linspace(0.5, 2.5, ds.Rows * ds.Columns).astype(np.float32)
        values[3], values[7] = np.nan, np.inf
        ds.FloatPixelData = values.tobytes()
        ds.BitsAllocated = 32
        del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation

    write_series(tmp_path / "map", SeriesSpec(count=2, change=as_map, intercept=0))
    stack = inspect(capsys, tmp_path / "map")["studies"][0]["series"][0]["stacks"][0]
    assert stack["value_range"] == [0.5, 2.5]


def test_i13_uptake_and_what_it_lacks(tmp_path, capsys):
    def as_pet(ds, _):
        ds.Modality, ds.Units, ds.DecayCorrection = "PT", "BQML", "ADMIN"
        ds.CorrectedImage = ["ATTN", "DECY"]
        ds.SeriesDate = ds.AcquisitionDate = "20260102"
        ds.SeriesTime = ds.AcquisitionTime = "101500"
        drug = Dataset()
        drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "370000000", "6586.2"
        drug.RadiopharmaceuticalStartTime = "091500"
        ds.RadiopharmaceuticalInformationSequence = [drug]

    def weighed(ds, n):
        as_pet(ds, n)
        ds.PatientWeight = 74

    for name, change in (("a", as_pet), ("b", weighed)):
        write_series(tmp_path / name, SeriesSpec(count=3, change=change))
    stack = inspect(capsys, tmp_path / "a")["studies"][0]["series"][0]["stacks"][0]
    assert stack["values"]["suv_factors"] is None
    (warning,) = stack["warnings"]
    assert warning["code"] == "I13"
    assert "(0010,1030)" in warning["text"]
    stack = inspect(capsys, tmp_path / "b")["studies"][0]["series"][0]["stacks"][0]
    assert stack["values"]["suv_factors"]["body_weight"] == pytest.approx(74_000 / 370e6)
    assert stack["warnings"] == []


def test_d12_where_nothing_is_readable_each_file_has_its_reason(tmp_path, capsys):
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "cut.dcm").write_bytes(bytes(128) + b"DICM" + bytes(9))
    assert run(["inspect", str(tmp_path), "--json"]) == 3
    told = capsys.readouterr()
    found = json.loads(told.out)
    files = found["files"]
    assert (files["seen"], files["dicom"], found["studies"]) == (2, 0, [])
    assert all(file["reason"] for file in (*files["skipped"], *files["unreadable"]))
    assert "no readable DICOM object" in told.err
