"""The verbs packs, infer and measure: their JSON, their exit codes, their files."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from app.cli.main import run
from app.core.geometry import Geometry
from app.imaging.nifti import read_nifti, write_nifti
from tests.support import task_packs, tiny_pack
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series


@pytest.fixture
def data(tmp_path):
    """A library with one added film pack."""
    made = tiny_pack.write_film_pack(tmp_path / "made")
    archive = tiny_pack.zip_pack(made, tmp_path / "tiny.zip")
    assert run(["packs", "add", str(archive), "--data", str(tmp_path / "data"), "--json"]) == 0
    tiny_pack.switch_off_film_check(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def film(tmp_path):
    pixels = tiny_pack.film().voxels[0].astype(np.uint16)
    return write_projection(tmp_path / "film" / "a.dcm", pixels)


def answer(capsys, *arguments, code=0):
    capsys.readouterr()
    assert run([str(a) for a in arguments]) == code
    return json.loads(capsys.readouterr().out)


def test_packs_list_show_verify_remove(data, capsys, tmp_path):
    listed = answer(capsys, "packs", "list", "--json", "--data", data)
    assert listed["schema"] == "overread.packs/1"
    row = next(row for row in listed["packs"] if row["id"] == "tiny-lungs")
    assert {"version", "name", "task", "licence", "weights_sha256"} <= set(row)
    assert (row["built_in"], row["intact"]) == (False, True)
    shown = answer(capsys, "packs", "show", "tiny-lungs", "--json", "--data", data)["packs"][0]
    assert shown["manifest"]["id"] == "tiny-lungs"
    assert shown["card"].startswith("# Tiny")
    weights = data / "packs" / "tiny-lungs@1.0.0" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    found = answer(capsys, "packs", "verify", "tiny-lungs", "--json", "--data", data, code=1)
    assert found["faults"][0]["file"] == "model.onnx"
    assert found["packs"][0]["intact"] is False
    answer(capsys, "packs", "remove", "tiny-lungs", "--json", "--data", data)
    left = answer(capsys, "packs", "list", "--json", "--data", data)
    assert "tiny-lungs" not in [row["id"] for row in left["packs"]]


def test_packs_add_refuses_what_is_no_pack(tmp_path, capsys):
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no zip")
    assert run(["packs", "add", str(bad), "--data", str(tmp_path / "data")]) == 3
    said = capsys.readouterr().err
    assert "was not added" in said
    assert list((tmp_path / "data" / "packs").iterdir()) == []


def test_packs_route_gives_reasons(data, film, capsys):
    found = answer(capsys, "packs", "route", film, "--json", "--data", data)
    assert found["schema"] == "overread.route/1"
    (series,) = found["series"]
    fit = next(fit for fit in series["packs"] if fit["pack"] == "tiny-lungs")
    assert fit["verdict"] == "suitable"
    assert all(set(reason["text"]) == {"en", "ru"} for reason in fit["reasons"])


def test_frontal_and_lateral_film_of_one_series_are_judged_apart(data, tmp_path, capsys):
    def lateral(ds):
        ds.ViewPosition, ds.PatientOrientation = "LL", ["A", "F"]

    pixels = tiny_pack.film().voxels[0].astype(np.uint16)
    write_projection(tmp_path / "two" / "a.dcm", pixels)
    write_projection(tmp_path / "two" / "b.dcm", pixels, change=lateral)
    found = answer(capsys, "packs", "route", tmp_path / "two", "--json", "--data", data)
    assert len({row["series_instance_uid"] for row in found["series"]}) == 1
    verdicts = [
        fit["verdict"]
        for row in found["series"]
        for fit in row["packs"]
        if fit["pack"] == "tiny-lungs"
    ]
    assert sorted(verdicts) == ["refused", "suitable"]


def test_infer_on_dicom_writes_everything(data, film, tmp_path, capsys):
    out = tmp_path / "out"
    report = answer(
        capsys, "infer", film, "--pack", "tiny-lungs", "--out", out, "--json", "--data", data
    )
    assert report["schema"] == "overread.run/1"
    assert report == json.loads((out / "run.json").read_text("utf-8"))
    assert set(report["seconds"]) == {"read", "load", "pre", "model", "post", "write"}
    assert [row["label"] for row in report["outputs"]] == ["right lung", "left lung"]
    masks = [read_nifti(out / row["mask"])[0] for row in report["outputs"]]
    assert [int(mask.sum()) for mask in masks] == [row["voxels"] for row in report["outputs"]]
    assert masks[0].dtype == np.uint8
    assert masks[0].shape == (1, 150, 200)
    labelmap = read_nifti(out / "labelmap.nii.gz")[0]
    assert np.array_equal(labelmap == 2, masks[1] == 1)
    findings = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    assert [f["region"]["mask"] for f in findings] == [row["mask"] for row in report["outputs"]]
    assert findings[0]["provenance"]["weights_sha256"] == report["weights_sha256"]
    segmentation = pydicom.dcmread(next((out / "dicom").glob("*.dcm")))
    assert [s.SegmentLabel for s in segmentation.SegmentSequence] == ["right lung", "left lung"]


def test_infer_refuses_with_reasons_and_can_be_forced(data, tmp_path, capsys):
    lateral = write_projection(
        tmp_path / "b.dcm",
        tiny_pack.film().voxels[0].astype(np.uint16),
        change=lambda ds: setattr(ds, "ViewPosition", "LL"),
    )
    arguments = ["infer", lateral, "--pack", "tiny-lungs", "--out", tmp_path / "o", "--data", data]
    assert run([str(a) for a in arguments]) == 3
    assert "View is LL" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    report = answer(capsys, *arguments, "--force", "--json")
    assert report["forced"] is True
    findings = json.loads((tmp_path / "o" / "findings.json").read_text("utf-8"))["findings"]
    assert findings[0]["provenance"]["forced"] is True


@pytest.mark.parametrize("what", ["missing", "modality", "pack"])
def test_infer_bad_input(data, film, tmp_path, capsys, what):
    path = {"missing": tmp_path / "nothing", "pack": film}.get(what)
    if path is None:
        path = tmp_path / "ct"
        write_series(path, SeriesSpec())
    pack = "unknown" if what == "pack" else "tiny-lungs"
    arguments = ["infer", path, "--pack", pack, "--out", tmp_path / "o", "--data", data]
    assert run([str(a) for a in arguments]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_infer_on_nifti(tmp_path, capsys):
    made = tiny_pack.write_volume_pack(tmp_path / "made")
    archive = tiny_pack.zip_pack(made, tmp_path / "ball.zip")
    data = tmp_path / "data"
    answer(capsys, "packs", "add", archive, "--data", data, "--json")
    volume = tiny_pack.ball_volume()
    write_nifti(tmp_path / "image.nii.gz", volume.voxels, volume.geometry)
    out = tmp_path / "out"
    report = answer(
        capsys, "infer", tmp_path / "image.nii.gz", "--pack", "tiny-ball", "--out", out,
        "--data", data, "--json",
    )  # fmt: skip
    mask, geometry = read_nifti(out / report["outputs"][0]["mask"])
    assert geometry.same_grid(read_nifti(tmp_path / "image.nii.gz")[1])
    truth = volume.voxels > 100
    assert 2 * (truth & (mask > 0)).sum() / (truth.sum() + mask.sum()) > 0.93
    expected = mask.sum() * 1.0 * 1.5 * 3.0 / 1000
    assert report["outputs"][0]["volume_ml"] == pytest.approx(expected)
    assert not (out / "dicom").exists()


def test_infer_on_a_flat_film_keeps_its_grid_and_nothing_of_an_earlier_run(
    data, film, tmp_path, capsys
):
    out = tmp_path / "out"
    base = ["--pack", "tiny-lungs", "--out", out, "--data", data, "--json"]
    first = answer(capsys, "infer", film, *base)
    assert "dicom/ai-seg-1.dcm" in first["files"]
    (out / "mine.txt").write_text("stays", encoding="utf-8")
    image = sitk.GetImageFromArray(tiny_pack.film().voxels[0])
    image.SetSpacing((0.4, 0.4))
    sitk.WriteImage(image, tmp_path / "flat.nii.gz")
    second = answer(capsys, "infer", tmp_path / "flat.nii.gz", *base)
    mask = sitk.ReadImage(out / second["outputs"][0]["mask"])
    assert mask.GetDimension() == 2
    np.testing.assert_allclose(mask.GetSpacing(), (0.4, 0.4), atol=1e-6)
    left = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert left == {*second["files"], "run.json", "mine.txt"}


def test_infer_names_the_images_that_it_leaves_out(data, film, tmp_path, capsys):
    pixels = tiny_pack.film().voxels[0].astype(np.uint16)
    write_projection(tmp_path / "film" / "b.dcm", pixels)
    folder = tmp_path / "film"
    base = ["--pack", "tiny-lungs", "--out", tmp_path / "out", "--data", data, "--json"]
    (note,) = answer(capsys, "infer", folder, *base)["notes"]
    assert "1 more" in note["en"]
    assert "--series" in note["ru"]
    assert answer(capsys, "infer", film, *base)["notes"] == []


@pytest.fixture
def measured(tmp_path):
    """A box of 20 x 10 x 6 mm (label 2) and a heart and two lungs (labels 3, 4, 5)."""
    geometry = Geometry.from_arrays((80, 60, 40), (1, 1, 2), (0, 0, 0), np.eye(3), "")
    mask = np.zeros(geometry.shape_kji, np.uint8)
    mask[5:8, 10:20, 10:30] = 2
    mask[20:25, 20:30, 30:50] = 3
    mask[18:30, 20:40, 10:20] = 4
    mask[18:30, 20:40, 60:70] = 5
    image = np.where(mask == 2, 100, -50).astype(np.int16)
    write_nifti(tmp_path / "mask.nii.gz", mask, geometry)
    write_nifti(tmp_path / "image.nii.gz", image, geometry)
    return tmp_path


def test_measure(measured, capsys):
    arguments = ["measure", "--image", measured / "image.nii.gz"]
    arguments += ["--mask", measured / "mask.nii.gz", "--json"]
    found = answer(capsys, *arguments)
    assert found["schema"] == "overread.measure/1"
    rows = {(r["label"], r["kind"]): r for r in found["measurements"]}
    assert {
        "volume", "long_axis", "short_axis", "max_diameter_3d", "surface_area", "mean", "sd", "min",
        "max", "median", "p15", "centroid", "laa950", "agatston",
    } == {kind for label, kind in rows if label == 2}  # fmt: skip
    assert rows[2, "volume"]["value"] == pytest.approx(1.2)
    assert rows[2, "mean"]["value"] == 100
    assert rows[2, "centroid"]["value"] == pytest.approx([19.5, 14.5, 12.0])
    assert rows[2, "volume"]["status"] == "valid"


def test_measure_takes_a_mask_whose_axes_point_the_other_way(measured, capsys):
    mask, geometry = read_nifti(measured / "mask.nii.gz")
    i, j, _ = geometry.size_ijk
    mirrored = Geometry.from_arrays(
        geometry.size_ijk, geometry.spacing_ijk, geometry.ijk_to_lps((i - 1, j - 1, 0)),
        np.diag([-1, -1, 1]), "",
    )  # fmt: skip
    write_nifti(measured / "ras.nii.gz", mask[:, ::-1, ::-1].copy(), mirrored)
    base = ["measure", "--image", measured / "image.nii.gz", "--json", "--what", "volume,mean"]
    expected = answer(capsys, *base, "--mask", measured / "mask.nii.gz")
    assert answer(capsys, *base, "--mask", measured / "ras.nii.gz") == expected


def test_measure_writes_units_as_people_do(measured, capsys):
    arguments = ["measure", "--image", str(measured / "image.nii.gz")]
    arguments += ["--mask", str(measured / "mask.nii.gz"), "--what", "mean"]
    assert run(arguments) == 0
    assert "100 HU  valid" in capsys.readouterr().out


def test_measure_ratio_and_selection(measured, capsys):
    base = ["measure", "--mask", measured / "mask.nii.gz", "--json"]
    found = answer(
        capsys, *base, "--what", "cardiothoracic_ratio", "--labels", "heart=3,lungs=4+5"
    )["measurements"]
    assert [row["kind"] for row in found] == ["cardiothoracic_ratio"]
    assert found[0]["value"] == pytest.approx(20 / 60)
    only = answer(capsys, *base, "--what", "volume,mean")["measurements"]
    assert {row["kind"] for row in only} == {"volume", "mean"}
    assert {row["status"] for row in only if row["kind"] == "mean"} == {"failed"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mask", "absent.nii.gz"], "does not exist"),
        (["--mask", "mask.nii.gz", "--what", "beauty"], "no measurement"),
        (["--mask", "mask.nii.gz", "--what", "cardiothoracic_ratio"], "not named"),
        (["--mask", "mask.nii.gz", "--image", "other.nii.gz"], "same grid"),
        (["--mask", "text.nii.gz"], "not a readable"),
    ],
)
def test_measure_bad_input(measured, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(measured)
    (measured / "text.nii.gz").write_text("no image", "utf-8")
    other = Geometry.from_arrays((80, 60, 40), (1, 1, 3), (0, 0, 0), np.eye(3), "")
    write_nifti(measured / "other.nii.gz", np.zeros(other.shape_kji, np.int16), other)
    assert run(["measure", *arguments]) == 3
    assert words in capsys.readouterr().err


def test_measure_lists_its_definitions(capsys):
    listed = answer(capsys, "measure", "--list", "--json")
    assert listed["schema"] == "overread.measure-definitions/1"
    kinds = {kind["kind"]: kind for one in listed["definitions"] for kind in one["kinds"]}
    assert kinds["kidney_length"]["unit"] == "mm"
    assert set(kinds["kidney_length"]["name"]) == {"en", "ru"}
    assert run(["measure", "--list"]) == 0
    assert "kidney-length@1" in capsys.readouterr().out
    assert run(["measure", "--json"]) == 3  # neither a list nor a mask


def test_measure_named_structures(tmp_path, capsys):
    geometry = Geometry.from_arrays((40, 40, 60), (2, 2, 2), (0, 0, 0), np.eye(3), "")
    mask = np.zeros(geometry.shape_kji, np.uint8)
    mask[10:50, 10:20, 10:20] = 2
    write_nifti(tmp_path / "mask.nii.gz", mask, geometry)
    file = tmp_path / "mask.nii.gz"
    rows = answer(
        capsys, "measure", "--mask", file, "--labels", "totalsegmentator", "--what",
        "kidney_length,kidney_volume", "--about", "age=50,sex=F", "--json",
    )["measurements"]  # fmt: skip
    right = next(r for r in rows if r["structure"] == "kidney_right" and r["unit"] == "mm")
    assert (right["label"], right["kind"], right["method"]) == (
        2,
        "kidney_length",
        "kidney-length@1",
    )
    assert right["value"] == pytest.approx(80, abs=1)
    assert right["reference"]["population"].startswith("adults")
    assert len(right["points_lps"]) == 2
    left = next(r for r in rows if r["structure"] == "kidney_left")
    assert (left["status"], left["value"]) == ("absent", None)
    everything = answer(capsys, "measure", "--mask", file, "--labels", "kidney_right=2", "--json")
    kinds = {row["kind"] for row in everything["measurements"]}
    assert {"volume", "kidney_volume", "kidney_length"} <= kinds
    for wrong in (["--labels", "kidney"], ["--about", "mood=good"], ["--points", "level=1/2"]):
        told = ["measure", "--mask", str(file), "--labels", "kidney_right=2", *wrong]
        assert run([*told, "--json"]) == 3


def test_packs_pack_sign_keys_add_and_use(data, tmp_path, capsys):
    """A second version is sealed, signed, trusted, added with its sample run, and put in use."""
    folder = tiny_pack.write_film_pack(tmp_path / "second")
    tiny_pack.add_golden(folder)
    tiny_pack.change_manifest(folder, lambda m: m.update(version="1.1.0"))
    file, key = tmp_path / "second.overreadpack", tmp_path / "key.pem"
    made = answer(capsys, "packs", "keys", "new", key, "--json", "--data", data)["made"]
    sealed = answer(capsys, "packs", "pack", folder, "--out", file, "--json")
    assert (sealed["id"], sealed["version"], sealed["key_id"]) == ("tiny-lungs", "1.1.0", "")
    assert run(["packs", "keys", "require", "--data", str(data)]) == 0
    assert run(["packs", "add", str(file), "--data", str(data)]) == 3
    assert "not signed" in capsys.readouterr().err
    signed = answer(capsys, "packs", "sign", file, "--key", key, "--json")
    assert signed["key_id"] == made["key_id"]
    assert run(["packs", "add", str(file), "--data", str(data)]) == 3
    assert "not trusted" in capsys.readouterr().err
    answer(capsys, "packs", "keys", "trust", made["public_key"], "--json", "--data", data)
    (added,) = answer(capsys, "packs", "add", file, "--json", "--data", data)["packs"]
    assert added["signed_by"] == made["key_id"]
    assert added["sample"]["reproduced"]
    keys = answer(capsys, "packs", "keys", "allow", "--json", "--data", data)
    assert [row["key_id"] for row in keys["trusted"]] == [made["key_id"]]
    used = answer(capsys, "packs", "use", "tiny-lungs@1.0.0", "--json", "--data", data)
    assert [(r["version"], r["in_use"]) for r in used["packs"]] == [
        ("1.0.0", True),
        ("1.1.0", False),
    ]
    shadow = ("packs", "use", "tiny-lungs@1.1.0", "--mode", "shadow", "--json", "--data", data)
    assert answer(capsys, *shadow)["packs"][1]["mode"] == "shadow"
    assert run(["packs", "list", "--data", str(data)]) == 0
    assert f"shadow, signed by {made['key_id']}" in capsys.readouterr().out
    found = answer(capsys, "packs", "verify", "tiny-lungs", "--run", "--json", "--data", data)
    assert [row["sample"] is None for row in found["packs"]] == [True, False]
    assert run(["packs", "remove", "tiny-lungs", "--data", str(data)]) == 3
    answer(capsys, "packs", "remove", "tiny-lungs@1.1.0", "--json", "--data", data)


def test_packs_compare_two_versions(data, film, tmp_path, capsys):
    folder = tiny_pack.write_film_pack(tmp_path / "second")
    tiny_pack.change_manifest(
        folder, lambda m: m.update(version="1.1.0") or m["output"].update(post=[{"step": "argmax"}])
    )
    file = tiny_pack.zip_pack(folder, tmp_path / "second.overreadpack")
    answer(capsys, "packs", "add", file, "--json", "--data", data)
    names = ("tiny-lungs@1.0.0", "tiny-lungs@1.1.0")
    found = answer(capsys, "packs", "compare", *names, film, "--json", "--data", data)
    assert found["schema"] == "overread.compare/1"
    assert [row["version"] for row in found["packs"]] == ["1.0.0", "1.1.0"]
    assert [row["label"] for row in found["labels"]] == ["right lung", "left lung"]
    assert all(0.99 < row["dice"] <= 1.0 for row in found["labels"])
    assert run(["packs", "compare", *names, str(film), "--data", str(data)]) == 0
    assert "right lung: Dice" in capsys.readouterr().out


def test_infer_with_a_detector_writes_boxes_as_sr(tmp_path, film, capsys):
    folder = task_packs.film_detector(tmp_path / "made")
    file, data, out = tmp_path / "boxes.overreadpack", tmp_path / "data", tmp_path / "out"
    answer(capsys, "packs", "pack", folder, "--out", file, "--json")
    answer(capsys, "packs", "add", file, "--json", "--data", data)
    tiny_pack.switch_off_film_check(data)
    report = answer(
        capsys, "infer", film, "--pack", "tiny-boxes", "--out", out, "--json", "--data", data
    )
    assert report["files"] == ["findings.json", "scores.json", "dicom/ai-sr-1.dcm"]
    findings = json.loads((out / "findings.json").read_text("utf-8"))["findings"]
    assert [row["region"]["kind"] for row in findings] == ["box", "box"]
    document = pydicom.dcmread(out / "dicom" / "ai-sr-1.dcm")
    assert document.VerificationFlag == "UNVERIFIED"
    text = str(document)
    assert text.count("POLYLINE") == 2
    assert text.count("model score") == 2
