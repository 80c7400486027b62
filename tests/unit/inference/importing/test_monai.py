"""MONAI bundles: what is recognised is mapped, the rest is refused, nothing is executed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.core.errors import BundleRefused
from app.inference.importing.monai import BundleRequest, import_monai
from tests.support.foreign_models import conv_graph

FIXTURES = Path(__file__).parent / "fixtures"
MAGIC = "$__import__('os').system('touch executed')"


def bundle(tmp_path, change=None, metadata=None):
    folder = tmp_path / "bundle"
    shutil.copytree(FIXTURES / "monai" / "spaced", folder)
    for name, apply in (("inference", change), ("metadata", metadata)):
        path = folder / "configs" / f"{name}.json"
        data = json.loads(path.read_text("utf-8"))
        if apply is not None:
            apply(data)
        path.write_text(json.dumps(data), encoding="utf-8")
    return folder


def refused(folder, **options):
    with pytest.raises(BundleRefused) as caught:
        import_monai(BundleRequest(folder, **options))
    assert caught.value.ru != caught.value.message
    return caught.value.message


def step(name, **arguments):
    return {"_target_": name, "keys": "image", **arguments}


def test_a_bundle_becomes_the_same_steps(tmp_path):
    manifest = import_monai(BundleRequest(bundle(tmp_path))).manifest
    orient, resample, normalize, clip = manifest["input"]["steps"]
    # MONAI's arrays are [i, j, k] in RAS; ours [k, j, i], so k must run to the right
    assert orient == {"step": "orient_volume", "axes": "SAR"}
    assert resample["spacing_kji"] == [2.0, 2.0, 3.0]
    assert resample["anchor"] == "first_voxel"
    assert (normalize["mean"], normalize["std"]) == (-400.0, 1000.0)
    assert (clip["low"], clip["high"]) == (0.0, 1.0)
    infer = manifest["infer"]
    assert (infer["placement"], infer["overlap"]) == ("interval", 0.25)
    assert infer["window"]["kind"] == "gaussian_middle"
    assert (infer["back"], infer["activation"]) == ("probability", "softmax")
    assert manifest["input"]["units"] == "HU"
    assert [row["name"]["en"] for row in manifest["output"]["labels"]] == ["first", "second"]
    assert set(manifest["imported"]["unknown"]) >= {"intended_use", "licence", "codes"}


def test_trap_an_expression_is_never_executed(tmp_path, monkeypatch):
    """A bundle's ``$`` is Python (copilot-practice 7, trap 4)."""
    monkeypatch.chdir(tmp_path)

    def change(data):
        data["imports"] = [MAGIC]
        data["pixdim"] = MAGIC
        data["preprocessing"]["transforms"][0]["reader"] = MAGIC

    assert "expression" in refused(bundle(tmp_path, change))
    assert not (tmp_path / "executed").exists()


