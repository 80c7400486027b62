"""TotalSegmentator's tasks: classes, codes, sides; nothing gets the code of something else."""

from __future__ import annotations

import pytest

from app.core.errors import BundleRefused
from app.inference.importing.nnunet import NnunetRequest
from app.inference.importing.pack_file import write_pack
from app.inference.importing.totalsegmentator import (
    import_totalsegmentator,
    known_classes,
    task_models,
)
from tests.support.foreign_models import nnunet_dataset, nnunet_plans, write_nnunet


def folder_of(tmp_path, names, spacing=(1.5, 1.5, 1.5), patch=(16, 16, 16)):
    labels = {"background": 0} | {name: n for n, name in enumerate(names, 1)}
    plans = nnunet_plans(spacing=list(spacing), patch_size=list(patch))
    return write_nnunet(
        tmp_path, plans, nnunet_dataset(labels), trainer="nnUNetTrainerNoMirroring"
    )  # fmt: skip


def model_of(task, part):
    return next(m for m in task_models() if (m.task, m.part) == (task, part))


def test_the_tables_are_whole():
    known = known_classes()
    sides = {"left", "right", None}
    for model in task_models():
        assert len(set(model.classes)) == len(model.classes)
        assert 0 < model.overlap <= 0.5
    assert {name for model in task_models() for name in model.classes} - set(known) == {
        "intervertebral_discs"
    }
    assert len(model_of("total", "fast").classes) == 117
    for name, entry in known.items():
        stated = next((s for s in ("left", "right") if s in name.split("_")), None)
        assert entry.laterality == stated, name
        assert entry.laterality in sides
        assert entry.name_en != entry.name_ru


def test_trap_a_code_that_has_a_side_of_its_own_is_not_given_to_the_other_side():
    """The source gives 29700009, which is the right artery, to both subclavian arteries."""
    known = known_classes()
    for name in ("subclavian_artery_left", "subclavian_artery_right"):
        assert known[name].code["value"] == "36765005"


def test_the_five_parts_together_are_the_whole_task():
    parts = [m for m in task_models() if m.task == "total" and not m.part.startswith("fast")]
    names = [name for part in parts for name in part.classes]
    assert len(parts) == 5
    assert sorted(names) == sorted(model_of("total", "fast").classes)


def test_a_part_becomes_a_pack_with_codes_sides_and_no_mirroring(tmp_path):
    part = model_of("total", "organs")
    request = NnunetRequest(folder=folder_of(tmp_path, part.classes))
    pack = write_pack(import_totalsegmentator(request, "total", order=1), tmp_path / "a.zip")
    assert pack.id == "totalsegmentator-total-organs"
    assert pack.infer.mirror_axes == ()
    assert pack.infer.overlap == 0.2
    first, last = pack.input.steps[0], pack.input.steps[-1]
    assert (first.step, getattr(first, "axes", "")) == ("orient_volume", "RAS")
    assert getattr(last, "order", None) == 1
    kidney = pack.label(3)
    assert (kidney.code.value, kidney.laterality) == ("64033007", "left")
    assert kidney.name.ru == "левая почка"
    assert pack.label(1).code.value == "78961009"
    cyst = pack.label(23)
    assert (cyst.code.value, cyst.category.value) == ("367643001", "49755003")
    assert cyst.site is not None
    assert cyst.site.value == "64033007"
    assert pack.imported is not None
    assert "codes" not in pack.imported.unknown
    assert pack.input.units == "HU"


def test_a_folder_with_other_classes_is_refused(tmp_path):
    names = list(model_of("total", "organs").classes)
    names[1], names[2] = names[2], names[1]
    request = NnunetRequest(folder=folder_of(tmp_path, names))
    with pytest.raises(BundleRefused, match='label 2 is "kidney_left", not "kidney_right"'):
        import_totalsegmentator(request, "total")


def test_a_folder_at_another_spacing_is_refused(tmp_path):
    part = model_of("total", "organs")
    request = NnunetRequest(folder=folder_of(tmp_path, part.classes, (2.0, 2.0, 2.0)))
    with pytest.raises(BundleRefused, match="spacing"):
        import_totalsegmentator(request, "total")


def test_a_task_that_needs_another_ones_masks_is_refused(tmp_path):
    request = NnunetRequest(folder=folder_of(tmp_path, ["lung", "lung_nodules"]))
    with pytest.raises(BundleRefused, match="masks of another one first"):
        import_totalsegmentator(request, "lung_nodules")


def test_classes_without_a_code_get_none_of_another(tmp_path):
    part = model_of("vertebrae_body", "")
    request = NnunetRequest(folder=folder_of(tmp_path, part.classes))
    pack = write_pack(import_totalsegmentator(request, "vertebrae_body"), tmp_path / "a.zip")
    assert pack.label(2).code.scheme == "99OVERREAD"
    assert pack.imported is not None
    assert "codes" in pack.imported.unknown
