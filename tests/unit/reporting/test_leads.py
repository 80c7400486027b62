"""What the beginning of a line, an organ's label and a second size say for what follows."""

from __future__ import annotations

import pytest

from app.reporting.extract import detect_language, read
from app.reporting.reading.mentions import Mention
from app.reporting.reading.sizes import sizes_in


def _mentions(text: str, region: str = "") -> list[Mention]:
    return list(read(text, detect_language(text), region).mentions)


def _of(text: str, concept: str, region: str = "") -> Mention:
    return next(m for m in _mentions(text, region) if m.concept == concept)


@pytest.mark.parametrize(
    ("text", "concept", "side"),
    [
        ("Left kidney: 11 cm. No hydronephrosis.", "hydronephrosis", "left"),
        ("Left kidney: 11 cm. No stone.\nSpleen: normal.", "kidney_stone", "left"),
        ("Правая почка: 110х50 мм. Конкремент 4 мм.", "kidney_stone", "right"),
        ("Right: no mass. A 9 mm cyst at 10 o'clock of the breast.", "breast_cyst", "right"),
        ("Adrenals: right normal, left nodule of 12 mm.", "adrenal_nodule", "right"),
        ("Left kidney: 11 cm.\nNo hydronephrosis.", "hydronephrosis", None),
        ("Left kidney: 11 cm. No pleural effusion.", "pleural_effusion", None),
    ],
)
def test_a_line_keeps_the_side_it_begins_with(text: str, concept: str, side: str | None) -> None:
    assert _of(text, concept).side == side


@pytest.mark.parametrize(
    ("text", "region", "concept"),
    [
        ("Right lobe 52 x 19 x 20 mm. Solid nodule of 17 mm.", "NECK", "thyroid_nodule"),
        ("Right lobe clear. Solid nodule of 17 mm.", "CHEST", "pulmonary_nodule"),
        ("Liver: nodular contour. Lesion with a capsule, 24 mm.", "ABDOMEN", "liver_lesion"),
        ("Arterially enhancing lesion in segment VII, 24 mm.", "ABDOMEN", "liver_lesion"),
    ],
)
def test_general_words_take_the_organ_that_is_shown(text: str, region: str, concept: str) -> None:
    found = {m.concept for m in _mentions(text, region)}
    assert concept in found
    if region != "CHEST":
        assert "pulmonary_nodule" not in found


def test_scattered_calcifications_are_of_the_breast_in_its_images_only() -> None:
    text = "Scattered calcifications."
    name = "benign_breast_calcification"
    assert _of(text, name, "BREAST")
    assert all(m.concept != name for m in _mentions(text, "CHEST"))


@pytest.mark.parametrize(
    ("text", "is_enlarged"),
    [
        ("Subcarinal node, 14 mm in short axis.", True),
        ("Бифуркационный лимфоузел 12 мм.", True),
        ("A 6 mm paratracheal node.", False),
        ("Lymph nodes up to 11 mm, normal.", False),
        ("Лимфоузлы до 11 мм, не увеличены.", False),
    ],
)
def test_a_large_node_is_an_enlarged_one(text: str, is_enlarged: bool) -> None:
    found = [m for m in _mentions(text, "CHEST") if m.concept == "lymphadenopathy"]
    assert any(m.is_stated for m in found) == is_enlarged


@pytest.mark.parametrize(
    ("text", "earlier"),
    [
        ("protrusion of 3 mm, unaltered since the last scan (3 mm)", [False, True]),
        ("nodule of 9 mm, stable vs 9 mm", [False, True]),
        ("aneurysm of 53 mm, increased, 49 mm in December", [False, True]),
        ("узел 16 мм, без роста (16 мм в апреле)", [False, True]),
        ("очаг 12 мм, в динамике увеличился (8 мм)", [False, True]),
        ("увеличился (12х8 мм)", [False]),
        ("17 mm previously 12 mm", [False, True]),
        ("cyst of 28 mm, tumour of 30 mm", [False, False]),
    ],
)
def test_a_second_size_of_another_day_is_an_earlier_one(text: str, earlier: list[bool]) -> None:
    assert [size.earlier for size in sizes_in(text, 0, len(text))] == earlier


@pytest.mark.parametrize(
    ("text", "region", "denied"),
    [
        (
            "No intracerebral, subdural or subarachnoid hemorrhage.",
            "HEAD",
            {"intracerebral_hemorrhage", "subdural_hematoma", "subarachnoid_hemorrhage"},
        ),
        (
            "Внутримозговых, субдуральных и субарахноидальных кровоизлияний не выявлено.",
            "HEAD",
            {"intracerebral_hemorrhage", "subdural_hematoma", "subarachnoid_hemorrhage"},
        ),
        ("Плевральный выпот, пневмоторакс не определяются.", "CHEST",
         {"pleural_effusion", "pneumothorax"}),
        ("Эмфиземы, объёмных образований, выпота с обеих сторон нет.", "CHEST",
         {"pulmonary_emphysema", "pulmonary_mass", "pleural_effusion"}),
        ("Выпота в перикарде, пневмоторакса, увеличенных лимфоузлов нет.", "CHEST",
         {"pericardial_effusion", "pneumothorax", "lymphadenopathy"}),
    ],
)  # fmt: skip
def test_a_denial_reaches_all_of_a_list(text: str, region: str, denied: set[str]) -> None:
    found = _mentions(text, region)
    assert denied <= {m.concept for m in found}
    assert all(m.polarity == "absent" for m in found)


def test_a_nominative_before_a_singular_denial_stands() -> None:
    found = {m.concept: m.polarity for m in _mentions("Эмфизема, выпот не определяется.")}
    assert found == {"pulmonary_emphysema": "present", "pleural_effusion": "absent"}


@pytest.mark.parametrize(
    "text",
    [
        "Calcified plaque in the coronary arteries and the aortic arch.",
        "Кальцинированные бляшки коронарных артерий и дуги аорты.",
    ],
)
def test_plaques_are_of_every_vessel_named(text: str) -> None:
    found = {m.concept for m in _mentions(text, "CHEST") if m.is_stated}
    assert {"coronary_calcification", "aortic_atherosclerosis"} <= found
