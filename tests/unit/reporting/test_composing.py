"""Drafts of every template and every concept: clean by our own check, and nothing but accepted."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.finding import Decision, decide
from app.core.report import Language, StudyFacts
from app.reporting.check import check
from app.reporting.compose import Composing, Draft, compose
from app.reporting.reading.lexicon import concepts
from app.reporting.sentence_states import relinked, sentence_states, with_replacement
from app.reporting.sentences import finding_sentence, group_sentence
from app.reporting.templates.fields import fields_in, filled
from app.reporting.templates.model import ReportTemplate
from app.reporting.templates.shelf import TemplateShelf, built_in
from tests.support.report_findings import finding, rules_of
from tests.support.synthetic_findings import PRIOR, accepted_findings, distinct_concepts

TEMPLATES = {one.template.key: one.template for one in built_in()}
RIGHT_LOWER = {"value": "266005", "scheme": "SCT", "meaning": "Right lower lobe of lung"}


def facts_for(template: ReportTemplate) -> StudyFacts:
    return StudyFacts(
        modality=next(iter(template.applies.modalities), "CT"),
        body_part=next(iter(template.applies.body_parts), ""),
        priors=(PRIOR,),
    )


def with_fields_filled(draft: Draft, template: ReportTemplate) -> str:
    """Every field filled in with its first option, as somebody at the window might."""
    text = draft.text
    while fields := fields_in(text, template.fields):
        assert fields[0].is_known, fields[0]
        text = filled(text, fields[0], (fields[0].options or ("No further remarks.",))[0])
    return text


@pytest.mark.parametrize("key", TEMPLATES)
def test_a_template_s_draft_is_clean_without_findings_and_with_many(key: str) -> None:
    template = TEMPLATES[key]
    rng = random.Random(key)
    facts = facts_for(template)
    for count in (0, 2, 5):
        if not count and key.startswith("general."):
            continue  # nothing accepted and nothing normal: it asks for a description
        rows = accepted_findings(rng, distinct_concepts(rng, count))
        draft = compose(rows, facts, template.language, Composing(template))
        text = with_fields_filled(draft, template)
        result = check(text, rows, facts, template.language, links=draft.links)
        assert result.verdict == "clean", (text, result.discrepancies)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_concept_in_a_draft_of_its_own_is_clean(language: Language) -> None:
    rng = random.Random(11)
    template = TEMPLATES[f"ct-chest.{language}"]
    facts = facts_for(template)
    for name in rng.sample(sorted(concepts()), 120):
        rows = accepted_findings(rng, [name])
        draft = compose(rows, facts, language, Composing(template))
        result = check(draft.text, rows, facts, language, links=draft.links)
        assert result.verdict == "clean", (draft.text, result.discrepancies)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), key=st.sampled_from(sorted(TEMPLATES)), normals=st.booleans())
def test_nothing_enters_that_was_not_accepted(seed: int, key: str, normals: bool) -> None:
    template = TEMPLATES[key]
    rng = random.Random(seed)
    rows = accepted_findings(rng, distinct_concepts(rng, 4))
    how = Composing(template, normals=normals)
    facts = facts_for(template)
    draft = compose(rows, facts, template.language, how)
    others = [
        finding(concepts()[name].label.en, ru=concepts()[name].label.ru, uid=f"no-{name}",
                state=rng.choice(["proposed", "rejected"]))
        for name in distinct_concepts(rng, 6)
    ]  # fmt: skip
    mixed = [*rows, *others]
    rng.shuffle(mixed)
    assert compose(mixed, facts, template.language, how) == draft
    accepted = {row.uid for row in rows}
    assert {link.finding_uid for link in draft.links} <= accepted
    assert all(link.text in draft.text for link in draft.links)


def test_without_a_choice_nothing_is_called_normal() -> None:
    template = TEMPLATES["ct-chest.en"]
    effusion = finding("pleural effusion", "left")
    facts = facts_for(template)
    draft = compose([effusion], facts, "en", Composing(template, normals=False))
    assert "No " not in draft.text
    assert "normal" not in draft.text.lower()
    empty = compose([], facts, "en", Composing(template, normals=False))
    assert "placeholder-left" in rules_of(check(empty.text, [], facts, "en"))


def test_a_contradicted_normal_statement_makes_way() -> None:
    template = TEMPLATES["ct-chest.en"]
    rows = [finding("pleural effusion", "left", uid="a"), finding("cardiomegaly", uid="b")]
    text = compose(rows, facts_for(template), "en", Composing(template)).text
    assert "There is a left pleural effusion. No pneumothorax." in text
    assert "Heart size is normal" not in text
    assert "There is cardiomegaly." in text


@pytest.mark.parametrize(
    ("language", "count", "start"),
    [("en", 1, "There is a 5 mm pulmonary nodule in the right lower lobe."),
     ("en", 2, "There are two pulmonary nodules in the right lower lobe: 6 mm and 5 mm."),
     ("en", 6, "There are multiple pulmonary nodules (6) in the right lower lobe, up to 10 mm."),
     ("ru", 1, "В нижней доле правого лёгкого определяется очаг размером 5 мм."),
     ("ru", 2, "В нижней доле правого лёгкого определяются два очага: 6 мм и 5 мм."),
     ("ru", 5, "В нижней доле правого лёгкого определяются множественные очаги (5), размером до "
               "9 мм.")],
)  # fmt: skip
def test_number_and_case(language: Language, count: int, start: str) -> None:
    rows = [
        finding("pulmonary nodule", "right", ru="очаг в лёгком", uid=str(n), mm=(5.0 + n,),
                site=RIGHT_LOWER)
        for n in range(count)
    ]  # fmt: skip
    assert group_sentence(rows, language) == start


@pytest.mark.parametrize(
    ("label", "side", "more", "wanted"),
    [("киста почки", "right", {}, "В правой почке определяется киста."),
     ("киста почки", "bilateral", {"mm": (8.0,)},
      "В обеих почках определяются кисты размером до 8 мм."),
     ("бронхоэктазы", "left", {}, "Слева определяются бронхоэктазы."),
     ("бронхоэктазы", "left", {"presence": "uncertain"}, "Не исключаются бронхоэктазы слева."),
     ("плевральный выпот", "left", {"presence": "absent"},
      "Плеврального выпота слева не выявлено."),
     ("плевральный выпот", "left", {"mm": (12.0,)},
      "Слева определяется плевральный выпот толщиной 12 мм."),
     ("перелом ребра", "left", {"site": {"value": "", "meaning": "rib 7"}},
      "Слева определяется перелом VII ребра."),
     ("остаток тимуса", None, {"mm": (14.2,)}, "Остаток тимуса размером 14 мм.")],
)  # fmt: skip
def test_russian_forms(label: str, side: str, more: dict[str, object], wanted: str) -> None:
    english = {
        "киста почки": "renal cyst", "бронхоэктазы": "bronchiectasis",
        "плевральный выпот": "pleural effusion", "перелом ребра": "rib fracture",
    }.get(label, "thymic remnant")  # fmt: skip
    assert finding_sentence(finding(english, side, ru=label, **more), "ru") == wanted


def nodule(now: float, before: float) -> list[dict[str, object]]:
    return [{"kind": "long_axis", "value": now, "unit": "mm",
             "previous": {"value": before, "unit": "mm", "date": PRIOR}}]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "before", "english", "russian"),
    [(12.0, 8.0, "increased (previously 8 mm, 12 Mar 2025)",
      "увеличился (ранее 8 мм, 12.03.2025)"),
     (8.5, 8.0, "stable within measurement uncertainty (previously 8 mm",
      "без динамики в пределах точности измерения (ранее 8 мм"),
     (6.0, 9.5, "decreased (previously 9.5 mm", "уменьшился (ранее 9,5 мм")],
)  # fmt: skip
def test_a_measured_change_in_words(
    now: float, before: float, english: str, russian: str
) -> None:  # fmt: skip
    grown = finding(
        "pulmonary nodule", "right", ru="очаг в лёгком", measurements=nodule(now, before)
    )  # fmt: skip
    assert english in finding_sentence(grown, "en")
    assert russian in finding_sentence(grown, "ru")
    # a date that is none of the known earlier studies is not written
    assert "2025" not in finding_sentence(grown, "en", priors=("2024-01-01",))


def test_impression_begins_with_the_gravest_and_what_grew() -> None:
    rows = [
        finding("renal cyst", "right", uid="a", significance="incidental"),
        finding("pleural effusion", "left", uid="b"),
        finding("pulmonary nodule", "right", uid="c", measurements=nodule(12.0, 8.0)),
        finding("pneumothorax", "right", uid="d", significance="critical"),
    ]
    template = TEMPLATES["ct-chest.en"]
    text = compose(rows, facts_for(template), "en", Composing(template)).text
    items = text.split("IMPRESSION:\n")[1].splitlines()
    assert [line[:14] for line in items[:4]] == [
        "1. Right pneum", "2. 12 mm right", "3. Left pleura", "4. Right renal",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ru"])
def test_sentences_follow_their_findings(language: Language) -> None:
    facts = StudyFacts(modality="CT", body_part="CHEST", priors=())
    effusion = finding("pleural effusion", "left", ru="плевральный выпот", uid="a")
    cyst = finding("renal cyst", "right", ru="киста почки", uid="b", mm=(8.0,))
    draft = compose([effusion, cyst], facts, language)
    when = "2026-01-01T00:00:00Z"
    larger = finding("renal cyst", "right", ru="киста почки", mm=(21.0,)).current
    now = [
        decide(effusion, Decision("reject", "me", when, "artefact")),
        decide(cyst, Decision("edit", "me", when), larger),
    ]
    text, links = draft.text, draft.links
    states = sentence_states(text, links, now, language, facts)
    assert {one.state for one in states if one.finding_uids == ("a",)} == {"withdrawn"}
    assert {one.state for one in states if one.finding_uids == ("b",)} == {"stale"}
    while True:
        states = sentence_states(text, links, now, language, facts)
        one = next((s for s in states if s.state in ("stale", "withdrawn")), None)
        if one is None:
            break
        text, links = with_replacement(text, one), relinked(links, one, now)
    assert "21 " in text
    assert not any(word in text.lower() for word in ("effusion", "выпот"))
    assert not {"stale-sentence", "generated-without-acceptance"} & rules_of(
        check(text, now, facts, language, links=links)
    )


def test_the_fix_of_a_shared_sentence_keeps_the_findings_that_stay() -> None:
    rows = [
        finding("pulmonary nodule", "right", uid=str(n), mm=(5.0 + n,), site=RIGHT_LOWER)
        for n in range(3)
    ]
    facts = StudyFacts(modality="CT", body_part="CHEST", priors=())
    draft = compose(rows, facts, "en")
    when = "2026-01-01T00:00:00Z"
    now = [decide(rows[0], Decision("reject", "me", when, "artefact")), *rows[1:]]
    found = check(draft.text, now, facts, "en", links=draft.links).discrepancies
    fixes = [item.fix for item in found if item.rule == "generated-without-acceptance"]
    assert fixes[0] is not None
    assert fixes[0].insert == (
        "There are two pulmonary nodules in the right lower lobe: 7 mm and 6 mm."
    )


def test_the_shelf_offers_the_general_template_for_anything() -> None:
    shelf = TemplateShelf()
    for language in ("en", "ru"):
        assert shelf.choose(StudyFacts(modality="NM"), language).id == "general"
