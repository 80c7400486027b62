"""The unseen benchmark: its marks, its truth and its seed hold."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from benchmarks.report_blind import ct
from benchmarks.report_blind.cases import cases
from benchmarks.report_blind.concepts import HALVES, LANGUAGES, READABLE
from benchmarks.report_blind.errors import CLASSES
from benchmarks.report_blind.rendering import Edit, plain, render
from benchmarks.report_blind.sentences import Sentence, as_gold, parse, sentences
from benchmarks.report_blind.source import Report, reports


def _all(language: str) -> list[Sentence]:
    return [sentence for half in HALVES for sentence in sentences(language, half)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_a_mark_and_none_stands_twice(language: str) -> None:
    found = _all(language)
    assert len(found) >= 200
    assert len({sentence.text for sentence in found}) == len(found)
    for sentence in found:
        assert sentence.mentions, sentence.text
        for mention in sentence.mentions:
            words = sentence.text[mention.start : mention.end]
            assert words == words.strip()
            assert words


def test_a_mark_gives_its_place_state_side_and_sizes() -> None:
    text, (one, other) = parse("Was: {nod+R 12x8 <9|a nodule}, no {eff-|effusion}.")
    assert text == "Was: a nodule, no effusion."
    assert (text[one.start : one.end], one.state, one.side) == ("a nodule", "present", "right")
    assert (one.sizes, one.earlier) == ((12.0, 8.0), (9.0,))
    assert (text[other.start : other.end], other.state, other.side) == ("effusion", "absent", None)


def test_a_bad_mark_is_refused() -> None:
    for bad in ("{nope+|x}", "{nod|x}", "{nod+ 1 mm|x}"):
        with pytest.raises(ValueError, match=r"no concept|a mark"):
            parse(bad)


def test_what_is_no_statement_stands_apart() -> None:
    text, mentions = parse("History of {pe~|embolism}; no {pe-|emboli} now.")
    gold = as_gold(Sentence("a", "en", "dev", "history", text, mentions))
    assert [row["state"] for row in gold["mentions"]] == ["absent"]
    assert [row["state"] for row in gold["context"]] == ["context"]


_made = cache(cases)
ALL = [report for language in LANGUAGES for report in reports(language)]
_DATE = re.compile(r"\b\d{1,2}[./]\d{1,2}[./]\d{4}\b")


def _name(report: Report) -> str:
    return f"{report.language}-{report.uid}"


@pytest.mark.parametrize("report", ALL, ids=_name)
def test_what_a_report_states_is_what_was_accepted(report: Report) -> None:
    """Every accepted finding is stated, sized and sided as in the list."""
    named = {part.name for part in report.parts if re.fullmatch(r"[fx]\d", part.name)}
    assert named == {finding["uid"] for finding in report.accepted()}
    two_parts = any(
        report.indices(name, impression=True) and report.indices(name, impression=False)
        for name in named
    )
    title = plain(report, report.indices("mod")[0])
    for finding in report.accepted():
        where = report.indices(finding["uid"])
        said = " ".join(plain(report, at) for at in where).lower()
        if two_parts and finding["significance"] in ("critical", "significant"):
            assert report.indices(finding["uid"], impression=True), finding["uid"]
        if finding["significance"] == "critical":
            assert report.indices("comm")
        words = {"left": "left|лев|слева", "right": "right|прав|справа"}
        if finding["laterality"] in words:
            assert re.search(words[finding["laterality"]], f"{said} {title}".lower())
        for measure in finding["measurements"]:
            sizes = [measure["value"]]
            sizes += [measure["previous"]["value"]] if "previous" in measure else []
            for size in sizes:
                in_cm = f"{size / 10:.1f}".replace(".", "[.,]")
                assert re.search(rf"(?<!\d)(?:{size:g}|{in_cm})(?!\d)", said), (said, size)


@pytest.mark.parametrize("report", ALL, ids=_name)
def test_a_report_is_whole_and_its_dates_are_those_of_the_study(report: Report) -> None:
    text = render(report, Edit()).text
    assert not re.search(r"\[\[|\]\]|<<|>>|[{}\x00]|=>", text)
    study = report.study
    years = {day[:4] for day in (study["study_date"], study["patient_birth_date"])}
    years |= {day[:4] for day in study["priors"]}
    for day in _DATE.findall(text):
        assert day[-4:] in years
    assert all(prior < study["study_date"] for prior in study["priors"])


def test_both_languages_tell_the_same_stories_in_the_same_halves() -> None:
    halves = [{report.uid: report.half for report in reports(language)} for language in LANGUAGES]
    told = [{uid: half for uid, half in found.items() if half != "traps"} for found in halves]
    assert told[0] == told[1]
    assert len(told[0]) >= 45
    assert halves[0].items() <= halves[1].items()  # of the traps, some stories in Russian alone


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_has_its_twin_and_its_place(language: str, half: str) -> None:
    made = _made(language, half)
    by_id = {case["id"]: case for case in made}
    assert len(by_id) == len(made) >= 250
    kinds = {case["truth"]["error_class"] for case in made} - {None}
    assert len(kinds) >= len(CLASSES) - (half == "traps")
    for case in made:
        truth = case["truth"]
        if truth["error_class"] is None:
            continue
        twin = by_id[truth["twin"]]
        assert twin["truth"]["error_class"] is None
        assert twin["truth"]["base"] == truth["base"]
        assert any(case[key] != twin[key] for key in ("report", "findings", "study"))
        assert "\x00" not in case["report"]
        for start, end in truth.get("spans") or ([truth["span"]] if truth["span"] else []):
            words = case["report"][start:end]
            assert words == words.strip()
            assert words
        uids = {finding["uid"] for finding in case["findings"]}
        assert truth["finding_uid"] is None or truth["finding_uid"] in uids
        assert truth["span"] or truth["finding_uid"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_put_in_is_found_at_the_span(language: str) -> None:
    """A span shows the change: what differs from the twin lies in it, or it names the finding."""
    for half in HALVES:
        made = _made(language, half)
        by_id = {case["id"]: case for case in made}
        for case in made:
            truth = case["truth"]
            if truth["error_class"] is None or truth["span"] is None:
                continue
            spans = truth.get("spans") or [truth["span"]]
            twin = " ".join(by_id[truth["twin"]]["report"].split())
            new = [
                words
                for start, end in spans
                if (words := " ".join(case["report"][start:end].split())) not in twin
            ]
            changed = " ".join(case["report"].split()) != twin
            assert bool(new) == changed, (case["id"], truth)


def test_the_same_seed_gives_the_same_cases() -> None:
    assert cases("en", "dev") == _made("en", "dev")


def test_no_sentence_of_the_unseen_parts_stands_in_the_program_or_its_tests() -> None:
    """What was written to be unseen must stay unseen."""
    unseen = [half for half in HALVES if half not in READABLE]
    held = {part.text for report in ALL if report.half in unseen for part in report.parts}
    held |= {
        one.text for language in LANGUAGES for half in unseen for one in sentences(language, half)
    }
    held |= {
        sentence
        for language in LANGUAGES
        for report in ct.ct_reports(language, "held")
        for sentence in re.split(r"(?<=\.)\s", report.text)
    }
    long = [text for text in held if len(text) > 45 and "<<" not in text and "{" not in text]
    assert len(long) > 100
    root = Path(__file__).resolve().parents[3]
    files = [
        path
        for folder in ("app", "resources", "tests")
        for path in (root / folder).rglob("*")
        if path.suffix in (".py", ".json", ".jsonl", ".txt", ".md", ".csv", ".toml", ".yaml")
    ]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert [line for line in long if line in text] == [], path
