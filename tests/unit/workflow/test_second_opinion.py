"""Asked beside the check: a local model, a local server, and nothing when they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.config.opinion_settings import OpinionSettings
from app.core.report import CheckResult, StudyFacts
from app.reporting.alert_policy import AlertPolicy
from app.workflow.check_report import CheckInput, check_snapshot
from app.workflow.second_opinion import with_second_opinion
from tests.support.report_findings import finding, report
from tests.support.tiny_nli import write_tiny_nli
from tests.unit.inference.text.test_chat_server import serving

# The rules read the second sentence as a statement; the tiny model sees its "no".
TEXT = report("en", "The heart is normal.", "Right pleural effusion, no doubt of it.")
GIVEN = CheckInput(
    TEXT, (finding("pleural effusion", "right", state="rejected"),), StudyFacts(), "en", (),
    frozenset(), AlertPolicy(),
)  # fmt: skip


@pytest.fixture(scope="module")
def result() -> CheckResult:
    return check_snapshot(GIVEN)


def _warnings(result: CheckResult) -> set[str]:
    return {d.rule for d in result.discrepancies if d.severity == "warn"}


def test_it_is_off_by_default(result: CheckResult) -> None:
    assert OpinionSettings().kind == "off"
    assert with_second_opinion(OpinionSettings(), GIVEN, result) is result


def test_the_local_model_softens_a_warning(result: CheckResult, tmp_path: Path) -> None:
    write_tiny_nli(tmp_path)
    assert "rejected-finding-asserted" in _warnings(result)
    after = with_second_opinion(OpinionSettings(kind="nli", folder=str(tmp_path)), GIVEN, result)
    assert "rejected-finding-asserted" not in _warnings(after)
    assert after.report_sha256 == result.report_sha256


def test_a_local_server_is_believed_where_it_quotes(result: CheckResult) -> None:
    (alert,) = [d for d in result.discrepancies if d.rule == "rejected-finding-asserted"]
    for quote, softened in (("no doubt of it", True), ("never said", False)):
        said = {"alerts": [{"id": alert.id, "verdict": "false_alarm", "quote": quote, "why": "w"}]}
        with serving(json.dumps(said)) as (url, _):
            after = with_second_opinion(OpinionSettings(kind="server", url=url), GIVEN, result)
        assert ("rejected-finding-asserted" not in _warnings(after)) is softened


def test_failures_leave_the_check_as_it_is(result: CheckResult, tmp_path: Path) -> None:
    for settings in (
        OpinionSettings(kind="nli", folder=str(tmp_path / "nothing")),
        OpinionSettings(kind="server", url="http://127.0.0.1:1/v1", seconds=0.5),
        OpinionSettings(kind="server"),
    ):
        assert with_second_opinion(settings, GIVEN, result) is result
