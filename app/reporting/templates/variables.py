"""What a template may say of study and measurements, by name. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MEASUREMENT: Final = "measurement:"
LUNG_RADS: Final = "lung_rads"
# name -> what it gives, in English and Russian
VARIABLES: Final[dict[str, tuple[str, str]]] = {
    "study_date": ("date of the study", "дата исследования"),
    "age": ("age in whole years at the study", "возраст в полных годах"),
    "age_years": ("the age with its word: 64-year-old", "возраст со словом: 64 года"),
    "sex": ("sex in a word", "пол словом"),
    "modality": ("modality in words", "метод словами"),
    "body_part": ("examined part in words", "область словами"),
    "side": ("side of the examination", "сторона исследования"),
    "contrast": ("with or without intravenous contrast", "с контрастированием или без него"),
    "spacing": ("size of a voxel or pixel in mm", "размер вокселя или пикселя, мм"),
    "slice_thickness": ("slice thickness in mm", "толщина среза, мм"),
    "kvp": ("tube voltage in kV", "напряжение на трубке, кВ"),
    "field_strength": ("field strength in T", "индукция магнитного поля, Тл"),
    "views": ("views of a radiograph", "проекции"),
    "sequences": ("series of an MR examination", "последовательности МРТ"),
    "prior_date": ("date of the latest earlier study", "дата последнего исследования"),
    LUNG_RADS: ("Lung-RADS category, where the table gives one", "категория Lung-RADS"),
    "prior_dates": ("dates of all earlier studies", "даты более ранних исследований"),
}
_MEASUREMENT_NAME = re.compile(r"^measurement:[a-z][a-z0-9_]*(?::(?:left|right))?$")


def is_variable(name: str) -> bool:
    """Whether a template may use ``name``."""
    return name in VARIABLES or bool(_MEASUREMENT_NAME.match(name))


def known(values: Mapping[str, str], name: str) -> bool:
    """Whether the variable has a value in this study."""
    return bool(values.get(name))
