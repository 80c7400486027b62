"""Which finding, examination or organ a denial, a size, a change or a date belongs to."""

from __future__ import annotations

import pytest

from tests.support.report_findings import checked, finding, report, rules_of

EFFUSION = ("pleural effusion", "плевральный выпот")


@pytest.mark.parametrize(
    "text",
    [
        "В правой плевральной полости полоска жидкости, слева жидкости нет.",
        "Справа в плевральной полости жидкость; слева жидкости нет.",
    ],
)
def test_a_denial_of_the_other_side_denies_nothing_here(text: str) -> None:
    effusion = finding(EFFUSION[0], "right", ru=EFFUSION[1])
    assert "negated-finding" not in rules_of(checked(report("ru", text), effusion))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Right renal cyst. Other hepatic lesions are not seen."),
        ("ru", "Других очагов в печени нет."),
        ("ru", "В остальных отделах печени очагов не определяется."),
    ],
)
def test_a_denial_of_other_ones_leaves_the_finding_omitted(language: str, text: str) -> None:
    lesion = finding("liver lesion", ru="очаговое образование печени")
    rules = rules_of(checked(report(language, text), lesion))
    assert "omitted-finding" in rules
    assert "negated-finding" not in rules


def test_the_other_tendons_are_intact() -> None:
    tear = finding("rotator cuff tear", "left", ru="разрыв вращательной манжеты плеча")
    text = "Разрыв сухожилия надостной мышцы слева. Остальные сухожилия манжеты целы."
    assert "negated-finding" not in rules_of(checked(report("ru", text), tear))


@pytest.mark.parametrize(
    ("said", "is_wrong"), [("увеличение размеров", True), ("уменьшение размеров", False)]
)
def test_the_change_is_compared_in_the_impression_too(said: str, is_wrong: bool) -> None:
    nodule = finding(
        "pulmonary nodule", "left", ru="очаг в лёгком",
        measurements=[{
            "kind": "long_axis", "value": 8.0, "unit": "mm",
            "previous": {"value": 14.0, "unit": "mm", "date": "2024-11-14"},
        }],
    )  # fmt: skip
    text = report("ru", "Слева очаг 8 мм.", f"Очаг левого лёгкого, {said}.")
    result = checked(text, nodule, priors=("2024-11-14",))
    assert ("interval-change-contradiction" in rules_of(result)) is is_wrong


def test_an_accepted_finding_described_by_signs_is_denied_in_the_impression() -> None:
    nodes = finding("lymphadenopathy", ru="лимфаденопатия")
    text = report("ru", "Увеличены лимфоузлы аортопульмонального окна, до 14 мм.",
                  "Лимфоузлы средостения не увеличены.")  # fmt: skip
    assert "impression-contradicts-findings" in rules_of(checked(text, nodes))


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("Правая железа: тень 10 мм, при УЗИ — киста.", False),
        ("При УЗИ в правой железе киста.", True),
    ],
)
def test_another_examination_may_be_named_as_such(text: str, is_wrong: bool) -> None:
    rules = rules_of(checked(report("ru", text), modality="MG"))
    assert ("modality-mismatch" in rules) is is_wrong


def test_what_the_title_joins_to_the_study_may_be_described() -> None:
    text = report("ru", "Справа анэхогенная киста.", head="Маммография и УЗИ молочных желёз")
    assert "modality-mismatch" not in rules_of(checked(text, modality="MG"))


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("Тромбоз вен голени по УЗИ от 09.08.2025.", False),
        ("Очаг 5 мм, на КТ от 09.08.2025 такой же.", True),
        ("По отношению к предыдущему исследованию динамика отсутствует.", True),
        ("Предыдущие исследования отсутствуют.", False),
    ],
)
def test_what_compares_with_an_earlier_study(text: str, is_wrong: bool) -> None:
    result = checked(report("ru", text), modality="CT", priors=())
    assert ("comparison-without-prior" in rules_of(result)) is is_wrong


def test_three_axes_have_their_unit() -> None:
    text = report("ru", "Узел правой доли 17 × 12 × 11 мм.")
    assert "unit-slip" not in rules_of(checked(text, body_part="NECK"))


def test_a_size_before_a_colon_is_that_of_the_organ() -> None:
    stone = "Левая почка 110 × 50 мм: включение 6 мм с акустической тенью."
    assert "implausible-size" not in rules_of(checked(report("ru", stone)))


WITH_CONTRAST = [
    "Нативная, артериальная и венозная фазы.", "Болюсное введение 70 мл йогексола.", "С в/в КУ.",
    "КТ-ангиография брахиоцефальных артерий.", "Трёхфазное контрастирование.",
    "Контрастное вещество: Ультравист 370, 80 мл.", "В/в введено 90 мл Ультрависта.",
    "With 70 mL iohexol.", "CT angiogram of the chest.", "100 cc Isovue-300 was injected.",
    "Following administration of 80 mL of Omnipaque.", "With and without contrast.",
    "Arterial phase imaging.", "Enhanced CT.", "70 mL of iodinated contrast, bolus tracking.",
]  # fmt: skip
WITHOUT_CONTRAST = [
    "Нативное исследование.", "Без КУ.", "Бесконтрастное исследование.", "КУ не выполнялось.",
    "Без внутривенного усиления.", "От контрастирования пациент отказался.",
    "Plain CT.", "W/o contrast.", "Non-enhanced CT.", "Contrast withheld due to renal function.",
    "No IV contrast was given.",
]  # fmt: skip


