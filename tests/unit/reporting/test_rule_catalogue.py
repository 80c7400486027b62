"""Every rule with sentences of our own, in both languages: where it speaks and where not."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from app.core.finding import Finding
from tests.support.report_findings import checked, finding, report, rules_of


class Entry(NamedTuple):
    """A report and what a rule has to say of it (``fires``) or must keep quiet about."""

    rule: str
    fires: bool
    language: str
    findings: str
    impression: str = ""
    accepted: tuple[Finding, ...] = ()
    facts: dict[str, Any] = {}  # noqa: RUF012 - never changed
    head: str = ""


EFFUSION_R = finding("pleural effusion", "right")
NODULE = finding("pulmonary nodule", "left", mm=(14.0, 11.0))
STONE = finding("kidney stone", "left", mm=(6.0,))
FRACTURE = finding("rib fracture", "right", significance="incidental")
HERNIA = finding(
    "intervertebral disc prolapse", None, mm=(7.0,),
    site={"value": "L4-L5", "scheme": "level", "meaning": "L4-L5"},
)  # fmt: skip
PNEUMOTHORAX = finding("pneumothorax", "left", significance="critical")

CATALOGUE = [
    # omitted-finding
    Entry("omitted-finding", True, "en", "Both lungs are clear.", "Normal.", (NODULE,)),
    Entry("omitted-finding", True, "ru", "Лёгочные поля чистые.", "Без патологии.", (NODULE,)),
    Entry("omitted-finding", False, "en", "Rounded 14 x 11 mm nodule, left apex.", "", (NODULE,)),
    Entry("omitted-finding", False, "ru", "Слева узелок 14х11 мм.", "", (NODULE,)),
    Entry("omitted-finding", False, "en", "Blood-stained left chest: hydrothorax on the right.",
          "", (EFFUSION_R,)),
    Entry("omitted-finding", False, "ru", "В правой гемитораксе жидкость.", "", (EFFUSION_R,)),
    Entry("omitted-finding", False, "en", "A few millimetric calculi of the left kidney.", "",
          (STONE,)),
    Entry("omitted-finding", False, "ru", "Слева в почке камень 6 мм.", "", (STONE,)),
    Entry("omitted-finding", True, "ru", "Камень жёлчного пузыря.", "ЖКБ.", (STONE,)),
    # negated-finding
    Entry("negated-finding", True, "en", "The pleura holds no effusion.", "Normal chest.",
          (EFFUSION_R,)),
    Entry("negated-finding", True, "ru", "Выпота справа и слева не определяется.", "Норма.",
          (EFFUSION_R,)),
    Entry("negated-finding", True, "ru", "Плевральные полости свободны.", "Норма.",
          (EFFUSION_R,)),
    Entry("negated-finding", True, "en", "Neither pneumothorax nor fracture.", "Normal.",
          (PNEUMOTHORAX,)),
    Entry("negated-finding", False, "en", "Right effusion. No other effusion.", "",
          (EFFUSION_R,)),
    Entry("negated-finding", False, "ru", "Выпот справа, слева выпота нет.", "", (EFFUSION_R,)),
    Entry("negated-finding", False, "ru", "Выпот справа не увеличился.", "", (EFFUSION_R,)),
    Entry("negated-finding", False, "en", "Right effusion is not significantly changed.", "",
          (EFFUSION_R,)),
    Entry("negated-finding", True, "ru", "Выпот справа не определяется.", "Выпот справа.",
          (EFFUSION_R,)),
    # rejected-finding-asserted
    Entry("rejected-finding-asserted", True, "en", "Small right pleural effusion.", "",
          (finding("pleural effusion", "right", state="rejected"),)),
    Entry("rejected-finding-asserted", True, "ru", "Определяется выпот справа.", "",
          (finding("pleural effusion", "right", state="rejected"),)),
    Entry("rejected-finding-asserted", False, "en", "No pleural effusion.", "Normal.",
          (finding("pleural effusion", "right", state="rejected"),)),
    Entry("rejected-finding-asserted", False, "ru", "Выпот слева.", "",
          (finding("pleural effusion", "right", state="rejected"),)),
    # undecided
    Entry("undecided-significant-finding", True, "en", "Left nodule.", "",
          (finding("pulmonary nodule", "left", state="proposed"),)),
    Entry("undecided-finding", True, "ru", "Норма.", "",
          (finding("renal cyst", "left", state="proposed", significance="descriptive"),)),
    Entry("undecided-significant-finding", False, "ru", "Очаг слева 14х11 мм.", "", (NODULE,)),
    # laterality-vs-finding
    Entry("laterality-vs-finding", True, "en", "Effusion in the left pleural cavity.", "",
          (EFFUSION_R,)),
    Entry("laterality-vs-finding", True, "ru", "Левосторонний гидроторакс.", "", (EFFUSION_R,)),
    Entry("laterality-vs-finding", False, "ru", "Правосторонний гидроторакс, слева синус свободен.",
          "", (EFFUSION_R,)),
    Entry("laterality-vs-finding", False, "en",
          "Right effusion; the left costophrenic sulcus is sharp.", "", (EFFUSION_R,)),
    Entry("laterality-vs-finding", False, "en", "Bilateral pleural effusions.", "",
          (EFFUSION_R,)),
    # measurement-value and unit-slip
    Entry("measurement-value", True, "en", "Left lung nodule, 19 x 11 mm.", "", (NODULE,)),
    Entry("measurement-value", True, "ru", "Слева очаг 41х11 мм.", "", (NODULE,)),
    Entry("measurement-value", False, "en", "Left lung nodule, 1.4 x 1.1 cm.", "", (NODULE,)),
    Entry("measurement-value", False, "ru", "Слева очаг 11×14 мм, ранее 9×8 мм.", "", (NODULE,)),
    Entry("measurement-value", False, "ru", "Слева очаг 14х11 мм. Аорта 31 мм.", "", (NODULE,)),
    Entry("unit-slip", True, "en", "Left renal calculus measuring 6 cm.", "", (STONE,)),
    Entry("unit-slip", True, "ru", "Конкремент левой почки 0,6 мм.", "", (STONE,)),
    Entry("unit-slip", True, "ru", "Очаг в лёгком справа, 140 × 11 мм.", "", (NODULE,)),
    Entry("unit-slip", False, "ru", "Конкремент левой почки 0,6 см.", "", (STONE,)),
    # placeholder-left
    Entry("placeholder-left", True, "en", "The heart is [normal/enlarged]."),
    Entry("placeholder-left", True, "en", "Nodule of ___ mm."),
    Entry("placeholder-left", True, "ru", "Печень <увеличена / не увеличена>."),
    Entry("placeholder-left", True, "ru", "Размеры XX мм."),
    Entry("placeholder-left", False, "en", "As said [1], nodules < 5 mm and > 3 mm are benign."),
    Entry("placeholder-left", False, "ru", "Очаги <5 мм в сегментах [S8], [2, 3]."),
    Entry("placeholder-left", False, "ru", "Хондроматоз, XX век; тип III."),
    # section-missing is below: it needs texts without sections
    # sex-organ
    Entry("sex-organ", True, "en", "The prostate is enlarged.", "", (), {"patient_sex": "F"}),
    Entry("sex-organ", True, "ru", "Эндометрий 6 мм.", "", (), {"patient_sex": "M"}),
    Entry("sex-organ", True, "ru", "Норма.", "", (), {"patient_sex": "M"}, "Пациентка 40 лет."),
    Entry("sex-organ", False, "ru", "Придаточные пазухи воздушны.", "", (), {"patient_sex": "M"}),
    Entry("sex-organ", False, "en", "The prostate is enlarged.", "", (), {"patient_sex": "O"}),
    Entry("sex-organ", False, "en", "The uterus is surgically absent.", "", (),
          {"patient_sex": "M"}),
    Entry("sex-organ", False, "ru", "Норма.", "", (), {"patient_sex": "F"}, "Пациент 40 лет."),
    # laterality-findings-vs-impression
    Entry("laterality-findings-vs-impression", True, "en", "Stone in the left kidney.",
          "Right nephrolithiasis."),
    Entry("laterality-findings-vs-impression", True, "ru", "Киста левой почки 20 мм.",
          "Киста правой почки."),
    Entry("laterality-findings-vs-impression", False, "ru", "Кисты правой и левой почек.",
          "Киста правой почки."),
    # laterality-vs-study
    Entry("laterality-vs-study", True, "en", "Normal.", "", (), {"laterality": "R"},
          "MRI of the left shoulder"),
    Entry("laterality-vs-study", True, "ru", "Норма.", "", (), {"laterality": "L"},
          "Рентгенография правой кисти"),
    Entry("laterality-vs-study", False, "ru", "Норма.", "", (), {"laterality": "R"},
          "Рентгенография правой кисти"),
    # impression-contradicts-findings
    Entry("impression-contradicts-findings", True, "en", "There is hydronephrosis on the left.",
          "No hydronephrosis."),
    Entry("impression-contradicts-findings", True, "ru", "Аневризма брюшной аорты 45 мм.",
          "Аневризмы брюшной аорты не выявлено."),
    Entry("impression-contradicts-findings", False, "en", "Calcified nodule on the left.",
          "No suspicious nodules."),
    Entry("impression-contradicts-findings", False, "ru", "Гидронефроз слева.",
          "Гидронефроз слева, справа гидронефроза нет."),
    # significant-finding-missing-from-impression
    Entry("significant-finding-missing-from-impression", True, "en", "Left nodule 14 x 11 mm.",
          "No change of the heart.", (NODULE,)),
    Entry("significant-finding-missing-from-impression", False, "ru", "Слева очаг 14х11 мм.",
          "Одиночный очаг слева.", (NODULE,)),
    # location
    Entry("location", True, "ru", "Грыжа диска L5-S1 7 мм.", "", (HERNIA,)),
    Entry("location", True, "en", "Disc herniation at L3-L4.", "", (HERNIA,)),
    Entry("location", False, "en", "Disc herniation at L4-5, 7 mm.", "", (HERNIA,)),
    Entry("location", False, "ru", "На уровне L4/L5 грыжа диска 7 мм.", "", (HERNIA,)),
    # age
    Entry("age", True, "en", "Normal.", "", (),
          {"patient_birth_date": "1970-05-01", "study_date": "2025-06-01"}, "A 65 year old man."),
    Entry("age", False, "ru", "Норма.", "", (),
          {"patient_birth_date": "1970-05-01", "study_date": "2025-06-01"}, "Мужчина, 55 лет."),
    Entry("age", False, "ru", "Норма.", "", (),
          {"patient_birth_date": "1970-05-01", "study_date": "2025-06-01"},
          "Женщина, операция 20 лет назад."),
    # modality-mismatch
    Entry("modality-mismatch", True, "en", "Normal.", "", (), {"modality": "CT"}, "MRI of a head"),
    Entry("modality-mismatch", True, "ru", "МР-сигнал не изменён.", "", (), {"modality": "CT"}),
    Entry("modality-mismatch", False, "ru", "Норма.", "Норма. Рекомендована МРТ.", (),
          {"modality": "CT"}),
    Entry("modality-mismatch", False, "ru", "Норма.", "Сопоставлено с КТ другой клиники.", (),
          {"modality": "DX"}),
    Entry("modality-mismatch", False, "en", "Normal.", "Compared with an outside CT.", (),
          {"modality": "DX"}),
    # contrast-mismatch
    Entry("contrast-mismatch", True, "en", "Normal.", "", (), {"contrast": True},
          "TECHNIQUE: Unenhanced scan."),
    Entry("contrast-mismatch", True, "ru", "Норма.", "", (), {"contrast": False},
          "Методика: КТ с внутривенным контрастированием."),
    Entry("contrast-mismatch", False, "ru", "Норма.", "", (), {"contrast": None},
          "Методика: нативное исследование."),
    # comparison-without-prior, wrong-prior-date
    Entry("comparison-without-prior", True, "en", "Unchanged compared with the prior study.", "",
          (), {"priors": ()}),
    Entry("comparison-without-prior", False, "en", "Normal.", "", (), {"priors": ()},
          "COMPARISON: None."),
    Entry("wrong-prior-date", True, "ru", "Норма.", "", (), {"priors": ("2024-03-01",)},
          "Сравнение: исследование от 11.03.2024."),
    Entry("wrong-prior-date", False, "en", "Normal.", "", (), {"priors": ("2024-03-01",)},
          "COMPARISON: CT of March 1, 2024."),
    # wrong-identity
    Entry("wrong-identity", True, "ru", "Норма.", "", (),
          {"patient_name": "Белова^Анна^Юрьевна"}, "Пациент: Белкин А.Ю."),
    Entry("wrong-identity", False, "ru", "Норма.", "", (),
          {"patient_name": "Белова^Анна^Юрьевна"}, "Пациент: Белова А.Ю."),
    Entry("wrong-identity", True, "en", "Normal.", "", (), {"study_date": "20250102"},
          "Date of exam: 2025-02-01"),
    # incomplete-study
    Entry("incomplete-study", True, "en", "Clear lungs.", "Normal.", (), {"is_incomplete": True}),
    Entry("incomplete-study", True, "ru", "Норма.", "", (),
          {"is_incomplete": True, "received": 120, "expected": 300}),
    Entry("incomplete-study", False, "ru", "Норма.", "", (), {"received": 300, "expected": 300}),
    # critical-without-communication
    Entry("critical-without-communication", True, "en", "Left pneumothorax.", "",
          (PNEUMOTHORAX,)),
    Entry("critical-without-communication", False, "en", "Left pneumothorax.",
          "Left pneumothorax, called to Dr. Stone at 10:15.", (PNEUMOTHORAX,)),
    Entry("critical-without-communication", False, "ru", "Пневмоторакс слева.",
          "Пневмоторакс слева, дежурный врач уведомлён в 10:15.", (PNEUMOTHORAX,)),
]  # fmt: skip


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda e: f"{e.rule}-{e.language}-{e.findings}")
def test_rule_speaks_where_it_should_and_only_there(entry: Entry) -> None:
    text = report(entry.language, entry.findings, entry.impression, entry.head)
    result = checked(text, *entry.accepted, language=entry.language, **entry.facts)
    assert (entry.rule in rules_of(result)) is entry.fires, result.discrepancies


def test_growth_called_stable_contradicts_the_measurements() -> None:
    grown = finding(
        "pulmonary nodule", "left",
        measurements=[{"kind": "long_axis", "value": 14.0, "unit": "mm",
                       "previous": {"value": 8.0, "unit": "mm", "date": "2024-01-01"}}],
    )  # fmt: skip
    said = report("en", "Left lung nodule, 14 mm. It is unchanged from 8 mm.", "Left nodule.")
    assert "interval-change-contradiction" in rules_of(checked(said, grown))
    right = report("en", "Left lung nodule, 14 mm. It has increased from 8 mm.", "Left nodule.")
    assert "interval-change-contradiction" not in rules_of(checked(right, grown))


def test_d18_missing_images_are_counted_and_do_not_block() -> None:
    text = report("ru", "Норма.", "Норма.")
    result = checked(text, is_incomplete=True, received=120, expected=300)
    (item,) = result.discrepancies
    assert (item.rule, item.severity, result.verdict) == ("incomplete-study", "warn", "warnings")
    assert "120 of 300" in item.message.en
    assert "120 из 300" in item.message.ru


@pytest.mark.parametrize("text", ["", "   \n", "FINDINGS:\nIMPRESSION: Normal.\n"])
def test_an_empty_report_or_section_is_blocked(text: str) -> None:
    result = checked(text)
    assert rules_of(result) == {"section-missing"}
    assert result.verdict == "blocked"


@pytest.mark.parametrize(
    ("text", "missing"),
    [("FINDINGS: Normal.\n", "impression"), ("ОПИСАНИЕ: Норма.\n", "impression"),
     ("IMPRESSION: Normal.\n", "findings")],
)  # fmt: skip
def test_a_missing_section_blocks_where_the_template_asks_for_it(text: str, missing: str) -> None:
    assert checked(text).verdict == "clean"
    assert rules_of(checked(text)) == {"section-missing"}
    assert checked(text, required_sections=(missing,)).verdict == "blocked"


@pytest.mark.parametrize(
    "text",
    ["Findings\nThe lungs are clear.\nConclusion\nNormal.",
     "Описание исследования: норма.\nЗаключение. Без патологии.",
     "FINDINGS: Clear lungs. IMPRESSION: Normal chest."],
)  # fmt: skip
def test_both_sections_are_found(text: str) -> None:
    assert "section-missing" not in rules_of(checked(text))
