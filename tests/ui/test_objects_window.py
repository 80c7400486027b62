"""Reports as a tree, documents as pages, everything else as text; faults are sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from reportlab.pdfgen.canvas import Canvas

from app.core.errors import InputError
from app.dicom.writing.authoring import write_dataset
from app.dicom.writing.pdf_writer import PdfRequest, write_encapsulated_pdf
from app.dicom.writing.sr_writer import SrRequest, write_sr
from app.ui.document_view import DocumentView
from app.ui.job_bridge import JobBridge
from app.ui.objects_window import ObjectsWindow
from tests.dicom_out import results
from tests.support.opened import open_all
from tests.support.synthetic_dicom import write_projection
from tests.support.synthetic_objects import write_presentation_state
from tests.support.windows import wait_for
from tests.support.workflow_context import context_in


def _pdf(path: Path, pages: int) -> bytes:
    canvas = Canvas(str(path), pagesize=(300, 400))
    for number in range(pages):
        canvas.drawString(40, 350, f"page {number + 1}")
        canvas.showPage()
    canvas.save()
    return path.read_bytes()


@pytest.fixture
def study(tmp_path: Path):
    folder = tmp_path / "study"
    source = results.source_of([write_projection(folder / "dx", np.zeros((16, 16), np.uint16))])
    pdf = _pdf(tmp_path / "x.pdf", 3)
    request = PdfRequest(source, pdf, "Letter", results.identity("pdf"), results.AT_UTC)
    write_dataset(write_encapsulated_pdf(request), folder / "pdf.dcm")
    finding = results.proposed(source, "left")
    sr = SrRequest(source, (finding,), {}, results.identity("sr"), "2.25.77", "AI", results.AT_UTC)
    write_dataset(write_sr(sr), folder / "sr.dcm")
    _scan, studies = open_all(tmp_path / "work", folder)
    return studies[0]


def test_a_report_is_a_tree_and_a_document_has_pages(qtbot, tmp_path, study):
    with context_in(tmp_path / "data") as context:
        bridge = JobBridge(context.runner)
        window = ObjectsWindow(bridge, study)
        qtbot.addWidget(window)
        window.show()
        window.load()
        wait_for(lambda: window.objects.count() == 2, "both objects")
        shown = set()
        for row in range(2):
            window.objects.setCurrentRow(row)
            wait_for(lambda: window.pages.currentWidget() is not window.text, "the content")
            shown.add(window.pages.currentWidget())
            if window.pages.currentWidget() is window.tree:
                assert "Imaging Measurement Report" in window.tree.topLevelItem(0).text(0)
            else:
                assert window.document.pages == 3
        assert shown == {window.tree, window.document}
        bridge.close()


def test_a_presentation_state_is_a_picture_or_words(qtbot, tmp_path):
    folder = tmp_path / "study"
    film = write_projection(folder / "dx", np.zeros((16, 16), np.uint16))
    here = pydicom.dcmread(film).SOPInstanceUID
    for name, uid in (("here", here), ("elsewhere", "1.2.3")):
        path = write_presentation_state(folder / name, uid)
        ds = pydicom.dcmread(path)
        ds.StudyInstanceUID = pydicom.dcmread(film).StudyInstanceUID
        del ds.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber
        ds.save_as(path)
    _scan, (study,) = open_all(tmp_path / "work", folder)
    with context_in(tmp_path / "data") as context:
        bridge = JobBridge(context.runner)
        window = ObjectsWindow(bridge, study)
        qtbot.addWidget(window)
        window.show()
        window.load()
        wait_for(lambda: window.objects.count() == 2, "both objects")
        shown = set()
        for row in range(2):
            window.objects.setCurrentRow(row)
            wait_for(
                lambda: (
                    window.pages.currentWidget() is window.picture
                    or "not in the study" in window.text.toPlainText()
                ),
                "the content",
            )
            shown.add(window.pages.currentWidget())
            window._say("")
        assert shown == {window.picture, window.text}
        assert window.picture.has_picture
        bridge.close()


def test_pages_are_drawn_as_they_come_into_sight(qtbot, tmp_path):
    view = DocumentView()
    qtbot.addWidget(view)
    view.resize(320, 420)
    view.show()
    view.show_pdf(_pdf(tmp_path / "x.pdf", 12))
    drawn = [not page.pixmap().isNull() for page in view._pages]
    assert drawn[0]
    assert not drawn[-1]
    wait_for(lambda: view.verticalScrollBar().maximum() > 0, "the layout")
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    wait_for(lambda: not view._pages[-1].pixmap().isNull(), "the last page")


def test_d12_a_document_that_is_none_is_a_sentence(qtbot):
    view = DocumentView()
    qtbot.addWidget(view)
    with pytest.raises(InputError, match="damaged"):
        view.show_pdf(b"not a document")
    assert view.pages == 0
