"""Templates, macros and earlier reports, as the window and the command line use them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.main import run as run_cli
from app.core.errors import ReportError, TemplateRefused
from app.core.report import Report, Signature
from app.core.study import PatientText, Study
from app.reporting.macros import Macro
from app.reporting.templates.reading import template_text
from app.reporting.templates.shelf import GENERAL, built_in
from app.workflow import compose_report, prior_reports, report_macros, report_templates, review
from app.workflow.context import AppContext
from app.workflow.report_variables import report_variables
from app.workflow.session import StudySession
from tests.support.domain import header_study
from tests.support.panel_sessions import EFFUSION, NODULE, chest_session

PRIOR_TEXT = "FINDINGS:\nHepatic cyst, 12 mm. No effusion.\n\nIMPRESSION:\nHepatic cyst.\n"


def test_every_shipped_template_has_a_preview_without_open_variables() -> None:
    for one in built_in():
        if one.template.id == GENERAL:
            continue  # it says nothing by itself
        text = report_templates.preview(one.template)
        labels = {field.label for field in one.template.fields}
        for part in text.split("[")[1:]:
            assert part.split("]")[0] in labels, (one.template.key, text)


def test_templates_are_validated_saved_exported_and_removed(
    context: AppContext, tmp_path: Path
) -> None:
    shipped = report_templates.shelf(context).get("ct-chest", "en")
    text = template_text(shipped).replace("CT CHEST", "OUR CT CHEST")
    assert report_templates.validate(text) == ()
    faults = report_templates.validate(text.replace('"name"', '"nmae"'))
    assert {fault.place for fault in faults} == {"name", "nmae"}
    assert report_templates.validate("{")[0].text.ru
    report_templates.save_template(context, text)
    target = report_templates.export_template(context, "ct-chest", "en", tmp_path)
    assert "OUR CT CHEST" in target.read_text("utf-8")
    report_templates.remove_template(context, "ct-chest", "en")
    assert report_templates.shelf(context).get("ct-chest", "en") == shipped
    added = report_templates.import_templates(context, target)
    assert added[0].template.title == "OUR CT CHEST"
    assert context.store.audit.last().action == "template.saved"
    with pytest.raises(TemplateRefused):
        report_templates.save_template(context, "{}")


def test_macros_of_the_site(context: AppContext, tmp_path: Path) -> None:
    before = report_macros.macros(context, "en")
    report_macros.save_macro(context, "en", Macro("nl", "Ours."))
    assert len(report_macros.macros(context, "en")) == len(before)
    file = report_macros.export_macros(context, "en", tmp_path / "out.json")
    report_macros.remove_macro(context, "en", "NL")
    assert report_macros.macros(context, "en") == before
    with pytest.raises(TemplateRefused):
        report_macros.remove_macro(context, "en", "nl")
    with pytest.raises(TemplateRefused):
        report_macros.save_macro(context, "en", Macro("a b", "x"))
    assert len(report_macros.import_macros(context, file)) == len(before)


def test_a_chosen_template_calls_normal_what_nothing_contradicts(context: AppContext) -> None:
    session = chest_session(context)
    review.accept(session, EFFUSION)
    plain = compose_report.draft(session, "en").text
    assert "No " not in plain
    template = report_templates.shelf(context).get("cxr", "en")
    report = compose_report.draft(session, "en", template)
    assert report.template_id == "cxr"
    assert "No pneumothorax." in report.text
    assert "No pleural effusion" not in report.text
    offered = dict(compose_report.normal_statements(session))
    assert offered["Pleura"] == "No pneumothorax."
    assert report_templates.template_in_use(session).id == "cxr"
    assert report_templates.missing_items(template, report.text) == ()


def test_a_sentence_follows_its_finding_on_request(context: AppContext) -> None:
    session = chest_session(context)
    review.accept(session, EFFUSION)
    review.accept(session, NODULE)
    compose_report.draft(session, "en")
    review.reject(session, EFFUSION, "artefact")
    withdrawn = [one for one in compose_report.sentences(session) if one.state == "withdrawn"]
    assert withdrawn
    while withdrawn:
        compose_report.refresh(session, withdrawn[0])
        withdrawn = [one for one in compose_report.sentences(session) if one.state == "withdrawn"]
    assert "effusion" not in session.report_text.lower()
    assert {one.state for one in compose_report.sentences(session)} == {"fresh"}


def earlier_study(**changes: object) -> Study:
    study = header_study()
    values: dict = {"study_instance_uid": "1.2.3.9", "study_date": "2026-03-12"}
    return replace(study, series=(), **(values | changes))


def signed_prior(context: AppContext, study: Study, text: str = PRIOR_TEXT) -> None:
    context.store.studies.put(study, at_utc="2026-03-12T10:00:00+00:00")
    report = Report(
        uid=f"{study.study_instance_uid}.5", study_instance_uid=study.study_instance_uid, version=1,
        language="en", text=text, state="signed",
        signature=Signature("Dr A", "2026-03-12T11:00:00+00:00", "author"), content_sha256="0" * 64,
    )  # fmt: skip
    context.store.reports.put("main", report, document="{}")


def test_only_reports_of_the_same_patient_and_earlier_are_shown(context: AppContext) -> None:
    session = chest_session(context)
    someone = replace(session.study.patient, birth_date=PatientText("1901-01-01"))
    signed_prior(context, earlier_study())
    signed_prior(context, earlier_study(study_instance_uid="1.2.3.8", patient=someone))
    signed_prior(context, earlier_study(study_instance_uid="1.2.3.7", study_date="2099-01-01"))
    (prior,) = prior_reports.prior_reports(session)
    assert prior.study_date == "2026-03-12"
    assert prior.sentences == ("Hepatic cyst, 12 mm.", "No effusion.")


def test_a_sentence_is_carried_by_choice_and_held_until_confirmed(context: AppContext) -> None:
    session = chest_session(context)
    session.set_language("en")
    signed_prior(context, earlier_study())
    (prior,) = prior_reports.prior_reports(session)
    review.accept(session, EFFUSION)
    compose_report.draft(session, "en")
    prior_reports.carry_forward(session, prior, "Hepatic cyst, 12 mm.")
    assert "Hepatic cyst, 12 mm. [carried from 2026-03-12: confirm]" in session.report_text
    assert session.report_text.index("carried") < session.report_text.index("IMPRESSION")
    (carried,) = prior_reports.carried_sentences(session)
    prior_reports.confirm_carried(session, carried)
    assert "Hepatic cyst, 12 mm.\n" in session.report_text
    assert not prior_reports.carried_sentences(session)
    with pytest.raises(ReportError):
        prior_reports.carry_forward(session, prior, "Something else.")
    late = replace(prior, study_date="2099-01-01")
    with pytest.raises(ReportError):
        prior_reports.carry_forward(session, late, "No effusion.")
    session.set_language("ru")
    with pytest.raises(ReportError):
        prior_reports.carry_forward(session, prior, "No effusion.")


def test_variables_say_only_what_the_headers_say(context: AppContext) -> None:
    session: StudySession = chest_session(context)
    for language in ("en", "ru"):
        values = report_variables(session.study, session.facts, language)
        assert all(values.values())
        assert "field_strength" not in values


def test_the_verb_lists_validates_and_previews(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path)]
    assert run_cli(["templates", "list", "--json", *data]) == 0
    rows = json.loads(capsys.readouterr().out)["templates"]
    assert {"ct-chest", "mammography"} <= {row["id"] for row in rows}
    broken = tmp_path / "broken.json"
    broken.write_text("{}", "utf-8")
    assert run_cli(["templates", "validate", str(broken), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"]
    assert run_cli(["templates", "preview", "ct-head", "--lang", "ru", *data]) == 0
    assert "ЗАКЛЮЧЕНИЕ" in capsys.readouterr().out
    assert run_cli(["templates", "show", "nothing", "--lang", "ru", *data]) == 3
    assert run_cli(["templates", "schema"]) == 0
