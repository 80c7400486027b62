from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import AppError, InputError
from app.core.study import Study
from app.dicom.objects.encapsulated import EncapsulatedDocument
from app.dicom.objects.presentation_state import PresentationState
from app.dicom.objects.seg_reader import ReadSegmentation
from app.dicom.objects.sr_tree import SrDocument
from app.dicom.objects.structure_set import StructureSet
from app.workflow.object_json import object_json
from app.workflow.object_texts import object_text
from app.workflow.other_objects import list_objects, open_object
from tests.support.opened import open_all
from tests.support.synthetic_dicom import SeriesSpec, save, write_series
from tests.support.synthetic_objects import (
    BASIC_TEXT_SR,
    KEY_OBJECTS,
    an_object,
    image,
    item,
    reference,
    write_document,
    write_presentation_state,
    write_report,
    write_structure_set,
)
from tests.support.synthetic_seg import SegFrame, SegSpec, grid_of, headers_of, write_segmentation


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """One CT and one object of every common kind."""
    folder = tmp_path / "study"
    headers = headers_of(write_series(folder / "ct", SeriesSpec(count=4)))
    grid = grid_of(headers)
    full = (headers[0].pixel_array > -2000).astype("uint8")
    write_segmentation(folder / "seg", SegSpec(grid, [SegFrame(1, full, 1)]))
    text = item("TEXT", ("121071", "DCM", "Finding"), TextValue="Узел 9 мм")
    for name, at in (("later", "180000"), ("sooner", "070000")):
        write_report(folder / name, [text], sop_class=BASIC_TEXT_SR, at=at)
    uid = headers[1].SOPInstanceUID
    write_report(
        folder / "ko", [image(uid)], sop_class=KEY_OBJECTS, title=("113000", "DCM", "Of Interest"),
        evidence=[reference("1.2.840.10008.5.1.4.1.1.2", uid)],
    )  # fmt: skip
    write_presentation_state(folder / "pr", uid)
    outline = grid.ijk_to_lps([(2.5, 2.5, 1), (9.5, 2.5, 1), (9.5, 9.5, 1)])
    write_structure_set(folder / "rt", [outline], grid.frame_of_reference_uid)
    write_document(folder / "pdf", b"%PDF-1.7")
    save(an_object("1.2.840.10008.5.1.4.1.1.481.5", "plan"), folder / "plan")
    _, (found,) = open_all(tmp_path, folder)
    return found


def test_d06_d16_everything_is_listed_by_time(study: Study) -> None:
    listed = list_objects(study)
    assert [one.at for one in listed] == sorted(one.at for one in listed)
    reports = [one.at for one in listed if one.family == "report"]
    assert reports == ["2026-01-04T07:00:00", "2026-01-04T18:00:00"]
    assert sorted(one.family for one in listed) == [
        "document", "key-objects", "presentation-state", "report", "report", "segmentation",
        "structure-set", "unsupported",
    ]  # fmt: skip
    (key,) = [one for one in listed if one.family == "key-objects"]
    assert len(key.references) == 1
    assert key.title.startswith("Of Interest")
    (plan,) = [one for one in listed if one.family == "unsupported"]
    assert plan.fault is not None
    assert "план облучения" in plan.fault.ru
    for one in listed:
        assert one.kind.en
        assert one.kind.ru
        assert one.made_by.startswith("Other Maker")


def test_every_kind_opens_and_speaks_both_languages(study: Study) -> None:
    kinds = {
        "segmentation": ReadSegmentation,
        "report": SrDocument,
        "presentation-state": PresentationState,
        "structure-set": StructureSet,
        "document": EncapsulatedDocument,
    }
    for one in list_objects(study):
        if one.family == "unsupported":
            with pytest.raises(InputError) as caught:
                open_object(one, study)
            assert caught.value.ru != caught.value.message
            continue
        value = open_object(one, study)
        assert isinstance(value, kinds.get(one.family, object))
        assert object_text(value, "en").strip()
        assert object_text(value, "ru").strip()
        assert object_json(value)


def test_a_file_that_is_gone_is_said_in_words(study: Study) -> None:
    listed = list_objects(study)
    for one in listed:
        one.path.unlink()
    for one in listed:
        with pytest.raises(AppError):
            open_object(one, study)
    assert all(one.fault is not None for one in list_objects(study))
