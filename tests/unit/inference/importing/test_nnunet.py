"""nnU-Net folders as packs: what is read, what is asked for, what is refused."""

from __future__ import annotations

import json

import pytest

from app.core.errors import BundleRefused
from app.inference.importing.facts import Facts
from app.inference.importing.nnunet import NnunetRequest, import_nnunet, transposed
from app.inference.importing.nnunet_trainers import mirror_axes_of, parse_folder_name
from app.inference.importing.pack_file import write_pack
from tests.support.foreign_models import (
    conv_graph,
    nnunet_dataset,
    nnunet_plans,
    write_nnunet,
)


def draft(folder, **options):
    return import_nnunet(NnunetRequest(folder=folder, **options))


def refused(folder, **options):
    with pytest.raises(BundleRefused) as caught:
        draft(folder, **options)
    assert caught.value.ru != caught.value.message
    return caught.value.message


def test_a_ct_model_becomes_a_pack_with_nnunets_own_steps(tmp_path):
    made = draft(write_nnunet(tmp_path))
    manifest = made.manifest
    assert [step["step"] for step in manifest["input"]["steps"]] == [
        "crop_nonzero", "clip", "normalize", "resample",
    ]  # fmt: skip
    clip, normalize, resample = manifest["input"]["steps"][1:]
    assert (clip["low"], clip["high"]) == (-400.0, 600.0)
    assert (normalize["mean"], normalize["std"]) == (40.0, 120.0)
    assert resample["spacing_kji"] == [2.0, 2.0, 2.0]
    assert (resample["order"], resample["order_z"]) == (3, 0)
    assert manifest["infer"] == {
        "patch": [16, 16, 16], "overlap": 0.5, "mirror_axes": [0, 1, 2], "activation": "softmax",
    }  # fmt: skip
    assert manifest["input"]["units"] == "HU"
    assert manifest["output"]["post"] == [{"step": "argmax"}]


def test_what_nobody_stated_is_marked_as_unknown_and_written(tmp_path):
    pack = write_pack(draft(write_nnunet(tmp_path)), tmp_path / "a.overreadpack")
    assert pack.imported is not None
    assert set(pack.imported.unknown) == {
        "intended_use", "not_for", "licence", "population", "codes", "orientation",
        "training_data", "limits",
    }  # fmt: skip
    assert pack.licence == "NOASSERTION"


def test_facts_of_a_person_leave_nothing_unknown(tmp_path):
    text = {"en": "For x.", "ru": "Для x."}
    facts = Facts.model_validate_json(json.dumps({
        "id": "my-nodules", "licence": "CC-BY-4.0", "intended_use": text, "not_for": [text],
        "orientation": "RAS", "training_data": "50 scans", "limits": [text],
        "series": {"modality": ["CT"], "age": {"min": 18.0}},
        "labels": {"nodule": {"code": {"value": "27925004", "scheme": "SCT", "meaning": "Nodule"},
                              "significance": "significant"}},
    }))  # fmt: skip
    pack = write_pack(draft(write_nnunet(tmp_path), facts=facts), tmp_path / "a.overreadpack")
    assert pack.imported is not None
    assert pack.imported.unknown == ()
    assert pack.id == "my-nodules"
    assert pack.label(1).code.value == "27925004"
    assert pack.input.series[0].age.min == 18.0
    assert pack.input.steps[0].step == "orient_volume"


def test_trap_an_unknown_label_never_becomes_something_else(tmp_path):
    """MONAI Label writes Spleen 78961009 for every label that it does not know (trap 2)."""
    labels = {"background": 0, "spleen": 1, "thing nobody knows": 2}
    pack = write_pack(
        draft(write_nnunet(tmp_path, dataset=nnunet_dataset(labels)), orientation="RAS"),
        tmp_path / "a.overreadpack",
    )
    codes = [label.code for label in pack.output.labels]
    assert {code.scheme for code in codes} == {"99OVERREAD"}
    assert len({code.value for code in codes}) == 2
    assert all(len(code.value) <= 16 for code in codes)
    assert codes[1].meaning == "thing nobody knows"


