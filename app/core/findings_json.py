"""Findings as JSON, schema ``overread.findings/1``: the public form and the stored one.

Decoding is lenient where the contract is (for ``check`` a finding needs no more than ``uid``, a
concept or label, and ``state``) and strict where it is not: a field of the wrong kind raises
``InputError`` naming the field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from app.core.codes import Code, Laterality
from app.core.errors import InputError
from app.core.finding import (
    Decision,
    DecisionKind,
    Finding,
    FindingContent,
    FindingState,
    Label,
    OperatingPoint,
    Presence,
    Proposal,
    Region,
    Significance,
    Site,
    SliceRef,
)  # fmt: skip
from app.core.measurement import (
    Measurement,
    MeasurementStatus,
    PreviousValue,
    Reference,
    Uncertainty,
)
from app.core.provenance import Provenance

SCHEMA = "overread.findings/1"
Json = dict[str, Any]


def findings_to_json(study_instance_uid: str, findings: Iterable[Finding]) -> Json:
    """The ``findings.json`` object of one study."""
    return {
        "schema": SCHEMA,
        "study_instance_uid": study_instance_uid,
        "findings": [finding_to_json(finding) for finding in findings],
    }


def finding_to_json(finding: Finding) -> Json:
    """One finding as in the contract, with the model's proposal beside the current content."""
    row = _content_to_json(finding.current)
    row |= {
        "uid": finding.uid,
        "tracking_uid": finding.tracking_uid,
        "state": finding.state,
        "score": finding.proposal.score,
        "operating_point": _point_to_json(finding.proposal.operating_point),
        "series_instance_uid": finding.series_instance_uid,
        "stack": finding.stack,
        "proposal": _content_to_json(finding.proposal.content)
        | {
            "score": finding.proposal.score,
            "operating_point": _point_to_json(finding.proposal.operating_point),
        },
        "decision": _decision_to_json(finding.decision),
        "history": [_decision_to_json(item) for item in finding.history],
        "provenance": _provenance_to_json(finding.provenance),
    }
    if finding.others:
        row["also_proposed"] = [finding_to_json(other) for other in finding.others]
    return row


def findings_from_json(data: object, *, study_instance_uid: str = "") -> tuple[Finding, ...]:
    """Findings of a ``findings.json`` object, or of its bare list.

    With ``study_instance_uid`` given, an object that names another study raises ``InputError``.
    """
    rows: object = data
    named = ""
    if isinstance(data, Mapping):
        schema = data.get("schema", SCHEMA)
        if schema != SCHEMA:
            raise InputError(
                f"The findings file has schema {schema!r}, not {SCHEMA!r}.",
                ru=f"Схема файла находок — {schema!r}, а не {SCHEMA!r}.",
                hint="Give a findings.json written by overread infer or overread read.",
                hint_ru="Укажите findings.json, записанный командой overread infer или read.",
            )
        named = str(data.get("study_instance_uid") or "")
        rows = data.get("findings")
    if not isinstance(rows, list):
        raise InputError(
            "The findings file holds no list of findings.",
            ru="В файле находок нет списка находок.",
            hint="Give a findings.json written by overread infer or overread read.",
            hint_ru="Укажите findings.json, записанный командой overread infer или read.",
        )
    if study_instance_uid and named and named != study_instance_uid:
        raise InputError(
            "The findings file belongs to another study.",
            ru="Файл находок относится к другому исследованию.",
            hint="Give the findings of the study that is open.",
            hint_ru="Укажите находки открытого исследования.",
        )
    study = named or study_instance_uid
    return tuple(_finding_from_json(row, number, study) for number, row in enumerate(rows, 1))


def finding_from_json(row: object, *, study_instance_uid: str = "") -> Finding:
    """One finding from its JSON object."""
    return _finding_from_json(row, 1, study_instance_uid)