def test_an_expression_where_nothing_depends_on_it_does_no_harm(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def change(data):
        data["output_dir"] = MAGIC
        data["preprocessing"]["transforms"][0]["reader"] = MAGIC

    assert import_monai(BundleRequest(bundle(tmp_path, change)))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("position", "replacement", "word"),
    [
        (0, step("os.system"), "not MONAI's own"),
        (0, step("monai.transforms.Lambdad", func="$lambda x: x"), "Lambdad"),
        (0, step("RandFlipd"), "RandFlipd"),
        (0, {"target": "x"}, "no component"),
        (2, step("Orientationd", axcodes="RASX"), "axcodes"),
        (3, step("Spacingd", pixdim=[1, 1, 0]), "Spacing"),
        (3, step("Spacingd", pixdim=[1, 1, 1], mode="bicubic"), "Spacing"),
        (3, step("Spacingd", pixdim=[1, 1, 1], scale_extent=True), "Spacing"),
        (3, step("Spacingd", pixdim=[1, 1, 1], new_argument=1), "new_argument"),
        (3, step("Spacingd", pixdim="@nothing"), "not there"),
        (3, step("Spacingd", pixdim="@loop"), "circle"),
        (3, step("Spacingd", pixdim="%other.json#x"), "another file"),
        (4, step("ScaleIntensityRanged", a_min=5, a_max=5, b_min=0, b_max=1), "does not rise"),
        (4, step("ScaleIntensityRanged", a_min="5", a_max=6), "not a number"),
        (4, step("NormalizeIntensityd", subtrahend=3.0), "mixes"),
        (4, step("CropForegroundd", margin=10), "margin"),
        (4, step("Resized", spatial_size=[64, 64, 64]), "Resized"),
    ],
)
def test_what_cannot_be_mapped_before_the_model_is_named(tmp_path, position, replacement, word):
    def change(data):
        data["loop"] = "@loop"
        data["preprocessing"]["transforms"][position] = replacement

    assert word in refused(bundle(tmp_path, change))


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("inferer", {"_target_": "SaliencyInferer"}, "SaliencyInferer"),
        ("inferer", {"_target_": "SlidingWindowInferer", "roi_size": [8, 8]}, "dimensions"),
        ("inferer", {"_target_": "SlidingWindowInferer", "roi_size": [8, 8, 8]}, "made for"),
        ("inferer", {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16],
                     "overlap": [0.1, 0.2, 0.3]}, "differs by axis"),
        ("inferer", {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16],
                     "mode": "hann"}, "window"),
        ("inferer", {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16],
                     "padding_mode": "reflect"}, "padding"),
        ("postprocessing", {"_target_": "Compose", "transforms": []}, "no AsDiscreted"),
        ("postprocessing", {"_target_": "Activationsd", "softmax": True}, "no AsDiscreted"),
        ("postprocessing", {"_target_": "Activationsd"}, "softmax and sigmoid"),
        ("postprocessing", {"_target_": "Compose", "transforms": [
            {"_target_": "Invertd", "keys": "pred"}]}, "nearest"),
        ("postprocessing", {"_target_": "Compose", "transforms": "x"}, "lists no transforms"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_after_the_model_is_named(tmp_path, key, value, word):
    assert word in refused(bundle(tmp_path, lambda data: data.update({key: value})))


def test_disabled_steps_and_references_into_lists(tmp_path):
    def change(data):
        data["steps"] = data["preprocessing"]["transforms"]
        data["preprocessing"]["transforms"] = "@steps"
        data["steps"].append(step("Lambdad", _disabled_=True))
        data["steps"][3]["pixdim"] = ["@pixdim::0", "@pixdim#1", "@pixdim::2"]

    manifest = import_monai(BundleRequest(bundle(tmp_path, change))).manifest
    assert manifest["input"]["steps"][1]["spacing_kji"] == [2.0, 2.0, 3.0]


def test_without_an_orientation_somebody_must_state_it(tmp_path):
    def change(data):
        del data["preprocessing"]["transforms"][2]

    folder = bundle(tmp_path, change)
    assert "orientation is not known" in refused(folder)
    manifest = import_monai(BundleRequest(folder, orientation="LPS")).manifest
    assert manifest["input"]["steps"][0] == {"step": "orient_volume", "axes": "SPL"}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda image, _: image.update(num_channels=2), "2 channels"),
        (lambda image, _: image.update(modality="XYZ"), "modality"),
        (lambda _, pred: pred.update(channel_def={"0": "background", "2": "a"}), "from 0"),
        (lambda _, pred: pred.update(channel_def={"0": "a", "1": "b", "2": "c"}), "background"),
        (lambda _, pred: pred.update(channel_def={"0": "background", "1": "a"}), "channels in"),
        (lambda _, pred: pred.update(channel_def={"0": "background", "1": "\x07", "2": "c"}),
         "plain text"),
    ],
)  # fmt: skip
def test_metadata_that_does_not_fit(tmp_path, change, word):
    def apply(data):
        network = data["network_data_format"]
        change(network["inputs"]["image"], network["outputs"]["pred"])

    assert word in refused(bundle(tmp_path, metadata=apply))


def test_files_that_are_missing_or_broken(tmp_path):
    folder = bundle(tmp_path)
    (folder / "models" / "model.onnx").write_bytes(b"PK\x03\x04")
    assert "not an ONNX graph" in refused(folder)
    (folder / "models" / "model.onnx").write_bytes(conv_graph(1, 3, (8, 8, 8)))
    assert "made for" in refused(folder)
    (folder / "models" / "model.onnx").unlink()
    assert "no models/model.onnx" in refused(folder)
    text = (folder / "configs" / "inference.json").read_text("utf-8")
    (folder / "configs" / "inference.json").write_text(text[:-30], encoding="utf-8")
    assert "not whole" in refused(folder)
    (folder / "configs" / "metadata.json").write_text("[]", encoding="utf-8")
    assert "not a JSON object" in refused(folder)