@pytest.mark.parametrize(
    ("technique", "has_contrast"),
    [*((one, True) for one in WITH_CONTRAST), *((one, False) for one in WITHOUT_CONTRAST)],
)
def test_the_technique_is_held_against_the_contrast_given(
    technique: str, has_contrast: bool
) -> None:
    if technique.isascii():
        text = f"TECHNIQUE: {technique}\n{report('en', 'No focal hepatic lesion.')}"
    else:
        text = f"Методика: {technique}\n{report('ru', 'Очагов в печени нет.')}"
    for given in (True, False):
        rules = rules_of(checked(text, modality="CT", contrast=given))
        assert ("contrast-mismatch" in rules) is (given is not has_contrast)


@pytest.mark.parametrize("technique", ["With oral contrast.", "Перорального контраста не дано."])
def test_contrast_by_mouth_is_no_bolus(technique: str) -> None:
    text = f"Technique: {technique}\n{report('en', 'No focal hepatic lesion.')}"
    for given in (True, False):
        assert "contrast-mismatch" not in rules_of(checked(text, modality="CT", contrast=given))


@pytest.mark.parametrize(
    "text",
    [
        "На КТ {ru} очаги были до 5 мм.", "Ранее (КТ {ru}) очаги 5 мм.", "Очаги 5 мм, {ru} — 4 мм.",
        "Динамика с {ru}: без изменений.", "К сравнению представлены снимки {ru}.",
        "При исследовании {ru} очаги не определялись.", "Сравнивали с КТ ({ru}).",
        "Previously 5 mm on {en}.", "Reference exam: {en}.", "Nodule 5 mm (4 mm on {en}).",
    ],
)  # fmt: skip
def test_the_date_of_an_earlier_study_is_known(text: str) -> None:
    language = "en" if "{en}" in text else "ru"
    for ru, en, is_wrong in (
        ("17.05.2024", "05/17/2024", False), ("23.08.2024", "08/23/2024", True),
    ):  # fmt: skip
        written = report(language, text.format(ru=ru, en=en), "—")
        result = checked(written, modality="CT", study_date="2025-02-03", priors=("2024-05-17",))
        assert ("wrong-prior-date" in rules_of(result)) is is_wrong


@pytest.mark.parametrize(
    "text", ["Состояние после операции 23.08.2024, ранее 5 мм.", "УЗИ 23.08.2024: киста почки."]
)
def test_dates_of_events_and_of_other_examinations_compare_nothing(text: str) -> None:
    result = checked(report("ru", text), modality="CT", priors=("2024-05-17",))
    assert "wrong-prior-date" not in rules_of(result)


def test_the_name_of_a_doctor_is_no_finding() -> None:
    text = report("en", "No calculus. Dr. Stone was notified.")
    stone = finding("kidney stone", "right", state="rejected")
    assert "rejected-finding-asserted" not in rules_of(checked(text, stone))


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("Результат сообщён лечащему врачу.", True),
        ("Информация доведена до лечащего врача.", True),
        ("Звонок в приёмное отделение 10:15, принял врач Сидоров.", True),
        ("Лечащему врачу позвонили в 09:40.", True),
        ("Рекомендовано сообщить лечащему врачу.", False),
        ("Сообщить врачу не удалось.", False),
        ("Telephone call to Dr. Lee at 9:00.", True),
        ("Case reviewed in person with Dr. Adams.", True),
        ("Flagged to the on-call neurosurgeon at 01:15.", True),
        ("Please notify the referring physician.", False),
        ("The surgeon could not be reached.", False),
    ],
)
def test_who_was_told_and_who_was_not(text: str, is_told: bool) -> None:
    language = "en" if text.isascii() else "ru"
    found = "Left pneumothorax." if language == "en" else "Левосторонний пневмоторакс."
    told = finding("pneumothorax", "left", ru="пневмоторакс", significance="critical")
    result = checked(report(language, found, f"{found} {text}"), told)
    assert ("critical-without-communication" not in rules_of(result)) is is_told


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Pelvic ultrasound in 3 months."),
        ("en", "PHONED TO MR HALE AT 10:45."),
        ("ru", "УЗИ малого таза через 3 месяца."),
    ],
)
def test_an_examination_to_come_and_a_title_are_no_modality(language: str, text: str) -> None:
    assert "modality-mismatch" not in rules_of(checked(report(language, text), modality="CT"))


@pytest.mark.parametrize(
    "text", ["Исследование от 03.02.2025.", "Снимков для сравнения не представлено."]
)
def test_the_day_of_this_study_and_a_lack_of_earlier_ones_compare_nothing(text: str) -> None:
    for priors in ((), ("2024-05-17",)):
        result = checked(report("ru", text), modality="CT", study_date="2025-02-03", priors=priors)
        assert not {"comparison-without-prior", "wrong-prior-date"} & rules_of(result)
