"""Several packs on one study: one lesion stays one finding, versions in the shadow stay unseen."""

from __future__ import annotations

import json

import pydicom
import pytest

from app.config.pack_settings import PackSettings
from app.config.settings import Settings, save_settings
from app.core.findings_json import finding_from_json, finding_to_json
from app.inference.pack_seal import pack_folder
from app.workflow import review
from app.workflow.export import export
from app.workflow.open_study import open_paths
from app.workflow.run_models import apply_result, route_study, run_pack
from app.workflow.session import StudySession
from app.workflow.settle_proposals import every_proposal
from tests.flows.conftest import only_ref
from tests.support import task_packs, tiny_pack
from tests.support.workflow_context import context_in

FIRST, SECOND = "tiny-boxes", "other-boxes"


def made(folder, pack_id, version="1.0.0", change=None):
    def rename(manifest):
        manifest.update(id=pack_id, version=version)
        if change:
            change(manifest)

    target = task_packs.film_detector(folder / f"{pack_id}-{version}")
    return tiny_pack.change_manifest(target, rename)


@pytest.fixture
def library(tmp_path):
    """Two detectors that find the same two spots; the second one calls a nodule a mass."""
    data = tmp_path / "library"
    data.mkdir()

    def mass(manifest):
        code = {"value": "4147007", "scheme": "SCT", "meaning": "Mass"}
        manifest["output"]["labels"][0]["code"] = code

    for folder in (made(tmp_path, FIRST), made(tmp_path, SECOND, change=mass)):
        (data / "packs").mkdir(exist_ok=True)
        folder.rename(data / "packs" / folder.parent.name)
    return data


def run(session, context, pack_id):
    ref = only_ref(session.study)
    return apply_result(session, run_pack(context, session.study, pack_id, ref))


def models_of(session):
    return [
        [f.provenance.pack, *(other.provenance.pack for other in f.others)]
        for f in session.findings
    ]


def test_the_same_lesion_of_two_models_is_one_finding(context, session, tmp_path):
    run(session, context, FIRST)
    before = session.findings
    uids = run(session, context, SECOND)
    assert models_of(session) == [[FIRST, SECOND], [FIRST, SECOND]]
    assert set(uids) == {f.uid for f in before}
    for finding, old in zip(session.findings, before, strict=True):
        assert finding.model_count == 2
        assert finding.proposal == old.proposal  # what the first said is not touched
        assert finding.others[0].proposal.content.concept.meaning == "Mass"
        assert finding.others[0].provenance.pack == SECOND
        assert finding_from_json(
            json.loads(json.dumps(finding_to_json(finding))),
            study_instance_uid=finding.study_instance_uid,
        ) == finding  # fmt: skip
    stored = context.store.findings.live(session.study.study_instance_uid, session.reading)
    assert {f.uid: f for f in stored} == {f.uid: f for f in session.findings}
    said = session.finding(before[0].uid).others
    review.accept(session, before[0].uid)
    assert session.finding(before[0].uid).others == said


def test_a_second_run_of_either_takes_only_its_own_back(context, session):
    run(session, context, FIRST)
    run(session, context, SECOND)
    run(session, context, SECOND)
    assert models_of(session) == [[FIRST, SECOND], [FIRST, SECOND]]
    run(session, context, FIRST)  # its findings go, those of the other stand alone and are joined
    assert models_of(session) == [[SECOND, FIRST], [SECOND, FIRST]]


def test_a_decided_finding_is_never_joined(context, session):
    first, _ = run(session, context, FIRST)
    review.reject(session, first, reason="scar")
    run(session, context, SECOND)
    assert sorted(models_of(session)) == sorted([[FIRST], [FIRST, SECOND], [SECOND]])
    assert session.finding(first).state == "rejected"


def test_other_codes_and_plain_anatomy_are_not_joined(tmp_path, library, film_path):
    def cyst(manifest):
        code = {"value": "367643001", "scheme": "SCT", "meaning": "Cyst"}
        manifest["output"]["labels"][0]["code"] = code

    folder = made(tmp_path, "cyst-boxes", change=cyst)
    folder.rename(library / "packs" / "cyst-boxes")
    with context_in(library) as context:
        study = open_paths(context, [film_path]).studies[0]
        session = StudySession(context, study)
        run(session, context, FIRST)
        run(session, context, "cyst-boxes")
        assert models_of(session) == [[FIRST], [FIRST], ["cyst-boxes"], ["cyst-boxes"]]


def test_the_documents_name_every_proposal(context, session, tmp_path):
    """What the models said is four proposals; what a reader sees is two findings."""
    run(session, context, FIRST)
    run(session, context, SECOND)
    proposals = every_proposal(session.findings)
    assert len({f.uid for f in proposals}) == 4
    assert {f.provenance.pack for f in proposals} == {FIRST, SECOND}
    (path,) = export(session, tmp_path / "out", kinds=("sr",))
    text = str(pydicom.dcmread(path))
    assert text.count("model score") == 2


@pytest.fixture
def trial(tmp_path, film_path):
    """A library with one version in use and a stricter one in the shadow."""
    data = tmp_path / "trial"
    data.mkdir()
    save_settings(data, Settings(packs=(PackSettings(id=FIRST, version="2.0.0", mode="shadow"),)))

    def strict(manifest):
        manifest["operating_points"] = [{"name": "strict", "finding": 1, "threshold": 0.7}]

    with context_in(data) as context:
        for version, change in (("1.0.0", None), ("2.0.0", strict)):
            folder = made(tmp_path / "trials", FIRST, version, change)
            context.packs.add(pack_folder(folder, tmp_path / f"{version}.overreadpack").path)
        yield context, StudySession(context, open_paths(context, [film_path]).studies[0])


def test_a_version_in_the_shadow_runs_and_is_compared_and_not_shown(trial):
    context, session = trial
    ref = only_ref(session.study)
    ((_, fits),) = route_study(context, session.study)
    assert [(fit.pack_id, fit.version) for fit in fits] == [(FIRST, "1.0.0")]
    outcome = run_pack(context, session.study, FIRST, ref)
    apply_result(session, outcome)
    assert len(session.findings) == 2
    assert {f.provenance.version for f in session.findings} == {"1.0.0"}
    (stored,) = context.store.runs.of_study(session.study.study_instance_uid, session.reading)
    (row,) = stored.report["shadows"]
    assert row["version"] == "2.0.0"
    assert row["report"]["version"] == "2.0.0"
    found = [pair["scores"] for pair in row["comparison"]["boxes"]]
    assert [None not in scores for scores in found] == [True, False]


def test_a_pack_that_is_all_shadow_shows_nothing(trial):
    context, session = trial
    ref = only_ref(session.study)
    context.packs.remove(f"{FIRST}@1.0.0")
    ((_, fits),) = route_study(context, session.study)
    assert [(fit.pack_id, fit.version) for fit in fits] == [(FIRST, "2.0.0")]
    assert apply_result(session, run_pack(context, session.study, FIRST, ref)) == ()
    assert session.findings == ()
    (stored,) = context.store.runs.of_study(session.study.study_instance_uid, session.reading)
    assert stored.report["shadow"] is True
    assert stored.report["proposals"] == 1


def test_a_shadow_that_fails_is_a_row_and_no_trouble(trial, tmp_path):
    context, session = trial
    weights = context.packs.get(f"{FIRST}@2.0.0").weights_path
    weights.write_bytes(weights.read_bytes() + b"\0")
    outcome = run_pack(context, session.study, FIRST, only_ref(session.study))
    assert "not the one" in outcome.report["shadows"][0]["error"]["en"]
    assert len(apply_result(session, outcome)) == 2
