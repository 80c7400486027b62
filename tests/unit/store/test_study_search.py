"""Finding studies: by words in any script and order, by modality and date, quickly."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.core.errors import StoreError
from app.core.study import Instance, Patient, PatientText, Series, Study
from app.store.connection import translate
from app.store.store import Store
from app.store.study_sql import LIST, SEARCH
from tests.support.domain import FixedClock

NOW = "2026-11-20T10:00:00+00:00"


def _study(number: int, name: str = "PHANTOM^TEST", **changes) -> Study:
    uid = f"2.25.{number}"
    texts = {"accession": f"A{number:05d}", "physician": "", "series": "axial", "modality": "CT"}
    texts |= {key: changes.pop(key) for key in list(changes) if key in texts}
    instance = Instance(Path(f"/archive/{uid}"), f"{uid}.1.1", "1.2", "1.2", 1, 1, 4, 4)
    series = Series(
        f"{uid}.1", texts["modality"], texts["series"], "", 1, ("1.2",), ("1.2",), (instance,), 1
    )
    study = Study(
        uid,
        Patient(PatientText(f"P{number:05d}"), PatientText(name), PatientText(""), ""),
        "2026-01-02",
        "10:00:00",
        PatientText(texts["accession"]),
        "CT chest",
        (series,),
        referring_physician=PatientText(texts["physician"]),
    )
    return replace(study, **changes)


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path, clock=FixedClock())
    yield opened
    opened.close()


def _put(store: Store, *studies: Study) -> None:
    for study in studies:
        store.studies.put(study, at_utc=NOW)


def _found(store: Store, text: str = "", **restrictions) -> list[str]:
    found = store.studies.search(text, **restrictions)
    limits = {key: value for key, value in restrictions.items() if key != "limit"}
    if "limit" not in restrictions:
        assert store.studies.count(text, **limits) == len(found)
    return [study.study_instance_uid.removeprefix("2.25.") for study in found]


@pytest.mark.parametrize(
    "text",
    ["petr ivanov", "IVANOV^PETR", "ivanov, petr", "Iv", "pet iva", "ivanov", "P00001", "a00001",
     "chest", "liver", "physic", "müller", "MULLER", "ct petr", "00001", "  petr  "],
)  # fmt: skip
def test_words_are_found_in_any_order_by_their_beginnings(store: Store, text: str) -> None:
    one = _study(
        1, "IVANOV^PETR", accession="00001", series="Liver portal venous",
        physician="Physician^Müller",
    )  # fmt: skip
    _put(store, replace(one, patient=replace(one.patient, id=PatientText("P00001 A00001"))))
    _put(store, _study(2, "SMITH^JOHN", description="MR knee", series="sag", modality="MR"))
    assert _found(store, text) == ["1"]


@pytest.mark.parametrize("text", ["anov", "petr smith", "xyz", "^^", '"', "chest knee", "P0002X"])
def test_what_is_not_there_is_not_found(store: Store, text: str) -> None:
    _put(store, _study(1, "IVANOV^PETR"), _study(2, "SMITH^JOHN", description="MR knee"))
    assert _found(store, text) == []


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("СЕМЁНОВ^АЛЕКСЕЙ", ["семенов", "Семёнов", "алексей сем", "АЛЕКСЕИ", "семе\u0308нов"]),
        ("Müller^José", ["muller", "jose", "MÜLLER"]),
        (
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            ["山田", "太郎", "yamada", "やまだ", "ＹＡＭＡＤＡ"],
        ),
        ("Nguyễn^Văn", ["nguyen van", "Nguyễn"]),
        ("O'Brien-Smith^Mary", ["brien", "smith mary", "o'brien"]),
    ],
)
def test_names_in_any_script(store: Store, name: str, texts: list[str]) -> None:
    _put(store, _study(1, name), _study(2, "OTHER^ONE"))
    for text in texts:
        assert _found(store, text) == ["1"], text


def test_modality_and_dates_restrict(store: Store) -> None:
    _put(
        store,
        _study(1, study_date="2025-12-31"),
        _study(2, study_date="2026-01-01", study_time=""),
        _study(3, study_date="2026-01-01", study_time="23:59:59", modality="MR"),
        _study(4, study_date="2026-01-02"),
        _study(5, study_date="", study_time=""),
    )
    assert _found(store) == ["4", "3", "2", "1", "5"]
    assert _found(store, date_from="2026-01-01") == ["4", "3", "2"]
    assert _found(store, date_to="2026-01-01") == ["3", "2", "1"]
    assert _found(store, date_from="2026-01-01", date_to="2026-01-01") == ["3", "2"]
    assert _found(store, modality="MR") == ["3"]
    assert _found(store, modality="mr") == ["3"]
    assert _found(store, "phantom", modality="CT", date_to="2026-01-01") == ["2", "1"]
    assert _found(store, limit=2) == ["4", "3"]
    assert _found(store, "phantom", limit=2) == ["4", "3"]
    assert _found(store, modality='C" OR "T') == []


def test_studies_of_one_minute_are_all_there_newest_import_first(store: Store) -> None:
    _put(store, *(_study(n, study_date="2026-01-01") for n in range(1, 6)))
    assert _found(store) == ["5", "4", "3", "2", "1"]


def test_corrected_texts_are_found_and_old_ones_no_longer(store: Store) -> None:
    _put(store, _study(1, "WRONG^NAME", study_date="2020-01-01"))
    _put(store, _study(1, "RIGHT^NAME", study_date="2026-01-01"))
    assert _found(store, "wrong") == []
    assert _found(store, "right", date_from="2026-01-01") == ["1"]
    assert store.fault() == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@example("a\0b", "x\0")
@example("\udcff", "\ud800")
@given(text=st.text(max_size=30), modality=st.text(max_size=5))
def test_any_text_is_a_search_and_no_error(store: Store, text: str, modality: str) -> None:
    assert isinstance(store.studies.search(text, modality=modality), tuple)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(name=st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=12))
def test_a_name_is_found_by_itself(store: Store, name: str) -> None:
    _put(store, _study(1, f"{name}^X"))
    assert _found(store, name) == ["1"]


@pytest.mark.parametrize("sql", [LIST, SEARCH])
def test_no_search_sorts_the_library_or_counts_its_objects(store: Store, sql: str) -> None:
    values = (0, 1, 10) if sql == LIST else ('"x"*', 0, 1, 10)
    plan = [row["detail"] for row in store._db.rows(f"EXPLAIN QUERY PLAN {sql}", values)]
    text = "\n".join(plan)
    assert "instances" not in text
    assert "SCAN s" not in plan
    assert ("studies_by_place" in text) or "place=?" in text
    if sql == LIST:
        assert "TEMP B-TREE" not in text
    else:
        # the full-text index itself gives the order; what is sorted after is one page
        inner = text[: text.index("SEARCH s")]
        assert "VIRTUAL TABLE INDEX" in text
        assert "TEMP B-TREE" not in inner


def test_a_library_twenty_times_larger_is_searched_almost_as_quickly(tmp_path: Path) -> None:
    small, large = _filled(tmp_path / "small", 150), _filled(tmp_path / "large", 3000)
    for text in ("", "phantom7", "chest", "p"):
        times = [min(_seconds(store, text) for _ in range(9)) for store in (small, large)]
        assert times[1] < 3 * times[0] + 0.001, text
    small.close()
    large.close()


def _filled(folder: Path, studies: int) -> Store:
    store = Store(folder)
    with store.transaction():
        _put(store, *(_study(n, f"PHANTOM{n}^TEST") for n in range(studies)))
    return store


def _seconds(store: Store, text: str) -> float:
    start = time.perf_counter()
    store.studies.search(text, limit=50)
    return time.perf_counter() - start


def test_a_python_without_full_text_search_is_told_in_words() -> None:
    fault = translate(sqlite3.OperationalError("no such module: fts5"))
    assert isinstance(fault, StoreError)
    assert "FTS5" in fault.message
    assert "FTS5" in fault.ru
