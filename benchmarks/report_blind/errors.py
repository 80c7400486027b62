"""One error put into a report: each function yields the ways in which its class fits a report.

An error that would make nonsense of the report, or that would be a second error as well, is not
offered. What a way holds is described at ``Slip``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from benchmarks.report_blind.phrases import denials, phrases
from benchmarks.report_blind.rendering import INSERTED, Edit, like, plain, slips_of
from benchmarks.report_blind.source import Report, facts, written, years

# One denial would deny the other as well.
_KIN = (
    {"con", "pna", "opa", "ggo", "ate"}, {"nod", "mas"}, {"frx", "rib", "sku"}, {"hdi", "pdi"},
    {"kst", "urt"}, {"sdh", "edh", "ich", "sah"}, {"taa", "ath", "aaa"}, {"asc", "air"},
    {"urt", "hyn"}, {"cst", "pla"},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slip:
    """An error ready to be rendered.

    ``parts`` are the parts that show it (``INSERTED`` is the sentence put in), ``uids`` the
    findings it is about, ``report`` the report with changed findings or study.
    """

    kind: str
    report: Report
    edit: Edit
    severity: str
    parts: tuple[int, ...] = ()
    uids: tuple[str, ...] = ()
    note: str = ""
    base: Edit = field(default_factory=Edit)


def _parts(report: Report, uid: str, *, impression: bool | None = None) -> list[int]:
    return report.indices(uid, impression=impression)


def _all_parts(report: Report, uid: str) -> list[int]:
    return [at for at, part in enumerate(report.parts) if part.name == uid]


def _loose(report: Report, uid: str) -> bool:
    """Whether every piece that states the finding can be taken out."""
    return not any(report.parts[at].fixed for at in _all_parts(report, uid))


def _told(report: Report, gone_uid: str) -> set[int]:
    """The line about who was told goes with the last critical finding."""
    left = [
        f for f in report.accepted() if f["significance"] == "critical" and f["uid"] != gone_uid
    ]
    return set() if left else set(report.indices("comm"))


def _kin(report: Report, uid: str) -> bool:
    """Whether another accepted finding would be denied by the same sentence."""
    code = report.codes[uid]
    near = {code}.union(*(group for group in _KIN if code in group))
    others = [f["uid"] for f in report.accepted() if f["uid"] != uid]
    return any(report.codes[other] in near for other in others)


def _changed(report: Report, uid: str, changes: dict[str, Any]) -> Report:
    findings = (f | changes if f["uid"] == uid else f for f in report.findings)
    return replace(report, findings=tuple(findings))


def _text(report: Report) -> str:
    return "".join(part.text for part in report.parts)


def _weight(finding: dict[str, Any]) -> str:
    return "block" if finding["significance"] in ("critical", "significant") else "warn"


def omitted(report: Report, _: Random) -> Iterator[Slip]:
    """Every sentence about an accepted finding is left out."""
    for finding in report.accepted():
        uid = finding["uid"]
        if _loose(report, uid) and _parts(report, uid):
            edit = Edit(gone=frozenset(_all_parts(report, uid)) | _told(report, uid))
            yield Slip("omitted-finding", report, edit, _weight(finding), (), (uid,))


def _denied(report: Report, uid: str, at: int, rnd: Random) -> str:
    sentence = rnd.choice(denials(report.codes[uid], report.language))
    sentence = like(sentence, _text(report))
    old = report.parts[at].text.rstrip()
    return sentence if old.endswith((".", "»")) else sentence.rstrip(".")


def negated(report: Report, rnd: Random) -> Iterator[Slip]:
    """An accepted finding is denied."""
    for finding in report.accepted():
        uid = finding["uid"]
        where = _parts(report, uid, impression=False) or _parts(report, uid)
        if not where or not _loose(report, uid) or _kin(report, uid):
            continue
        if not denials(report.codes[uid], report.language):
            continue
        at = where[0]
        gone = (set(_all_parts(report, uid)) - {at}) | _told(report, uid)
        edit = Edit(gone=frozenset(gone), texts={at: _denied(report, uid, at, rnd)})
        yield Slip("negated-finding", report, edit, "block", (at,), (uid,))


def rejected(report: Report, _: Random) -> Iterator[Slip]:
    """The text states what the radiologist rejected."""
    for finding in report.accepted():
        uid = finding["uid"]
        if not _kin(report, uid) and _parts(report, uid):
            changed = _changed(report, uid, {"state": "rejected"})
            parts = tuple(_parts(report, uid))
            yield Slip("rejected-finding-asserted", changed, Edit(), "warn", parts, (uid,))


_OTHER = {
    "left": "right", "right": "left", "слева": "справа", "справа": "слева", "влево": "вправо",
    "вправо": "влево",
}  # fmt: skip
_SIDE_WORD = {
    "en": re.compile(r"\b(left|right)(?=\b|-)", re.I),
    "ru": re.compile(r"\b(слева|справа|влево|вправо|лев(?=[оаыу])|прав(?=[оаыу]))", re.I),
}
_STEM = {"лев": "прав", "прав": "лев"}
_ONE_SIDED = re.compile(r"middle|lingul|средн|язычк|aorto|heart|сердц", re.I)


def _cased(word: str, pattern: str) -> str:
    if pattern.isupper() and len(pattern) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if pattern[0].isupper() else word


def _flipped(text: str, language: str) -> str:
    def other(mark: re.Match[str]) -> str:
        low = mark[0].lower()
        return _cased(_OTHER.get(low) or _STEM[low], mark[0])

    return _SIDE_WORD[language].sub(other, text)


def _sided(report: Report, uid: str) -> list[int]:
    """Parts that name one side only and can name the other."""
    found = []
    for at in _parts(report, uid):
        text = plain(report, at)
        sides = {
            _STEM.get(word.lower(), word.lower())[:3]
            for word in _SIDE_WORD[report.language].findall(text)
        }
        if sides and _ONE_SIDED.search(text):
            return []
        if len(sides) == 1:
            found.append(at)
    return found


def _has_twin(report: Report, uid: str) -> bool:
    """Whether the same kind of finding was accepted on the other side too."""
    codes = [report.codes[f["uid"]] for f in report.accepted()]
    return codes.count(report.codes[uid]) > 1


_LOBES = {
    "42400003": ("44714003", "Left upper lobe of lung"),
    "44714003": ("42400003", "Right upper lobe of lung"),
    "266005": ("41224006", "Left lower lobe of lung"),
    "41224006": ("266005", "Right lower lobe of lung"),
}


def _other_side(finding: dict[str, Any]) -> dict[str, Any] | None:
    changes: dict[str, Any] = {"laterality": _OTHER[finding["laterality"]]}
    site = finding["site"]
    if site and site["scheme"] == "SCT":
        if site["value"] not in _LOBES:
            return None
        value, meaning = _LOBES[site["value"]]
        changes["site"] = {**site, "value": value, "meaning": meaning}
    return changes


def side_against_finding(report: Report, _: Random) -> Iterator[Slip]:
    """The text says the other side than the accepted finding."""
    for finding in report.accepted():
        uid, where = finding["uid"], _sided(report, finding["uid"])
        if finding["laterality"] not in ("left", "right") or not where or _has_twin(report, uid):
            continue
        texts = {at: _flipped(report.parts[at].text, report.language) for at in where}
        kind, parts = "laterality-vs-finding", tuple(where)
        yield Slip(kind, report, Edit(texts=texts), "block", parts, (uid,), "text flipped")
        changes = _other_side(finding)
        if changes and not report.study["laterality"]:
            changed = _changed(report, uid, changes)
            yield Slip(kind, changed, Edit(), "block", parts, (uid,), "finding flipped")


def side_against_impression(report: Report, _: Random) -> Iterator[Slip]:
    """The impression says the other side than the findings."""
    for finding in report.accepted():
        uid, where = finding["uid"], _sided(report, finding["uid"])
        below = [at for at in where if report.parts[at].in_impression]
        above = [at for at in where if not report.parts[at].in_impression]
        if finding["laterality"] not in ("left", "right") or not below or not above:
            continue
        if _has_twin(report, uid):
            continue
        texts = {at: _flipped(report.parts[at].text, report.language) for at in below}
        parts = (*above, *below)
        kind = "laterality-findings-vs-impression"
        yield Slip(kind, report, Edit(texts=texts), "warn", parts, (uid,))


def side_against_study(report: Report, _: Random) -> Iterator[Slip]:
    """The report is about the other side than the study."""
    if not report.study["laterality"]:
        return
    title = report.indices("mod")[0]
    kind = "laterality-vs-study"
    slips = frozenset({(title, "lat")})
    yield Slip(kind, report, Edit(slips=slips), "block", (title,), (), "title")
    other = {"R": "L", "L": "R"}[report.study["laterality"]]
    changed = report.with_study({"laterality": other})
    yield Slip(kind, changed, Edit(), "block", (title,), (), "study")
    sided = [at for f in report.accepted() for at in _sided(report, f["uid"])]
    if sided:
        texts = {at: _flipped(report.parts[at].text, report.language) for at in sided}
        whole = report
        for finding in report.findings:
            side = _OTHER[finding["laterality"]]
            whole = _changed(whole, finding["uid"], {"laterality": side})
        edit = Edit(texts=texts, slips=slips)
        yield Slip(kind, whole, edit, "block", (title, *sided), (), "whole report")


def _written_slips(report: Report, uid: str, kind: str) -> list[int]:
    return [at for at in _all_parts(report, uid) if kind in slips_of(report.parts[at])]


def location(report: Report, _: Random) -> Iterator[Slip]:
    """Another lobe, level, segment or quadrant than the accepted one: everywhere or once."""
    for finding in report.accepted():
        uid = finding["uid"]
        where = _written_slips(report, uid, "loc")
        if where and finding["site"]:
            for chosen in {tuple(where), (where[0],)}:
                slips = frozenset((at, "loc") for at in chosen)
                note = "everywhere" if len(chosen) == len(where) else "once"
                edit = Edit(slips=slips)
                yield Slip("location", report, edit, "warn", chosen, (uid,), note)


def interval(report: Report, _: Random) -> Iterator[Slip]:
    """The word for the change goes against the two sizes."""
    for finding in report.accepted():
        uid = finding["uid"]
        where = tuple(_written_slips(report, uid, "chg"))
        if where and any("previous" in m for m in finding["measurements"]):
            edit = Edit(slips=frozenset((at, "chg") for at in where))
            kind = "interval-change-contradiction"
            yield Slip(kind, report, edit, "warn", where, (uid,))


_EARLIER = re.compile(
    r"\b(?:from|previous\w*|prior\w*|before|was|been|having|ранее|был[ои]?|от|с)\W*(?:\w+\W+){0,3}$",
    re.I,
)
_UNIT = r"(?P<unit>[ -]?(?:mm|cm|мм|см))\b"


def _number(value: float, text: str) -> re.Match[str] | None:
    """Where a text gives a size of so many mm as the size of today."""
    for number, unit in ((f"{value:g}", "mm|мм"), (f"{value / 10:.1f}", "cm|см")):
        digits = number.replace(".", "[.,]")
        more = r"(?: ?[xх×] ?\d+(?:[.,]\d+)?)*"
        pattern = (
            rf"(?<![\d.,:])(?:\d+(?:[.,]\d+)? ?[xх×] ?)?(?P<n>{digits}){more}[ -]?(?:{unit})\b"
        )
        for mark in re.finditer(pattern, text, re.I):
            if not _EARLIER.search(text[max(0, mark.start() - 30) : mark.start()]):
                return mark
    return None


def _another(number: str, rnd: Random) -> str:
    """A slip of the tongue or the keys: digits changed round, or another number."""
    plain_digits = number.replace(",", "").replace(".", "")
    turned = number[::-1] if len(plain_digits) == 2 and number[-1] != "0" else ""
    value = float(number.replace(",", "."))
    if turned:
        other = float(turned.replace(",", "."))
        if abs(other - value) > max(0.4 * value, 0.4) and turned[0] != "0" and rnd.random() < 0.5:
            return turned
    factor = rnd.choice((0.5, 1.6, 2.3))
    if "." in number or "," in number:
        sign = "," if "," in number else "."
        return f"{value * factor:.1f}".replace(".", sign)
    changed = round(value * factor)
    return str(changed if abs(changed - value) > 3 else round(value + 5))


def measurement(report: Report, rnd: Random) -> Iterator[Slip]:
    """A size differs from the accepted one: everywhere or once."""
    for finding in report.accepted():
        uid = finding["uid"]
        for measure in finding["measurements"]:
            if "previous" in measure:
                continue
            found = {
                at: mark
                for at in _parts(report, uid)
                if "<<" not in report.parts[at].text
                and (mark := _number(measure["value"], report.parts[at].text))
            }
            if not found:
                continue
            new = {m["n"]: _another(m["n"], rnd) for m in found.values()}
            if len({float(n.replace(",", ".")) for n in new}) > 1:
                new = dict(list(new.items())[:1])
            texts = {
                at: report.parts[at].text[: m.start("n")]
                + new[m["n"]]
                + report.parts[at].text[m.end("n") :]
                for at, m in found.items()
                if m["n"] in new
            }
            for chosen in {tuple(texts), tuple(texts)[:1]}:
                edit = Edit(texts={at: texts[at] for at in chosen})
                note = "everywhere" if len(chosen) == len(texts) else "once"
                yield Slip("measurement-value", report, edit, "block", chosen, (uid,), note)


_SWAP = {"mm": "cm", "cm": "mm", "мм": "см", "см": "мм"}


def unit(report: Report, _: Random) -> Iterator[Slip]:
    """Millimetres for centimetres or the other way round."""
    for finding in report.accepted():
        uid = finding["uid"]
        for measure in finding["measurements"][:1]:
            texts = {}
            for at in _parts(report, uid):
                text = report.parts[at].text
                if mark := _number(measure["value"], text):
                    old = mark[0][-2:]
                    new = _cased(_SWAP[old.lower()], old)
                    texts[at] = text[: mark.end() - 2] + new + text[mark.end() :]
            if texts:
                edit = Edit(texts=texts)
                yield Slip("unit-slip", report, edit, "block", tuple(texts), (uid,))


def impression_denies(report: Report, rnd: Random) -> Iterator[Slip]:
    """The impression denies what the findings state."""
    for finding in report.accepted():
        uid = finding["uid"]
        above = _parts(report, uid, impression=False)
        below = _parts(report, uid, impression=True)
        if not above or not below or _kin(report, uid) or not _loose(report, uid):
            continue
        if not denials(report.codes[uid], report.language):
            continue
        at = below[0]
        remarks = set(_all_parts(report, uid)) - set(above) - {at}
        gone = {other for other in remarks if other > above[-1]}
        edit = Edit(gone=frozenset(gone), texts={at: _denied(report, uid, at, rnd)})
        kind, parts = "impression-contradicts-findings", (*above, at)
        yield Slip(kind, report, edit, "warn", parts, (uid,))
        others = tuple(f for f in report.findings if f["uid"] != uid)
        unlisted = replace(report, findings=others)
        yield Slip(kind, unlisted, edit, "warn", parts, (), "text only")


def missing_from_impression(report: Report, _: Random) -> Iterator[Slip]:
    """A significant finding is in the findings only."""
    for finding in report.accepted():
        uid = finding["uid"]
        above = _parts(report, uid, impression=False)
        below = [at for at in _all_parts(report, uid) if above and at > above[-1]]
        if finding["significance"] not in ("critical", "significant") or not above:
            continue
        said = [at for at in below if report.parts[at].in_impression]
        if not said or any(report.parts[at].fixed for at in below):
            continue
        advice = [at for at in below if at > said[0]]
        edit = Edit(gone=frozenset({*said, *advice}))
        severity = "block" if finding["significance"] == "critical" else "warn"
        kind = "significant-finding-missing-from-impression"
        yield Slip(kind, report, edit, severity, (), (uid,))


def undecided(report: Report, _: Random) -> Iterator[Slip]:
    """A significant finding is still a proposal, in the text or not."""
    for finding in report.accepted():
        uid = finding["uid"]
        if _weight(finding) != "block":
            continue
        changed = _changed(report, uid, {"state": "proposed"})
        kind = "undecided-significant-finding"
        yield Slip(kind, changed, Edit(), "block", (), (uid,), "in the text")
        if _loose(report, uid):
            edit = Edit(gone=frozenset(_all_parts(report, uid)) | _told(report, uid))
            yield Slip(kind, changed, edit, "block", (), (uid,), "not in the text")


def not_told(report: Report, _: Random) -> Iterator[Slip]:
    """A critical finding, and nobody was told."""
    told = report.indices("comm")
    critical = tuple(f["uid"] for f in report.accepted() if f["significance"] == "critical")
    if told and critical:
        kind = "critical-without-communication"
        yield Slip(kind, report, Edit(gone=frozenset(told)), "block", (), critical)


_HEAD = ("mod", "id", "date", "age", "cmp", "con")
_IMPRESSION = re.compile(
    r"(?:^|\n)(?:impression|imp|conclusion|opinion|assessment|заключение|закл)\b", re.I
)


def places(report: Report) -> list[tuple[int, int]]:
    """Where one more sentence can stand in the findings: (part, character)."""
    head = max((at for at, part in enumerate(report.parts) if part.name in _HEAD[:6]), default=0)
    small = like("A.", _text(report)) == "a"
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
    text = like(sentence, _text(report))
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
        if other != study["modality"]:
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
    phrase = like(phrase, _text(report))
    if not report.parts[where[0]].text.endswith("."):
        phrase = phrase.rstrip(".")
    edit = Edit(texts={where[0]: phrase})
    yield Slip("contrast-mismatch", report, edit, "block", (where[0],), (), "text")


def placeholder(report: Report, rnd: Random) -> Iterator[Slip]:
    """A piece of a template is left, or a size was never filled in."""
    yield from _inserted(report, "placeholder-left", "block", "placeholder", rnd)
    for finding in report.accepted():
        for measure in finding["measurements"][:1]:
            for at in _parts(report, finding["uid"], impression=False)[:1]:
                mark = _number(measure["value"], report.parts[at].text)
                if mark:
                    text = report.parts[at].text
                    blank = rnd.choice(("___", "[ ]", "***"))
                    text = text[: mark.start("n")] + blank + text[mark.end("n") :]
                    edit = Edit(texts={at: text})
                    yield Slip("placeholder-left", report, edit, "block", (at,), (), "size")


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
        yield Slip(kind, changed, Edit(words=words), "warn", where, (), "study")
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


Kind = Callable[[Report, Random], Iterator[Slip]]
CLASSES: tuple[Kind, ...] = (
    omitted, negated, rejected, side_against_finding, side_against_impression, side_against_study,
    location, measurement, unit, impression_denies, missing_from_impression, sex, age, modality,
    contrast, placeholder, not_told, no_prior, wrong_prior, undecided, identity, interval,
)  # fmt: skip
