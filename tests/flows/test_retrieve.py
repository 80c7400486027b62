"""A study from a PACS into the library: while it comes, cut off, and made whole again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import DiskFull
from app.core.study import Completeness
from app.network import dicomweb
from app.network.answers import RetrieveRequest
from app.network.any_peer import Peer
from app.network.inbox import Inbox
from app.network.peers import DimsePeer
from app.network.web_peer import WebPeer
from app.workflow import import_inbox as room
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.import_inbox import InboxImporter, import_inbox, inbox_of, take_in
from app.workflow.open_study import open_stored
from app.workflow.retrieve_study import Arrived, Retrieval, retrieve_study
from app.workflow.session import StudySession
from tests.support.orthanc import Orthanc, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.web_relay import Relay, running_relay
from tests.support.workflow_context import context_in


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Holds one study of two series, 20 and 3 slices."""
    folder = tmp_path_factory.mktemp("pacs")
    with running_orthanc(folder) as orthanc:
        paths = write_series(folder / "a", SeriesSpec(count=20, rows=128, columns=128, name="a"))
        paths += write_series(folder / "b", SeriesSpec(count=3, name="b"))
        for path in paths:
            orthanc.upload(path)
        yield orthanc


@pytest.fixture(scope="module")
def study_uid(pacs: Orthanc) -> str:
    (study,) = dicomweb.search(_web(pacs), "study", {})
    return study.study_instance_uid


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path / "library") as opened:
        yield opened


def _web(pacs: Orthanc) -> WebPeer:
    return WebPeer("PACS", pacs.dicom_web_url, proxy="direct")


def _dimse(pacs: Orthanc) -> DimsePeer:
    return DimsePeer("PACS", pacs.ae_title, "127.0.0.1", pacs.dicom_port)


@pytest.mark.parametrize("kind", ["web", "dimse"])
def test_it_comes_into_the_library_portion_by_portion(
    context: AppContext, pacs: Orthanc, study_uid: str, kind: str
) -> None:
    peer: Peer = _web(pacs) if kind == "web" else _dimse(pacs)
    seen: list[Arrived] = []
    retrieved = retrieve_study(
        context, Retrieval(peer, RetrieveRequest(study_uid)), on_arrived=seen.append
    )
    assert retrieved.outcome.is_complete
    assert retrieved.completeness == Completeness(23, 23, "archive")
    assert seen[-1].completeness.is_complete
    assert all(arrived.study_instance_uid == study_uid for arrived in seen)
    study = open_stored(context, study_uid)
    assert study.completeness == Completeness(23, 23, "archive")
    assert sum(series.frames for series in study.series) == 23
    assert inbox_of(context).objects() == ()


def test_d18_cut_in_the_middle_is_incomplete_until_the_rest_has_come(
    context: AppContext, pacs: Orthanc, study_uid: str
) -> None:
    with running_relay(Relay(pacs.url, cut_after=300_000)) as relay:
        broken = WebPeer("PACS", f"{relay.url}/dicom-web", proxy="direct")
        retrieved = retrieve_study(context, Retrieval(broken, RetrieveRequest(study_uid)))
    assert not retrieved.outcome.is_complete
    received = retrieved.completeness.received
    assert 0 < received < 23
    assert retrieved.completeness == Completeness(received, 23, "archive")

    study = open_stored(context, study_uid)
    assert study.completeness == Completeness(received, 23, "archive")
    session = StudySession(context, study)
    session.set_report_text("FINDINGS: Clear lungs.\nIMPRESSION: Normal.\n")
    (warning,) = [d for d in check_now(session).discrepancies if d.rule == "incomplete-study"]
    assert f"{received} of 23" in warning.message.en
    session.close()

    again = retrieve_study(context, Retrieval(_web(pacs), RetrieveRequest(study_uid)))
    assert again.outcome.is_complete
    assert again.completeness == Completeness(23, 23, "archive")
    whole = open_stored(context, study_uid)
    assert whole.completeness.is_complete
    uids = [one.sop_instance_uid for series in whole.series for one in series.instances]
    assert len(uids) == len(set(uids)) == 23
    stored = context.store.studies.get(study_uid)
    assert stored is not None
    assert (stored.instances, stored.missing_files) == (23, 0)
    session = StudySession(context, whole)
    session.set_report_text("FINDINGS: Clear lungs.\nIMPRESSION: Normal.\n")
    assert "incomplete-study" not in {d.rule for d in check_now(session).discrepancies}
    session.close()