def test_trap_sides_and_mirroring_do_not_go_together(tmp_path):
    labels = {"background": 0, "kidney_left": 1, "kidney_right": 2}
    folder = write_nnunet(tmp_path, dataset=nnunet_dataset(labels))
    assert "exchanges them" in refused(folder, orientation="RAS")
    made = draft(folder, orientation="RAS", mirror_axes=())
    assert [row["laterality"] for row in made.manifest["output"]["labels"]] == ["left", "right"]
    assert made.manifest["infer"]["mirror_axes"] == []


def test_an_orientation_is_asked_for_where_the_result_depends_on_it(tmp_path):
    folder = write_nnunet(tmp_path, trainer="nnUNetTrainerNoMirroring")
    assert "orientation" in refused(folder)
    made = draft(folder, orientation="as-stored")
    assert made.manifest["input"]["steps"][0]["step"] == "crop_nonzero"
    assert draft(folder, orientation="LPS").manifest["input"]["steps"][0] == {
        "step": "orient_volume", "axes": "LPS",
    }  # fmt: skip
    assert "not like RAS" in refused(folder, orientation="RAP2")


def test_the_transposition_of_the_plans_goes_into_the_orientation():
    assert transposed("RAS", (0, 1, 2)) == "RAS"
    # arrays are (k, j, i) = (S, A, R); forward (2, 0, 1) makes them (R, S, A), so i j k = A S R
    assert transposed("RAS", (2, 0, 1)) == "ASR"


def test_an_unknown_trainer_is_asked_for(tmp_path):
    folder = write_nnunet(tmp_path, trainer="nnUNetTrainerMyOwn")
    assert "nnUNetTrainerMyOwn" in refused(folder)
    assert draft(folder, mirror_axes=(0, 1)).manifest["infer"]["mirror_axes"] == [0, 1]
    assert "beyond" in refused(
        write_nnunet(tmp_path / "b", nnunet_plans(patch_size=[16, 16], spacing=[1.0, 1.0])),
        mirror_axes=(2,),
    )


@pytest.mark.parametrize(
    ("trainer", "dimensions", "axes"),
    [
        ("nnUNetTrainer", 3, (0, 1, 2)),
        ("nnUNetTrainer", 2, (0, 1)),
        ("nnUNetTrainerNoMirroring", 3, ()),
        ("nnUNetTrainer_4000epochs_NoMirroring", 3, ()),
        ("nnUNetTrainer_250epochs", 3, (0, 1, 2)),
        ("nnUNetTrainer_DASegOrd0_NoMirroring", 3, ()),
        ("nnUNetTrainer_onlyMirror01", 3, (0, 1)),
        ("nnUNetTrainer_onlyMirror01", 2, (0,)),
        ("nnUNetTrainerNoMirroringAtAllX", 3, None),
        ("", 3, None),
    ],
)
def test_mirrored_axes_by_trainer(trainer, dimensions, axes):
    assert mirror_axes_of(trainer, dimensions) == axes


def test_names_of_model_folders():
    assert parse_folder_name("nnUNetTrainer__nnUNetPlans__3d_fullres") == (
        "nnUNetTrainer", "3d_fullres",
    )  # fmt: skip
    assert parse_folder_name("my_model") is None


def test_the_ignore_label_is_no_class(tmp_path):
    labels = {"background": 0, "nodule": 1, "ignore": 2}
    made = draft(write_nnunet(tmp_path, dataset=nnunet_dataset(labels)))
    assert len(made.manifest["output"]["labels"]) == 1
    assert "ignore" in made.notes[0].en
    wrong = {"background": 0, "ignore": 1, "nodule": 2}
    assert "consecutive" in refused(write_nnunet(tmp_path / "b", dataset=nnunet_dataset(wrong)))
    high = {"background": 0, "nodule": 1, "ignore": 7}
    assert "highest" in refused(write_nnunet(tmp_path / "c", dataset=nnunet_dataset(high)))


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        ({"background": 0, "a": 1, "b": 3}, "consecutive"),
        ({"a": 1}, "background"),
        ({"background": 1, "a": 0}, "background"),
        ({"background": 0, "a": 1, "b": 1}, "one number"),
        ({"0": "background", "1": "a"}, "v1"),
        ({"background": 0, "a": "1"}, "not a number"),
        ({"background": 0, "a": 1.5}, "whole"),
        ({"background": 0}, "no label"),
        ({"background": 0, "a\n../b": 1}, "plain text"),
        ({"background": 0, "a" * 200: 1}, "plain text"),
        ({"background": 0, "": 1}, "no name"),
        ({"background": 0, "a": [1, 2], "b": 2}, "regions_class_order"),
    ],
)
def test_labels_that_cannot_be(tmp_path, labels, word):
    folder = write_nnunet(tmp_path, dataset=nnunet_dataset(labels), heads=3)
    assert word in refused(folder)


