"""Every rule is in the catalogue, its examples do what they say, and the pages are current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.core.report import CheckResult, Language
from app.reporting.check import check
from app.reporting.rule_catalogue import Example, RuleText, rule_texts
from app.reporting.rule_page import rule_page

CHECKOUT = Path(__file__).resolve().parents[3]
RULES_FOLDER = CHECKOUT / "app" / "reporting" / "rules"


def _run(example: Example, language: Language) -> CheckResult:
    return check(example.text, example.findings, example.facts, language, links=example.links)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("item", rule_texts(), ids=lambda item: item.rule)
def test_a_rule_speaks_where_its_page_says_so(item: RuleText, language: Language) -> None:
    result = _run(item.fires(language), language)
    found = [d for d in result.discrepancies if d.rule == item.rule]
    assert found, [d.rule for d in result.discrepancies]
    assert {d.severity for d in found} <= set(item.severity.split(", "))
    for one in found:
        assert one.message.en
        assert one.message.ru


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("item", rule_texts(), ids=lambda item: item.rule)
def test_a_rule_keeps_quiet_where_its_page_says_so(item: RuleText, language: Language) -> None:
    result = _run(item.keeps_quiet(language), language)
    assert item.rule not in {d.rule for d in result.discrepancies}


def test_every_rule_of_the_code_is_in_the_catalogue() -> None:
    known = {item.rule for item in rule_texts()}
    ids = set()
    for path in RULES_FOLDER.glob("*.py"):
        ids |= set(re.findall(r"``([a-z]+(?:-[a-z]+)+|age|location)``", path.read_text("utf-8")))
    assert ids - {"safety-net"} <= known
    assert known <= ids | {"safety-net"}


@pytest.mark.parametrize(("language", "name"), [("en", "report-check-rules.md"),
                                                ("ru", "report-check-rules.ru.md")])  # fmt: skip
def test_the_page_is_current(language: Language, name: str) -> None:
    page = (CHECKOUT / "docs" / name).read_text("utf-8")
    assert page == rule_page(language), f"overread check page --lang {language} > docs/{name}"