@pytest.mark.parametrize("kind", ["web", "dimse"])
def test_only_what_is_missing_is_asked_for_again(
    context: AppContext, pacs: Orthanc, study_uid: str, kind: str
) -> None:
    peer: Peer = _web(pacs) if kind == "web" else _dimse(pacs)
    retrieve_study(context, Retrieval(peer, RetrieveRequest(study_uid)))
    lost = context.store.studies.paths(study_uid)[:2]
    for path in lost:
        path.unlink()
    again = retrieve_study(context, Retrieval(peer, RetrieveRequest(study_uid)))
    assert (again.there_already, again.outcome.received, again.outcome.is_complete) == (21, 2, True)
    assert sum(series.frames for series in open_stored(context, study_uid).series) == 23
    nothing = retrieve_study(context, Retrieval(peer, RetrieveRequest(study_uid)))
    assert (nothing.there_already, nothing.outcome.received) == (23, 0)
    assert nothing.outcome.is_complete


def test_d18_one_series_of_a_study_makes_that_series_whole(
    context: AppContext, pacs: Orthanc, study_uid: str
) -> None:
    found = dicomweb.search(_web(pacs), "series", {"StudyInstanceUID": study_uid})
    small = next(series for series in found if series.instances == 3)
    request = RetrieveRequest(study_uid, small.series_instance_uid)
    retrieved = retrieve_study(context, Retrieval(_web(pacs), request))
    assert retrieved.completeness == Completeness(3, 3, "archive")


def test_a_full_disk_of_the_library_leaves_the_objects_in_the_inbox(
    context: AppContext, pacs: Orthanc, study_uid: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(*_arguments: object, **_more: object) -> None:
        raise DiskFull("The disk is full.", ru="Диск заполнен.")

    with monkeypatch.context() as patched:
        patched.setattr(room, "import_paths", full)
        with pytest.raises(DiskFull):
            retrieve_study(context, Retrieval(_web(pacs), RetrieveRequest(study_uid)))
    waiting = inbox_of(context).objects()
    assert waiting
    taken = import_inbox(context)
    assert (taken.objects, taken.studies) == (len(waiting), (study_uid,))
    assert inbox_of(context).objects() == ()
    assert open_stored(context, study_uid).study_instance_uid == study_uid


def test_leftovers_of_a_crash_are_taken_in_and_what_is_no_image_is_put_aside(
    context: AppContext, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "series", SeriesSpec(count=3))
    inbox = inbox_of(context)
    for path in paths:
        inbox.receive([path.read_bytes()])
    (inbox.folder / "half.part").write_bytes(b"cut off")
    (inbox.folder / "zzz.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 50)
    taken = import_inbox(context)
    assert taken.objects == 3
    assert [item.path.name for item in taken.put_aside] == ["zzz.dcm"]
    assert taken.put_aside[0].path.exists()
    assert list(inbox.folder.glob("*.dcm")) == list(inbox.folder.glob("*.part")) == []


def test_killed_between_library_and_inbox_gives_no_duplicates(
    context: AppContext, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "series", SeriesSpec(count=3))
    inbox = Inbox(context.store.folder / "inbox")
    kept = [inbox.receive([path.read_bytes()]) for path in paths]
    copies = {path.name: path.read_bytes() for path in kept}
    take_in(context, inbox, kept)
    for name, content in copies.items():
        (inbox.folder / name).write_bytes(content)
    taken = import_inbox(context)
    assert taken.objects == 3
    stored = context.store.studies.get(taken.studies[0])
    assert stored is not None
    assert (stored.instances, stored.missing_files) == (3, 0)
    assert all(path.exists() for path in context.store.studies.paths(taken.studies[0]))


def test_two_that_take_in_the_same_objects_do_not_disturb_each_other(
    context: AppContext, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "series", SeriesSpec(count=30))
    inbox = inbox_of(context)
    kept = [inbox.receive([path.read_bytes()]) for path in paths]
    with InboxImporter(context, inbox) as importer:
        for path in kept:
            importer.put(path)
        import_inbox(context, inbox)
    assert importer.total.put_aside == ()
    assert inbox.objects() == ()
    (stored,) = context.store.studies.all()
    assert (stored.instances, stored.missing_files) == (30, 0)


@pytest.mark.parametrize("kind", ["web", "dimse"])
def test_d18_the_pacs_dies_in_the_middle_and_the_rest_comes_when_it_is_back(
    context: AppContext, tmp_path: Path, kind: str
) -> None:
    with running_orthanc(tmp_path / "own") as own:
        paths = write_series(tmp_path / "a", SeriesSpec(count=60, rows=256, columns=256))
        for path in paths:
            own.upload(path)
        peer: Peer = _web(own) if kind == "web" else _dimse(own)
        (study,) = dicomweb.search(_web(own), "study", {})
        uid = study.study_instance_uid

        def die(_fraction: float, _text: str) -> None:
            own.kill()

        first = retrieve_study(context, Retrieval(peer, RetrieveRequest(uid)), progress=die)
        assert 0 < first.completeness.received < 60
        assert first.completeness.expected == 60
        assert not open_stored(context, uid).completeness.is_complete
        own.start()
        again = retrieve_study(context, Retrieval(peer, RetrieveRequest(uid)))
        assert again.completeness == Completeness(60, 60, "archive")
        assert open_stored(context, uid).completeness.is_complete
