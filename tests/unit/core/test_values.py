"""Small laws of the domain's values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.codes import NODULE, Code
from app.core.errors import AppError, OpenDiscrepancies, StoreError
from app.core.finding import Decision, decide
from app.core.geometry import Box
from app.core.measurement import Measurement
from app.core.message import decimal, number_ru
from app.core.report import Discrepancy, Message, Span, findings_sha256, text_sha256
from app.core.segmentation import Mask, MaskPatch
from app.core.study import PatientText, SeriesRef
from app.core.volume import Rescale, Volume
from tests.support.domain import model_finding

REF = SeriesRef("1", "2")


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_hash_of_findings_ignores_their_order(order: list[str]) -> None:
    found = [model_finding(uid) for uid in order]
    assert findings_sha256(found) == findings_sha256(sorted(found, key=lambda f: f.uid))


def test_the_hash_of_findings_sees_every_decision() -> None:
    finding = model_finding()
    accepted = decide(finding, Decision("accept", "Dr", "2026"))
    assert findings_sha256([finding]) != findings_sha256([accepted])
    assert findings_sha256([accepted]) == findings_sha256(
        [replace(accepted, decision=Decision("accept", "Dr", "2027"))]
    )


def test_the_hash_of_a_text_is_over_utf8() -> None:
    assert text_sha256("выпот") != text_sha256("выпот ")


def test_a_discrepancy_keeps_its_id_while_other_text_moves() -> None:
    one = Discrepancy("unit-slip", "block", Message("a", "а"), "1", (Span(3, 8, "12 cm"),))
    moved = replace(one, spans=(Span(30, 35, "12 cm"),), message=Message("b", "б"))
    assert one.id == moved.id
    assert one.id != replace(one, spans=(Span(3, 8, "13 cm"),)).id


def test_a_measurement_needs_unit_method_and_value() -> None:
    with pytest.raises(ValueError, match="unit"):
        Measurement("volume", 1.0, "", "voxel-count@1")
    with pytest.raises(ValueError, match="method"):
        Measurement("volume", 1.0, "mL", "voxel-count")
    with pytest.raises(ValueError, match="missing"):
        Measurement("volume", None, "mL", "voxel-count@1")
    with pytest.raises(ValueError, match="missing"):
        Measurement("volume", 0.0, "mL", "voxel-count@1", status="failed")


def test_codes_are_compared_by_value_and_scheme() -> None:
    assert NODULE.same_concept(Code("27925004", "SCT", "other words"))
    assert not NODULE.same_concept(Code("27925004", "DCM", "Nodule"))


def test_patient_texts_are_masked_where_they_are_printed() -> None:
    name = PatientText("IVANOVA^ANNA")
    assert "IVANOVA" not in repr({"name": name})
    assert name == "IVANOVA^ANNA"


def test_voxels_and_masks_are_read_only() -> None:
    volume = Volume(np.zeros((1, 2, 3), np.int16), None, Rescale(2.0, -1.0), "HU", REF)
    mask = Mask(np.zeros((1, 2, 3), np.uint8), REF)
    for array in (volume.voxels, mask.voxels):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 1
    assert volume.modality_values().tolist() == [[[-1.0] * 3] * 2]


def test_padding_is_a_range_of_stored_values() -> None:
    voxels = np.array([[[-2000, 0, 5]]], np.int16)
    volume = Volume(voxels, None, Rescale(), "HU", REF, padding=(-2000, -1990))
    padded = volume.padding_mask()
    assert padded is not None
    assert padded.tolist() == [[[True, False, False]]]


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2**16))
def test_a_patch_reverted_is_the_identity(i: int, j: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = Mask(rng.integers(0, 2, (5, 5, 5), np.uint8), REF)
    box = Box((i, j, k), (i + 2, j + 1, k + 2))
    before = mask.voxels[box.slices_kji].copy()
    patch = MaskPatch(box, before, 1 - before)
    changed = patch.apply(mask)
    assert changed.voxels.sum() != mask.voxels.sum() or before.mean() == 0.5
    assert np.array_equal(patch.revert(changed).voxels, mask.voxels)
    assert patch.size_bytes == 8


def test_errors_speak_both_languages_and_say_what_to_do() -> None:
    fault = StoreError("Broken.", ru="Сломано.", hint="Repair it.", hint_ru="Почините.")
    assert fault.text("en") == str(fault) == "Broken. Repair it."
    assert fault.text("ru") == "Сломано. Почините."
    assert fault.exit_code == 4
    assert OpenDiscrepancies("x").exit_code == 1
    assert AppError("Only English.").text("ru") == "Only English."


def test_i09_measured_values_leave_padding_out() -> None:
    voxels = np.array([[[-2000, 0, 100]]], np.int16)
    volume = Volume(
        voxels, None, Rescale(1.0, -10.0), "HU", SeriesRef("1.2", "1.3"), padding=(-2000, -2000)
    )
    found = volume.measured_values()[0, 0]
    assert np.isnan(found[0])
    assert found[1:].tolist() == [-10.0, 90.0]
    assert volume.modality_values()[0, 0].tolist() == [-2010.0, -10.0, 90.0]


def test_numbers_take_the_decimal_mark_of_the_language() -> None:
    assert (decimal("2.5", "en"), decimal("2.5", "ru")) == ("2.5", "2,5")
    assert (number_ru(3.0), number_ru(2.25), number_ru(2.25, ".1f")) == ("3", "2,25", "2,2")
