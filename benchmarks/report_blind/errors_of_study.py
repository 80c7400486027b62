"""Errors against the study: patient, modality, contrast, priors; and what a template left."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from benchmarks.report_blind.phrases import phrases
from benchmarks.report_blind.rendering import INSERTED, Edit, like, plain, slips_of
from benchmarks.report_blind.slips import Slip, size_of_today, stated, whole_text
from benchmarks.report_blind.source import Part, Report, facts, written, years

_HEAD = ("mod", "id", "date", "age", "cmp", "con")
_EARLIER = re.compile(r"\{prior|<<chg:")
_IMPRESSION = re.compile(
    r"(?:^|\n)(?:impression|imp|conclusion|opinion|assessment|заключение|закл)\b", re.I
)


def places(report: Report) -> list[tuple[int, int]]:
    """Where one more sentence can stand in the findings: (part, character)."""
    head = max((at for at, part in enumerate(report.parts) if part.name in _HEAD[:6]), default=0)
    small = like("A.", whole_text(report)) == "a"
    found = []
    for at, part in enumerate(report.parts):
        if part.name == "comm" or at <= head or part.name:
            continue
        end = _IMPRESSION.search(part.text)
        text = part.text[: end.start() + 1] if end else part.text
        stop = r"(?<=\w\w)(?=\n)" if small else r"(?<=[^\W\d]{3}\.)(?=[ \n])"
        found += [(at, mark.start()) for mark in re.finditer(stop, text)]
        if end:
            break
    return found


def _put_in(report: Report, sentence: str, rnd: Random) -> Edit | None:
    where = places(report)
    if not where:
        return None
    at, offset = rnd.choice(where)
    text = like(sentence, whole_text(report))
    lead = " " if report.parts[at].text[offset - 1] == "." else "\n"
    return Edit(inserted=(at, offset, lead + text))


def _inserted(report: Report, kind: str, severity: str, more: str, rnd: Random) -> Iterator[Slip]:
    for sentence in phrases(more, report.language):
        if edit := _put_in(report, sentence, rnd):
            yield Slip(kind, report, edit, severity, (INSERTED,), (), "put in")


def sex(report: Report, rnd: Random) -> Iterator[Slip]:
    """The sex in the text, or an organ, is not of this patient."""
    kind = "sex-organ"
    for at in report.indices("age"):
        if "sex" in slips_of(report.parts[at]):
            edit = Edit(slips=frozenset({(at, "sex")}))
            yield Slip(kind, report, edit, "block", (at,), (), "word")
    if report.study["body_part"] in ("ABDOMEN", "PELVIS"):
        more = "male-organ" if report.study["patient_sex"] == "F" else "female-organ"
        yield from _inserted(report, kind, "block", more, rnd)


def age(report: Report, rnd: Random) -> Iterator[Slip]:
    """The age in the text is not the age on the day."""
    for at in report.indices("age"):
        if "{AGE}" in report.parts[at].text:
            true = years(report.study)
            other = true + rnd.choice([d for d in (-30, -20, -10, -7, 7, 10, 20) if true + d > 17])
            if other < 100:
                yield Slip("age", report, Edit(age=other), "warn", (at,))


def modality(report: Report, rnd: Random) -> Iterator[Slip]:
    """A title or a sentence of another modality."""
    study, language = report.study, report.language
    side = {
        "en": {"R": "right", "L": "left"},
        "ru": {"R": "правого", "L": "левого"},
    }[language].get(study["laterality"] or "", "")
    if study["body_part"] == "LEG" and language == "ru":
        side = {"правого": "правой", "левого": "левой"}[side]
    region = phrases(f"region-{study['body_part']}", language)[0].format(side=side)
    title = report.indices("mod")[0]
    for other in ("CT", "MR", "US", "DX"):
        plain_breast = (other, study["modality"]) == ("DX", "MG")  # says the same
        if other != study["modality"] and not plain_breast:
            name = rnd.choice(phrases(f"title-{other}", language)).format(region=region)
            edit = Edit(texts={title: like(name, report.parts[title].text)})
            yield Slip("modality-mismatch", report, edit, "block", (title,), (), "title")
    yield from _inserted(report, "modality-mismatch", "block", f"foreign-{study['modality']}", rnd)


def contrast(report: Report, rnd: Random) -> Iterator[Slip]:
    """Contrast in the text against contrast in the images."""
    given = report.study["contrast"]
    where = report.indices("con")
    if given is None or not where:
        return
    changed = report.with_study({"contrast": not given})
    titles = report.indices("mod")
    named = [at for at in titles if re.search("contrast|gadolin|контраст", plain(report, at), re.I)]
    yield Slip("contrast-mismatch", changed, Edit(), "block", (*where, *named), (), "study")
    phrase = rnd.choice(phrases("contrast-no" if given else "contrast-yes", report.language))
    phrase = like(phrase, whole_text(report))
    if not report.parts[where[0]].text.endswith("."):
        phrase = phrase.rstrip(".")
    edit = Edit(texts={where[0]: phrase})
    yield Slip("contrast-mismatch", report, edit, "block", (where[0],), (), "text")


def placeholder(report: Report, rnd: Random) -> Iterator[Slip]:
    """A piece of a template is left, or a size was never filled in."""
    yield from _inserted(report, "placeholder-left", "block", "placeholder", rnd)
    for finding in report.accepted():
        for measure in finding["measurements"][:1]:
            for at in stated(report, finding["uid"], impression=False)[:1]:
                mark = size_of_today(measure["value"], report.parts[at].text)
                if mark:
                    text = report.parts[at].text
                    blank = rnd.choice(("___", "[ ]", "***"))
                    text = text[: mark.start("n")] + blank + text[mark.end("n") :]
                    edit = Edit(texts={at: text})
                    yield Slip("placeholder-left", report, edit, "block", (at,), (), "size")


def _compares(part: Part) -> bool:
    """Whether a part speaks of an earlier examination: the comparison, its date, a change."""
    return part.name == "cmp" or (bool(part.name) and bool(_EARLIER.search(part.text)))


def no_prior(report: Report, rnd: Random) -> Iterator[Slip]:
    """Compared with an examination that the patient never had."""
    kind = "comparison-without-prior"
    where = tuple(report.indices("cmp"))
    if where and report.study["priors"]:
        findings = copy.deepcopy(report.findings)
        for finding in findings:
            for measure in finding["measurements"]:
                measure.pop("previous", None)
        words = {k: v for k, v in facts(report).items() if k.startswith("prior")}
        changed = replace(report, findings=findings).with_study({"priors": []})
        told = tuple(at for at, part in enumerate(report.parts) if _compares(part))
        yield Slip(kind, changed, Edit(words=words), "warn", told, (), "study")
    elif not report.study["priors"]:
        yield from _inserted(report, kind, "warn", "comparison", rnd)


def wrong_prior(report: Report, rnd: Random) -> Iterator[Slip]:
    """The prior has another date."""
    where = report.indices("cmp")
    if not where or not report.study["priors"]:
        return
    true = date.fromisoformat(report.study["priors"][0])
    for days in (-365, -31, rnd.choice((-9, 3, -2, -18))):
        other = true + timedelta(days=days)
        if str(other) in report.study["priors"] or str(other) >= report.study["study_date"]:
            continue
        edit = Edit(words={"prior": written(str(other), report.date_format)})
        parts = tuple(at for at, part in enumerate(report.parts) if "{prior}" in part.text)
        shown = tuple(at for at in parts if report.parts[at].name) or tuple(where)
        yield Slip("wrong-prior-date", report, edit, "warn", shown)


def identity(report: Report, rnd: Random) -> Iterator[Slip]:
    """The name, the birth date or the date of the study is of another."""
    kind, study, language = "wrong-identity", report.study, report.language
    named = report.indices("id")
    dated = report.indices("date")
    born, day = (date.fromisoformat(study[key]) for key in ("patient_birth_date", "study_date"))
    names = phrases("woman" if study["patient_sex"] == "F" else "man", language)
    other = report.with_study(
        {
            "patient_name": rnd.choice(names),
            "patient_birth_date": str(born + timedelta(days=rnd.randint(400, 3000))),
            "study_date": str(day + timedelta(days=rnd.choice((-45, -30, -12, -7)))),
        }
    )
    wrong = facts(other)
    for at in named:
        words = {k: wrong[k] for k in ("name", "NAME", "initials")}
        yield Slip(kind, report, Edit(words=words), "block", (at,), (), "name")
        if "{dob}" in report.parts[at].text:
            edit = Edit(words={"dob": wrong["dob"]})
            yield Slip(kind, report, edit, "block", (at,), (), "birth date")
    for at in dated:
        edit = Edit(words={"date": wrong["date"]})
        yield Slip(kind, report, edit, "block", (at,), (), "date")
    title = report.indices("mod")[0]
    end = len(plain(report, title))
    for line, have, note in (("patient-line", named, "name"), ("date-line", dated, "date")):
        if not have:
            text = rnd.choice(phrases(line, language)).format(**wrong)
            edit = Edit(inserted=(title, end, "\n" + text))
            yield Slip(kind, report, edit, "block", (INSERTED,), (), f"{note} put in")