def test_channels_of_files_and_graph_must_agree(tmp_path):
    folder = write_nnunet(tmp_path)
    (folder / "fold_0" / "model.onnx").write_bytes(conv_graph(2, 2, (16, 16, 16)))
    assert "takes 2 channels" in refused(folder)
    (folder / "fold_0" / "model.onnx").write_bytes(conv_graph(1, 5, (16, 16, 16)))
    assert "gives 5 channels" in refused(folder)
    (folder / "fold_0" / "model.onnx").write_bytes(conv_graph(1, 2, (8, 16, 16)))
    assert "patch of the plans" in refused(folder)
    (folder / "fold_0" / "model.onnx").write_bytes(conv_graph(1, 2, (16, 16)))
    assert "dimensions" in refused(folder)
    (folder / "fold_0" / "model.onnx").write_bytes(b"\x80\x04not a graph at all")
    assert "not an ONNX graph" in refused(folder)


def test_several_channels_need_several_series_which_a_pack_cannot_read(tmp_path):
    dataset = nnunet_dataset(channel_names={"0": "T1", "1": "T2"})
    plans = nnunet_plans(
        normalization_schemes=["ZScoreNormalization"] * 2, use_mask_for_norm=[True, True]
    )
    assert "2 images at once" in refused(write_nnunet(tmp_path, plans, dataset))


def test_a_fold_that_is_missing_is_named(tmp_path):
    folder = write_nnunet(tmp_path, folds=2)
    assert "fold 3 is missing" in refused(folder, folds=("0", "3"))
    for path in folder.glob("fold_*/model.onnx"):
        path.unlink()
    assert "no ONNX file" in refused(folder)


def test_folds_must_be_of_one_form(tmp_path):
    folder = write_nnunet(tmp_path, folds=2)
    (folder / "fold_1" / "model.onnx").write_bytes(conv_graph(1, 3, (16, 16, 16)))
    assert "other inputs or outputs" in refused(folder)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"normalization_schemes": ["MyNormalization"]}, "MyNormalization"),
        ({"normalization_schemes": []}, "normalises 0 channels"),
        ({"use_mask_for_norm": [None]}, "use_mask_for_norm"),
        ({"previous_stage": "3d_lowres"}, "cascade"),
        ({"preprocessor_name": "os.system"}, "preprocessor_name"),
        ({"resampling_fn_data": "eval"}, "resampling_fn_data"),
        ({"spacing": [2.0, 0.0, 2.0]}, "out of range"),
        ({"spacing": [2.0, 2.0]}, "axes"),
        ({"patch_size": [16, 16, True]}, "not a number"),
        ({"patch_size": [16, 16, 1e9]}, "out of range"),
        ({"resampling_fn_data_kwargs": {"order": 7}}, "not supported"),
        ({"resampling_fn_probabilities_kwargs": {"order": 3, "force_separate_z": None}}, "logits"),
        ({"inherits_from": "3d_fullres"}, "circle"),
        ({"inherits_from": "nothing"}, "no configuration"),
    ],
)
def test_plans_that_ask_for_the_unknown(tmp_path, change, word):
    assert word in refused(write_nnunet(tmp_path, nnunet_plans(**change)))


