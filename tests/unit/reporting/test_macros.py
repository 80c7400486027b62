"""Macros: expanded before the cursor, faults in words; carried sentences marked until confirmed."""

from __future__ import annotations

import json

import pytest

from app.config.folders import resources_folder
from app.core.errors import TemplateRefused
from app.core.report import StudyFacts
from app.reporting.carried import carried_in, confirmed, is_mark, marked, removed, sentences_of
from app.reporting.check import check
from app.reporting.macros import SCHEMA, Macro, expand_before, macros_text, parse_macros
from tests.support.report_findings import rules_of

MACROS = (Macro("nl", "The lungs are clear.", "lungs"), Macro("лн", "В лёгких без изменений."))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Lungs: .nl", "The lungs are clear."), (".NL", "The lungs are clear."),
     ("ОПИСАНИЕ:\n.лн", "В лёгких без изменений."), ("end.nl", None), ("1.5", None),
     ("..nl", None), (".none", None), ("nl", None)],
)  # fmt: skip
def test_a_trigger_behind_a_full_stop_is_expanded(text: str, wanted: str | None) -> None:
    found = expand_before(text, len(text), MACROS)
    assert (found.text if found else None) == wanted
    if found:
        assert text[found.start] == "."
        assert found.end == len(text)


def test_a_file_of_macros_is_read_back() -> None:
    assert parse_macros(macros_text("en", MACROS)) == ("en", MACROS)
    for language in ("en", "ru"):
        path = resources_folder() / "report" / "macros" / f"{language}.json"
        assert parse_macros(path.read_text("utf-8"))[0] == language


@pytest.mark.parametrize(
    "rows",
    [[{"trigger": "a b", "text": "x"}], [{"trigger": "a", "text": " "}], [{"trigger": "a"}],
     [{"trigger": "a", "text": "x", "colour": "red"}], ["a"],
     [{"trigger": "a", "text": "x"}, {"trigger": "A", "text": "y"}]],
)  # fmt: skip
def test_a_damaged_macro_is_refused_in_both_languages(rows: list[object]) -> None:
    data = {"schema": SCHEMA, "language": "en", "macros": rows}
    with pytest.raises(TemplateRefused) as fault:
        parse_macros(json.dumps(data))
    assert fault.value.ru != fault.value.message


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_carried_sentence_is_held_until_it_is_confirmed(language: str) -> None:
    spoken = "ru" if language == "ru" else "en"
    sentence = "Киста печени, 12 мм." if language == "ru" else "Hepatic cyst, 12 mm."
    line = marked(sentence, "20250312", spoken)
    head, end = ("ОПИСАНИЕ", "ЗАКЛЮЧЕНИЕ: Норма.") if language == "ru" else (
        "FINDINGS", "IMPRESSION: Normal.",
    )  # fmt: skip
    text = f"{head}:\n{'Печень.' if language == 'ru' else 'Liver.'} {line}\n\n{end}\n"
    (carried,) = carried_in(text)
    assert (carried.text, carried.date) == (sentence, "2025-03-12")
    facts = StudyFacts(priors=("2025-03-12",))
    (held,) = check(text, [], facts, spoken).discrepancies
    assert (held.rule, held.severity) == ("placeholder-left", "block")
    assert sentence in held.message.text(spoken)
    assert is_mark(held.spans[0].text)
    own = confirmed(text, carried)
    assert held.fix is not None
    assert f"{text[: held.fix.start]}{held.fix.insert}{text[held.fix.end :]}" == own
    assert not carried_in(own)
    assert "placeholder-left" not in rules_of(check(own, [], facts, spoken))
    assert sentence not in removed(text, carried)
    assert sentences_of(own, spoken, "findings")[-1] == sentence
