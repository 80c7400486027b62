"""Errors in what is said of a finding: side, place, size, unit, change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

from benchmarks.report_blind.rendering import Edit, plain, slips_of
from benchmarks.report_blind.slips import Slip, changed_finding, pieces, size_of_today, stated
from benchmarks.report_blind.source import Report

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
    for at in stated(report, uid):
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
            changed = changed_finding(report, uid, changes)
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
            whole = changed_finding(whole, finding["uid"], {"laterality": side})
        edit = Edit(texts=texts, slips=slips)
        yield Slip(kind, whole, edit, "block", (title, *sided), (), "whole report")


def _written_slips(report: Report, uid: str, kind: str) -> list[int]:
    return [at for at in pieces(report, uid) if kind in slips_of(report.parts[at])]


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
                for at in stated(report, uid)
                if "<<" not in report.parts[at].text
                and (mark := size_of_today(measure["value"], report.parts[at].text))
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
            for at in stated(report, uid):
                text = report.parts[at].text
                if mark := size_of_today(measure["value"], text):
                    old = mark[0][-2:]
                    new = _cased(_SWAP[old.lower()], old)
                    texts[at] = text[: mark.end() - 2] + new + text[mark.end() :]
            if texts:
                edit = Edit(texts=texts)
                yield Slip("unit-slip", report, edit, "block", tuple(texts), (uid,))
