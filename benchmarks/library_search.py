"""Search in a library of many studies, on generated headers.

    python benchmarks/library_search.py [--studies 100000] [--folder DIR] [--json]

Makes a library (or takes the one that an earlier run left in ``--folder``) and measures what the
study list asks for: the first page, searches that one study, some and half of the library answer,
with and without modality and dates, the count, and opening the database. Wall time in
milliseconds, median and worst of ``--repeats``; each search gives its first 200 studies.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from app.core.study import Instance, Patient, PatientText, Series, Study
from app.store.store import Store
from app.store.studies import FileFacts

FAMILIES = (
    "IVANOV", "PETROV", "SIDOROV", "SMIRNOV", "KUZNETSOV", "POPOV", "VASILEV", "SOKOLOV", "NOVIKOV",
    "MIKHAILOV", "FEDOROV", "MOROZOV", "VOLKOV", "LEBEDEV", "SEMENOV", "EGOROV", "PAVLOV", "KOZLOV",
    "STEPANOV", "NIKOLAEV", "ORLOV", "ИВАНОВ", "ПЕТРОВА", "СЕМЁНОВ", "КОВАЛЁВА", "MÜLLER", "GARCÍA",
    "NGUYEN", "SMITH", "JONES", "TANAKA", "ALEKSEEV",
)  # fmt: skip
GIVEN = (
    "ANNA", "PETR", "IVAN", "OLGA", "MARIA", "SERGEY", "ELENA", "DMITRY", "ИРИНА", "ПЁТР", "JOSÉ",
    "JOHN", "LINH", "YUKI",
)  # fmt: skip
KINDS = (
    ("CT", "CT chest", ("lung 1.0", "soft tissue 5.0", "coronal")),
    ("CT", "CT abdomen with contrast", ("arterial", "portal venous", "delayed")),
    ("MR", "MRI brain", ("T1 axial", "T2 FLAIR", "DWI b1000")),
    ("DX", "Chest PA and lateral", ("PA", "LAT")),
    ("MG", "Screening mammography", ("R CC", "L CC", "R MLO", "L MLO")),
    ("US", "УЗИ органов брюшной полости", ("cine", "still")),
)
_BATCH = 1000


def generated_study(number: int, random_source: random.Random, objects: int) -> Study:
    """Headers of one study: a patient who may have several, series of ``objects`` images."""
    modality, description, series_names = random_source.choice(KINDS)
    uid = f"2.25.{10**20 + number}"
    patient_number = random_source.randrange(10**6)
    chosen = random.Random(patient_number)
    patient = Patient(
        PatientText(f"P{patient_number:07d}"),
        PatientText(f"{chosen.choice(FAMILIES)}{chosen.randrange(3000)}^{chosen.choice(GIVEN)}"),
        PatientText(str(date(1930, 1, 1) + timedelta(days=chosen.randrange(30000)))),
        chosen.choice("MF"),
    )
    series = tuple(
        Series(
            f"{uid}.{n}", modality, name, "", n, (), (),
            tuple(
                Instance(Path(f"/archive/{number}/{n}/{k}"), f"{uid}.{n}.{k}", "", "", k, 1, 1, 1)
                for k in range(objects)
            ),
            objects,
        )
        for n, name in enumerate(series_names, 1)
    )  # fmt: skip
    day = date(2008, 1, 1) + timedelta(days=random_source.randrange(6800))
    at = f"{random_source.randrange(24):02d}:{random_source.randrange(60):02d}:00"
    return Study(
        uid, patient, str(day), at, PatientText(f"A{number:08d}"), description, series,
        referring_physician=PatientText(f"{random_source.choice(FAMILIES)}^DR"),
    )  # fmt: skip


def fill(store: Store, studies: int, *, objects: int) -> None:
    """Put generated studies into the library through the repository, as an import does."""
    random_source = random.Random(1)
    for start in range(0, studies, _BATCH):
        with store.transaction():
            for number in range(start, min(start + _BATCH, studies)):
                study = generated_study(number, random_source, objects)
                files = {
                    instance.path: FileFacts(instance.path, 524_288, 1)
                    for series in study.series
                    for instance in series.instances
                }
                store.studies.put(study, at_utc="2026-11-22T00:00:00+00:00", files=files)


def questions(store: Store) -> dict[str, Callable[[], object]]:
    """What the study list asks, by name."""
    studies = store.studies
    return {
        "first page, no text": lambda: studies.search(),
        "one study: accession number": lambda: studies.search("A00000777"),
        "one patient: name and given name": lambda: studies.search("petr ivanov12"),
        "prefix: iv": lambda: studies.search("iv"),
        "one letter: i": lambda: studies.search("i"),
        "Cyrillic: семенов": lambda: studies.search("семенов"),
        "half the library: ct": lambda: studies.search("ct"),
        "two common words: anna chest": lambda: studies.search("anna chest"),
        "nobody: xyzzy": lambda: studies.search("xyzzy"),
        "two common words that never meet": lambda: studies.search("brain mammography"),
        "modality CT": lambda: studies.search(modality="CT"),
        "text, modality and a year": lambda: studies.search(
            "ivanov", modality="CT", date_from="2019-01-01", date_to="2019-12-31"
        ),
        "count of all": lambda: studies.count(),
        "count of ct": lambda: studies.count("ct"),
    }


def measure(question: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and worst wall time in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        question()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), max(times)


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--objects", type=int, default=4, help="images per series")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        store = Store(folder)
        try:
            start = time.perf_counter()
            if not store.studies.count():
                fill(store, args.studies, objects=args.objects)
            filled_s = time.perf_counter() - start
            rows = {
                name: measure(question, args.repeats) for name, question in questions(store).items()
            }
            studies = store.studies.count()
        finally:
            store.close()
        rows["opening the library"] = measure(lambda: Store(folder).close(), 5)
        size_mb = (folder / Store.DATABASE_NAME).stat().st_size / 2**20
    if args.json:
        answer = {
            "studies": studies, "filled_s": round(filled_s, 1), "database_mb": round(size_mb),
            "milliseconds": {
                name: {"median": round(median, 2), "worst": round(worst, 2)}
                for name, (median, worst) in rows.items()
            },
        }  # fmt: skip
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1) + "\n")
        return 0
    print(f"{studies} studies, database {size_mb:.0f} MB, filled in {filled_s:.0f} s")
    for name, (median, worst) in rows.items():
        print(f"{name:36} {median:8.2f} ms   worst {worst:8.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