def finding_sha256(finding: Finding) -> str:
    """Hash of a finding's whole JSON form, for the audit trail."""
    text = json.dumps(finding_to_json(finding), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _finding_from_json(row: object, number: int, study_instance_uid: str) -> Finding:
    if not isinstance(row, Mapping):
        raise InputError(
            f"Finding {number} is not an object.", ru=f"Находка {number} — не объект JSON."
        )
    uid = _text(row, "uid")
    if not uid:
        raise InputError(f"Finding {number}: uid is missing.", ru=f"У находки {number} нет uid.")
    where = f"finding {uid}"
    state = _one_of(row, "state", FindingState, where, default="proposed")
    content = _content_from_json(row, where)
    proposal_row = row.get("proposal")
    proposal_content = (
        _content_from_json(proposal_row, where) if isinstance(proposal_row, Mapping) else content
    )
    decision = _decision_from_json(row.get("decision"), where)
    if decision is None and state != "proposed":
        kind: DecisionKind = {"accepted": "accept", "edited": "edit"}.get(state, "reject")  # type: ignore[assignment]
        decision = Decision(kind, by="", at_utc="")
    history = [_decision_from_json(item, where) for item in _list(row, "history", where)]
    others = [
        _finding_from_json(item, number, study_instance_uid)
        for item in _list(row, "also_proposed", where)
    ]
    if any(other.state != "proposed" or other.others for other in others):
        raise _invalid(
            where,
            "What other models propose for {} is not undecided.",
            "Предложения других моделей для {} уже с решением.",
        )
    return Finding(
        uid=uid,
        tracking_uid=_text(row, "tracking_uid") or uid,
        study_instance_uid=study_instance_uid,
        series_instance_uid=_text(row, "series_instance_uid"),
        stack=int(_number(row, "stack", where) or 0),
        proposal=Proposal(
            proposal_content, _number(row, "score", where), _point_from_json(row, where)
        ),
        current=content,
        state=state,
        provenance=_provenance_from_json(row.get("provenance"), where),
        decision=decision if state != "proposed" else None,
        history=tuple(item for item in history if item is not None),
        others=tuple(others),
    )


def _content_to_json(content: FindingContent) -> Json:
    return {
        "concept": _code_to_json(content.concept),
        "label": {"en": content.label.en, "ru": content.label.ru},
        "presence": content.presence,
        "laterality": content.laterality,
        "site": _site_to_json(content.site),
        "significance": content.significance,
        "region": _region_to_json(content.region),
        "measurements": [measurement_to_json(item) for item in content.measurements],
        "quality_flags": list(content.quality_flags),
    }


def _content_from_json(row: Mapping[str, Any], where: str) -> FindingContent:
    concept = _code_from_json(row.get("concept"), where)
    label_row = row.get("label")
    if isinstance(label_row, Mapping):
        en, ru = _text(label_row, "en"), _text(label_row, "ru")
        label = Label(en or ru, ru or en)
    else:
        name = str(label_row or (concept.meaning if concept else ""))
        label = Label(name, name)
    if concept is None and not label.en:
        raise _invalid(
            where, "The {} has neither a concept nor a label.", "У {} нет ни понятия, ни названия."
        )
    laterality: Laterality | None = (
        None
        if row.get("laterality") is None
        else _one_of(row, "laterality", Laterality, where, default="midline")
    )
    return FindingContent(
        concept=concept,
        label=label,
        presence=_one_of(row, "presence", Presence, where, default="present"),
        laterality=laterality,
        site=_site_from_json(row.get("site"), where),
        significance=_one_of(row, "significance", Significance, where, default="descriptive"),
        region=_region_from_json(row.get("region"), where),
        measurements=tuple(
            measurement_from_json(item, where) for item in _list(row, "measurements", where)
        ),
        quality_flags=tuple(str(flag) for flag in _list(row, "quality_flags", where)),
    )


def measurement_to_json(item: Measurement) -> Json:
    """One measurement as in the contract."""
    row: Json = {
        "kind": item.kind,
        "value": item.value,
        "unit": item.unit,
        "method": item.method,
        "status": item.status,
        "note": item.note,
        "reference": None
        if item.reference is None
        else {
            "low": item.reference.low,
            "high": item.reference.high,
            "source": item.reference.source,
        },
    }
    # keys that came later are there only where they say something: older hashes stay what they are
    if item.reference is not None and item.reference.population:
        row["reference"]["population"] = item.reference.population
    if item.uncertainty is not None:
        row["uncertainty"] = {
            "method": item.uncertainty.method,
            "low": item.uncertainty.low,
            "high": item.uncertainty.high,
        }
    if item.previous is not None:
        row["previous"] = {
            "value": item.previous.value,
            "unit": item.previous.unit,
            "date": item.previous.date,
        }
    if item.points_lps:
        row["points_lps"] = [list(point) for point in item.points_lps]
    if item.point_names:
        row["point_names"] = list(item.point_names)
    if item.note_ru:
        row["note_ru"] = item.note_ru
    return row


def measurement_from_json(row: object, where: str) -> Measurement:
    """One measurement; method and status may be missing (``given@1``, ``valid``)."""
    if not isinstance(row, Mapping):
        raise _invalid(
            where, "A measurement of {} is not an object.", "Измерение {} — не объект JSON."
        )
    value = _number(row, "value", where)
    status: MeasurementStatus = _one_of(
        row, "status", MeasurementStatus, where, default="valid" if value is not None else "absent"
    )
    reference = row.get("reference")
    previous = row.get("previous")
    earlier = _number(previous, "value", where) if isinstance(previous, Mapping) else None
    points = _list(row, "points_lps", where)
    try:
        return Measurement(
            kind=_text(row, "kind") or "size",
            value=value,
            unit=_text(row, "unit") or "1",
            method=_text(row, "method") or "given@1",
            status=status,
            note=_text(row, "note"),
            reference=Reference(
                _number(reference, "low", where),
                _number(reference, "high", where),
                _text(reference, "source"),
                _text(reference, "population"),
            )
            if isinstance(reference, Mapping)
            else None,
            previous=PreviousValue(earlier, _text(previous, "unit"), _text(previous, "date"))
            if isinstance(previous, Mapping) and earlier is not None
            else None,
            points_lps=tuple((float(p[0]), float(p[1]), float(p[2])) for p in points),
            point_names=tuple(str(name) for name in _list(row, "point_names", where)),
            uncertainty=_uncertainty_from_json(row.get("uncertainty"), where),
            note_ru=_text(row, "note_ru"),
        )
    except (ValueError, TypeError, IndexError) as fault:
        en, ru = "A measurement of {} is not valid", "Измерение {} недопустимо"
        raise _invalid(where, f"{en}: {fault}.", f"{ru}: {fault}.") from fault


def _uncertainty_from_json(row: object, where: str) -> Uncertainty | None:
    if not isinstance(row, Mapping):
        return None
    return Uncertainty(
        _text(row, "method"), _number(row, "low", where), _number(row, "high", where)
    )


def _code_to_json(code: Code | None) -> Json | None:
    if code is None:
        return None
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _code_from_json(row: object, where: str) -> Code | None:
    if not isinstance(row, Mapping) or not row.get("value"):
        return None
    try:
        return Code(
            str(row["value"]), str(row.get("scheme") or "99OVERREAD"),
            str(row.get("meaning") or row["value"]),
        )  # fmt: skip
    except ValueError as fault:
        en, ru = "A code of {} is not valid", "Код {} недопустим"
        raise _invalid(where, f"{en}: {fault}.", f"{ru}: {fault}.") from fault


def _site_to_json(site: Site | None) -> Json | None:
    if site is None:
        return None
    row: Json = _code_to_json(site.code) or {}
    row["meaning"] = site.meaning_en or row.get("meaning", "")
    if site.code is not None and site.code.meaning != row["meaning"]:
        row["code_meaning"] = site.code.meaning
    row["meaning_ru"] = site.meaning_ru
    if site.segment:
        row["segment"] = site.segment
    return row


def _site_from_json(row: object, where: str) -> Site | None:
    if isinstance(row, str):
        return Site(meaning_en=row) if row else None
    if not isinstance(row, Mapping):
        return None
    code = _code_from_json(row, where)
    if code is not None and row.get("code_meaning"):
        code = replace(code, meaning=str(row["code_meaning"]))
    return Site(
        code=code,
        meaning_en=_text(row, "meaning"),
        meaning_ru=_text(row, "meaning_ru"),
        segment=_text(row, "segment"),
    )


def _region_to_json(region: Region | None) -> Json | None:
    if region is None:
        return None
    row: Json = {"kind": region.kind, "mask_sha256": region.mask_sha256}
    row["box_lps"] = [list(corner) for corner in region.box_lps]
    row["box_is_pixels"] = region.box_is_pixels
    if region.attention_sha256:
        row["attention_sha256"] = region.attention_sha256
    row["slice"] = (
        None
        if region.slice is None
        else {"sop_instance_uid": region.slice.sop_instance_uid, "frame": region.slice.frame}
    )
    return row


def _region_from_json(row: object, where: str) -> Region | None:
    if not isinstance(row, Mapping):
        return None
    kind = row.get("kind")
    if kind not in ("segment", "box", "point", "image"):
        raise _invalid(where, "The region of {} has an unknown kind.", "Вид области {} неизвестен.")
    corners = _list(row, "box_lps", where)
    image = row.get("slice")
    return Region(
        kind=kind,
        mask_sha256=_text(row, "mask_sha256"),
        box_lps=tuple((float(c[0]), float(c[1]), float(c[2])) for c in corners),
        slice=SliceRef(_text(image, "sop_instance_uid"), int(image.get("frame") or 1))
        if isinstance(image, Mapping)
        else None,
        box_is_pixels=bool(row.get("box_is_pixels", False)),
        attention_sha256=_text(row, "attention_sha256"),
    )


def _point_to_json(point: OperatingPoint | None) -> Json | None:
    return None if point is None else {"name": point.name, "threshold": point.threshold}


def _point_from_json(row: Mapping[str, Any], where: str) -> OperatingPoint | None:
    point = row.get("operating_point")
    if not isinstance(point, Mapping):
        return None
    threshold = _number(point, "threshold", where)
    return None if threshold is None else OperatingPoint(_text(point, "name"), threshold)


def _decision_to_json(decision: Decision | None) -> Json | None:
    if decision is None:
        return None
    return {
        "kind": decision.kind,
        "by": decision.by,
        "at": decision.at_utc,
        "reason": decision.reason,
    }


def _decision_from_json(row: object, where: str) -> Decision | None:
    if not isinstance(row, Mapping):
        return None
    return Decision(
        _one_of(row, "kind", DecisionKind, where, default="accept"),
        _text(row, "by"),
        _text(row, "at"),
        _text(row, "reason"),
    )


def _provenance_to_json(origin: Provenance) -> Json:
    return {
        "kind": origin.kind,
        "person": origin.person,
        "pack": origin.pack,
        "version": origin.version,
        "weights_sha256": origin.weights_sha256,
        "manifest_sha256": origin.manifest_sha256,
        "device": origin.device,
        "operating_point": origin.operating_point,
        "forced": origin.forced,
        "at": origin.at_utc,
        # only where it is so: what was hashed before the key existed keeps its hash
        **({"partial": True} if origin.partial else {}),
        **({"manufacturer": origin.manufacturer} if origin.manufacturer else {}),
        **({"lossy": origin.lossy} if origin.lossy else {}),
    }


def _provenance_from_json(row: object, where: str) -> Provenance:
    if not isinstance(row, Mapping):
        return Provenance("person", at_utc="")
    kind = "model" if row.get("kind") == "model" else "person"
    return Provenance(
        kind=kind,  # type: ignore[arg-type]
        at_utc=_text(row, "at"),
        person=_text(row, "person"),
        pack=_text(row, "pack"),
        version=_text(row, "version"),
        weights_sha256=_text(row, "weights_sha256"),
        manifest_sha256=_text(row, "manifest_sha256"),
        device=_text(row, "device"),
        operating_point=_text(row, "operating_point"),
        forced=bool(row.get("forced", False)),
        partial=bool(row.get("partial", False)),
        manufacturer=_text(row, "manufacturer"),
        lossy=_text(row, "lossy"),
    )


def _invalid(where: str, en: str, ru: str) -> InputError:
    """An error whose sentences name the place as ``{}``; ``where`` is such as ``finding 7``."""
    return InputError(
        en.replace("{}", where), ru=ru.replace("{}", where.replace("finding ", "находки ", 1))
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def _number(row: Mapping[str, Any], key: str, where: str) -> float | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(where, f"{key!r} of {{}} is not a number.", f"{key!r} у {{}} — не число.")
    return float(value)


def _list(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _invalid(where, f"{key!r} of {{}} is not a list.", f"{key!r} у {{}} — не список.")
    return value


def _one_of(row: Mapping[str, Any], key: str, kind: Any, where: str, *, default: str) -> Any:  # noqa: ANN401 - one Literal of several
    value = row.get(key)
    if value is None:
        return default
    if value not in get_args(kind):
        known = ", ".join(get_args(kind))
        raise _invalid(
            where,
            f"{key!r} of {{}} is {value!r}, not one of {known}.",
            f"{key!r} у {{}} — {value!r}, а не одно из: {known}.",
        )
    return value