def test_configurations_inherit(tmp_path):
    plans = nnunet_plans()
    plans["configurations"]["3d_big"] = {"inherits_from": "3d_fullres", "spacing": [1.0, 1.0, 1.0]}
    folder = write_nnunet(tmp_path, plans)
    made = draft(folder, configuration="3d_big")
    assert made.manifest["input"]["steps"][-1]["spacing_kji"] == [1.0, 1.0, 1.0]
    assert made.manifest["infer"]["patch"] == [16, 16, 16]


def test_a_folder_without_a_telling_name_asks_for_the_configuration(tmp_path):
    plans = nnunet_plans()
    plans["configurations"]["2d"] = {}
    folder = write_nnunet(tmp_path, plans).rename(tmp_path / "model")
    assert "several configurations" in refused(folder, trainer="nnUNetTrainer")
    assert draft(folder, trainer="nnUNetTrainer", configuration="3d_fullres")


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("transpose_forward", [0, 1, 1], "transpose_forward"),
        ("transpose_backward", [1, 0, 2], "transpose_backward"),
        ("label_manager", "os.system", "label_manager"),
        ("image_reader_writer", "pickle", "reader"),
        ("image_reader_writer", "NaturalImage2DIO", "PNG"),
        ("configurations", [], "no configurations"),
        ("foreground_intensity_properties_per_channel", {}, "intensity figures"),
    ],
)
def test_plans_that_contradict_themselves(tmp_path, key, value, word):
    folder = write_nnunet(tmp_path).rename(tmp_path / "model")
    plans = nnunet_plans() | {key: value}
    (folder / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    assert word in refused(folder, trainer="nnUNetTrainer")


def test_the_export_of_the_conversion_script_answers_what_names_cannot(tmp_path):
    folder = write_nnunet(tmp_path, trainer="nnUNetTrainerMyOwn").rename(tmp_path / "x")
    facts = {
        "format": "overread.nnunet-export/1",
        "trainer": "nnUNetTrainerMyOwn",
        "configuration": "3d_fullres",
        "mirror_axes": [0, 1, 2],
        "folds": [{"fold": "0", "file": "fold_0/model.onnx"}],
    }
    (folder / "overread-export.json").write_text(json.dumps(facts), encoding="utf-8")
    assert draft(folder).manifest["infer"]["mirror_axes"] == [0, 1, 2]
    facts["folds"][0]["file"] = "../../elsewhere.onnx"
    (folder / "overread-export.json").write_text(json.dumps(facts), encoding="utf-8")
    (tmp_path.parent / "elsewhere.onnx").write_bytes(conv_graph(1, 2, (16, 16, 16)))
    assert "leads out" in refused(folder) or "missing" in refused(folder)
    facts["mirror_axes"] = "all"
    (folder / "overread-export.json").write_text(json.dumps(facts), encoding="utf-8")
    assert "conversion script" in refused(folder)


def test_files_that_are_not_whole_or_not_there(tmp_path):
    folder = write_nnunet(tmp_path)
    good = (folder / "plans.json").read_text("utf-8")
    (folder / "plans.json").write_text(good[:-20], encoding="utf-8")
    assert "not whole" in refused(folder)
    (folder / "plans.json").write_text("[" * 100_000, encoding="utf-8")
    assert "not whole" in refused(folder)
    (folder / "plans.json").write_text('{"a": NaN}', encoding="utf-8")
    assert "not whole" in refused(folder)
    (folder / "plans.json").write_text('{"a": 1, "a": 2}', encoding="utf-8")
    assert "not whole" in refused(folder)
    (folder / "plans.json").unlink()
    assert "no plans.json" in refused(folder)
    assert "not there" in refused(tmp_path / "nothing")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = write_nnunet(tmp_path)
    outside = tmp_path / "outside.json"
    outside.write_text((folder / "plans.json").read_text("utf-8"), encoding="utf-8")
    (folder / "plans.json").unlink()
    (folder / "plans.json").symlink_to(outside)
    assert "leads out" in refused(folder)


def test_the_modality_is_asked_for_where_the_channel_does_not_name_it(tmp_path):
    folder = write_nnunet(tmp_path, dataset=nnunet_dataset(channel_names={"0": "image"}))
    assert "names no modality" in refused(folder)
    assert draft(folder, modality="ct").manifest["input"]["series"][0]["modality"] == ["CT"]
