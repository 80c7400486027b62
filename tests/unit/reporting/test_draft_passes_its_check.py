"""A draft made from any accepted findings agrees with them; nothing depends on their order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import UnsupportedLanguage
from app.core.finding import Finding
from app.core.findings_json import finding_from_json
from app.core.report import Language, StudyFacts
from app.reporting.check import check
from app.reporting.compose import compose
from app.reporting.reading.lexicon import concepts

SITES = [
    None,
    {"value": "266005", "scheme": "SCT", "meaning": "Right lower lobe of lung"},
    {"value": "44714003", "scheme": "SCT", "meaning": "Left upper lobe of lung", "segment": "S3"},
    {"value": "L4-L5", "scheme": "level", "meaning": "L4-L5"},
    {"value": "rib 7", "scheme": "level", "meaning": "rib 7"},
    {"value": "S6", "scheme": "level", "meaning": "liver segment 6"},
    {"value": "upper pole", "scheme": "text", "meaning": "upper pole",
     "meaning_ru": "верхний полюс"},
]  # fmt: skip
# Not those that say that an organ is gone: whatever else is said of it contradicts.
LABELS = [
    (c.label.en, c.label.ru)
    for c in concepts().values()
    if "postoperative_change" not in c.parents and c.id != "renal_agenesis"
] + [
    ("right lung", "правое лёгкое"),
    ("thymic remnant", "остаток тимуса"),
]
LENGTHS = st.floats(min_value=1.0, max_value=180.0).map(lambda value: round(value, 1))


@st.composite
def findings(draw: st.DrawFn) -> list[Finding]:
    """Findings of distinct concepts; sides agree with sites that name one."""
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=6, unique=True))
    rows = []
    for number, (en, ru) in enumerate(labels):
        site = draw(st.sampled_from(SITES))
        side = draw(st.sampled_from([None, "left", "right", "bilateral"]))
        if site and "ight" in str(site["meaning"]):
            side = "right"
        elif site and "eft" in str(site["meaning"]):
            side = "left"
        if en == "right lung":
            site, side = None, "right"
        long_axis = draw(st.none() | LENGTHS)
        measures = []
        if long_axis is not None:
            measures.append({"kind": "long_axis", "value": long_axis, "unit": "mm"})
            if draw(st.booleans()):
                short = round(max(0.5, long_axis * draw(st.floats(0.3, 1.0))), 1)
                measures.append({"kind": "short_axis", "value": short, "unit": "mm"})
        measures.append({"kind": "area", "value": draw(LENGTHS), "unit": "cm2"})
        rows.append(
            finding_from_json(
                {
                    "uid": f"f{number}",
                    "label": {"en": en, "ru": ru},
                    "state": draw(st.sampled_from(["accepted", "edited"])),
                    "significance": draw(
                        st.sampled_from(["significant", "incidental", "descriptive"])
                    ),
                    "presence": draw(st.sampled_from(["present", "present", "uncertain"])),
                    "laterality": side,
                    "site": site,
                    "measurements": measures,
                }
            )
        )
    return rows


def test_near_names_of_almost_one_size_are_told_apart() -> None:
    rows = [
        finding_from_json(
            {
                "uid": uid, "label": label, "state": "accepted", "significance": "significant",
                "measurements": [{"kind": "long_axis", "value": value, "unit": "mm"}],
            }
        )
        for uid, label, value in (("a", "lung abscess", 1.0), ("b", "abscess", 2.0))
    ]  # fmt: skip
    facts = StudyFacts(modality="CT", body_part="CHEST", priors=())
    said = ["Lung abscess, 1 mm.", "Abscess, 2 mm."]
    for first, second in (said, reversed(said)):
        text = f"FINDINGS: {first} {second}\nIMPRESSION: Lung abscess. Abscess."
        assert check(text, rows, facts, "en").verdict == "clean"


@settings(max_examples=150, deadline=None)
@given(findings(), st.sampled_from(["en", "ru"]))
def test_a_draft_of_accepted_findings_is_clean(rows: list[Finding], language: Language) -> None:
    facts = StudyFacts(modality="CT", priors=())
    draft = compose(rows, facts, language)
    result = check(draft.text, rows, facts, language, links=draft.links)
    assert result.verdict == "clean", (draft.text, result.discrepancies)


@settings(max_examples=60, deadline=None)
@given(findings(), st.randoms(use_true_random=False), st.sampled_from(["en", "ru"]))
def test_the_order_of_findings_changes_nothing(
    rows: list[Finding], chance: object, language: Language
) -> None:
    facts = StudyFacts()
    text = compose(rows[: len(rows) // 2], facts, language).text
    one = check(text, rows, facts, language)
    chance.shuffle(rows)  # type: ignore[attr-defined]
    other = check(text, rows, facts, language)
    assert replace(one, elapsed_ms=0.0) == replace(other, elapsed_ms=0.0)


@settings(max_examples=80, deadline=None)
@given(findings(), st.sampled_from(["en", "ru"]))
def test_every_span_points_at_its_words(rows: list[Finding], language: Language) -> None:
    flipped = {"left": "right", "right": "left"}
    other = [
        replace(
            row,
            current=replace(
                row.current,
                laterality=flipped.get(row.current.laterality or "", row.current.laterality),
            ),
        )
        for row in rows
    ]
    text = "  \n" + compose(rows, StudyFacts(), language).text
    result = check(text, other, StudyFacts(), language)
    for item in result.discrepancies:
        for span in item.spans:
            assert text[span.start : span.end] == span.text
        if item.fix is not None:
            assert 0 <= item.fix.start <= item.fix.end <= len(text)
    for statement in result.statements:
        assert text[statement.span.start : statement.span.end] == statement.span.text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.sampled_from(["en", "ru"]))
def test_any_text_is_read_without_a_fault(text: str, language: Language) -> None:
    try:
        result = check(text, [], StudyFacts(patient_sex="F", priors=()), language)
    except UnsupportedLanguage:  # the text is in another language than the one given
        return
    assert result.language == language
