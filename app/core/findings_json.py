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
from typing import Any

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
from app.core.json_fields import invalid, list_of, number_of, one_of, text_of
from app.core.measurement_json import measurement_from_json, measurement_to_json
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
    uid = text_of(row, "uid")
    if not uid:
        raise InputError(f"Finding {number}: uid is missing.", ru=f"У находки {number} нет uid.")
    where = f"finding {uid}"
    state = one_of(row, "state", FindingState, where, default="proposed")
    content = _content_from_json(row, where)
    proposal_row = row.get("proposal")
    proposal_content = (
        _content_from_json(proposal_row, where) if isinstance(proposal_row, Mapping) else content
    )
    decision = _decision_from_json(row.get("decision"), where)
    if decision is None and state != "proposed":
        kind: DecisionKind = {"accepted": "accept", "edited": "edit"}.get(state, "reject")  # type: ignore[assignment]
        decision = Decision(kind, by="", at_utc="")
    history = [_decision_from_json(item, where) for item in list_of(row, "history", where)]
    others = [
        _finding_from_json(item, number, study_instance_uid)
        for item in list_of(row, "also_proposed", where)
    ]
    if any(other.state != "proposed" or other.others for other in others):
        raise invalid(
            where,
            "What other models propose for {} is not undecided.",
            "Предложения других моделей для {} уже с решением.",
        )
    return Finding(
        uid=uid,
        tracking_uid=text_of(row, "tracking_uid") or uid,
        study_instance_uid=study_instance_uid,
        series_instance_uid=text_of(row, "series_instance_uid"),
        stack=int(number_of(row, "stack", where) or 0),
        proposal=Proposal(
            proposal_content, number_of(row, "score", where), _point_from_json(row, where)
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
        en, ru = text_of(label_row, "en"), text_of(label_row, "ru")
        label = Label(en or ru, ru or en)
    else:
        name = str(label_row or (concept.meaning if concept else ""))
        label = Label(name, name)
    if concept is None and not label.en:
        raise invalid(
            where, "The {} has neither a concept nor a label.", "У {} нет ни понятия, ни названия."
        )
    laterality: Laterality | None = (
        None
        if row.get("laterality") is None
        else one_of(row, "laterality", Laterality, where, default="midline")
    )
    return FindingContent(
        concept=concept,
        label=label,
        presence=one_of(row, "presence", Presence, where, default="present"),
        laterality=laterality,
        site=_site_from_json(row.get("site"), where),
        significance=one_of(row, "significance", Significance, where, default="descriptive"),
        region=_region_from_json(row.get("region"), where),
        measurements=tuple(
            measurement_from_json(item, where) for item in list_of(row, "measurements", where)
        ),
        quality_flags=tuple(str(flag) for flag in list_of(row, "quality_flags", where)),
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
        raise invalid(where, f"{en}: {fault}.", f"{ru}: {fault}.") from fault


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
        meaning_en=text_of(row, "meaning"),
        meaning_ru=text_of(row, "meaning_ru"),
        segment=text_of(row, "segment"),
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
        raise invalid(where, "The region of {} has an unknown kind.", "Вид области {} неизвестен.")
    corners = list_of(row, "box_lps", where)
    image = row.get("slice")
    return Region(
        kind=kind,
        mask_sha256=text_of(row, "mask_sha256"),
        box_lps=tuple((float(c[0]), float(c[1]), float(c[2])) for c in corners),
        slice=SliceRef(text_of(image, "sop_instance_uid"), int(image.get("frame") or 1))
        if isinstance(image, Mapping)
        else None,
        box_is_pixels=bool(row.get("box_is_pixels", False)),
        attention_sha256=text_of(row, "attention_sha256"),
    )


def _point_to_json(point: OperatingPoint | None) -> Json | None:
    return None if point is None else {"name": point.name, "threshold": point.threshold}


def _point_from_json(row: Mapping[str, Any], where: str) -> OperatingPoint | None:
    point = row.get("operating_point")
    if not isinstance(point, Mapping):
        return None
    threshold = number_of(point, "threshold", where)
    return None if threshold is None else OperatingPoint(text_of(point, "name"), threshold)


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
        one_of(row, "kind", DecisionKind, where, default="accept"),
        text_of(row, "by"),
        text_of(row, "at"),
        text_of(row, "reason"),
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
        at_utc=text_of(row, "at"),
        person=text_of(row, "person"),
        pack=text_of(row, "pack"),
        version=text_of(row, "version"),
        weights_sha256=text_of(row, "weights_sha256"),
        manifest_sha256=text_of(row, "manifest_sha256"),
        device=text_of(row, "device"),
        operating_point=text_of(row, "operating_point"),
        forced=bool(row.get("forced", False)),
        partial=bool(row.get("partial", False)),
        manufacturer=text_of(row, "manufacturer"),
        lossy=text_of(row, "lossy"),
    )
