"""The printed report is PDF/A, says everything, and reads the same with other programs."""

from __future__ import annotations

from pathlib import Path

import pypdf

from app.core.report import Override, Report, Signature
from app.core.study import PatientText
from app.reporting.outputs.document import Letterhead, ReportDocument
from app.reporting.render_pdf import render_pdf
from tests.support.pdf_readers import pdf_text, require_pdfa, vera_pdf
from tests.unit.reporting.outputs.documents import AT_UTC, TEXTS, document, signed


def _write(folder: Path, name: str, one: ReportDocument) -> Path:
    path = folder / name
    path.write_bytes(render_pdf(one))
    return path


def test_reports_of_both_languages_long_bare_and_strange_ones_are_pdfa(tmp_path: Path) -> None:
    bare = ReportDocument(
        Report("1", "2", 1, "en", "Nothing.", "draft"),
        *(PatientText(""),) * 3, "", "", "", PatientText(""),
    )  # fmt: skip
    strange = "中文 \u202eabc\x00 🫁\n<b>bold</b> & co\nالعربية\n" + "x" * 4000
    long = TEXTS["ru"] + "Очаг в лёгком 5 мм.\n" * 500
    paths = [
        _write(tmp_path, "en.pdf", document("en")),
        _write(tmp_path, "ru.pdf", document("ru")),
        _write(tmp_path, "bare.pdf", bare),
        _write(tmp_path, "strange.pdf", document(report=signed(text=strange))),
        _write(tmp_path, "long.pdf", document("ru", report=signed("ru", text=long))),
    ]
    require_pdfa(*paths)
    assert "Page 1 of 1" in pdf_text(paths[2])
    assert "DRAFT" in pdf_text(paths[2])
    text = pdf_text(paths[3])
    assert "<U+4E2D><U+6587>" in text  # the font has no picture of it, and it is not lost
    assert "<b>bold</b>" in text
    pages = len(pypdf.PdfReader(paths[4]).pages)
    assert pages > 10
    assert f"Стр. {pages} из {pages}" in pdf_text(paths[4])


def test_the_validator_finds_what_is_no_pdfa(tmp_path: Path) -> None:
    pdf = render_pdf(document())
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(pdf.replace(b"/OutputIntents", b"/OutputIntenty"))
    (one,) = vera_pdf(broken)
    assert not one.is_compliant
    assert any("6.2.4.3" in rule for rule in one.failed)


def test_everything_stands_on_it(tmp_path: Path) -> None:
    older = Signature("Orlova^Anna", AT_UTC, "preliminary", "orlova", "resident", "password")
    preliminary = signed(
        "ru", state="preliminary", prior_signatures=(older,),
        overrides=(Override("x", "omitted-finding", "known"),),
    )  # fmt: skip
    text = pdf_text(_write(tmp_path, "ru.pdf", document("ru", report=preliminary)))
    for part in (
        "Clinic № 5", "Main street 1", "Licence 77", "Иванова Анна Сергеевна", "4711", "03.02.1965",
        "женский", "A123", "Плевральный выпот слева, объём 412 мл.", "412 мл", "12,3 мм",
        "исправлено врачом", "≤ 0,5", "не измерено", "voxel-count@1", "Dr Sidorov was told",
        "Petrov Ivan, 20.11.2026 10:00:00 UTC", "автор, несёт ответственность", "known",
        "cxr-lung-fields 1.0.0 (cpu)", "ПРЕДВАРИТЕЛЬНОЕ", "Предыдущие версии: - 1: подписано",
        "ab" * 32, "one", "two", "Подписано ранее: Orlova Anna", "ординатор",
        "учётная запись и пароль", "имя указано, без учётной записи",
    ):  # fmt: skip
        assert part in text, part


def test_metadata_language_and_fonts(tmp_path: Path) -> None:
    path = _write(tmp_path, "ru.pdf", document("ru"))
    reader = pypdf.PdfReader(path)
    assert reader.trailer["/Root"]["/Lang"] == "ru"
    assert reader.metadata is not None
    assert reader.metadata.title == "Заключение врача-рентгенолога"
    assert reader.metadata.author == "Petrov Ivan"
    assert str(reader.metadata.creation_date) == "2026-11-20 10:00:00+00:00"
    assert reader.xmp_metadata is not None
    assert reader.xmp_metadata.pdfaid_part == "2"
    assert reader.xmp_metadata.dc_language == ["ru"]
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in reader.pages
        for font in page["/Resources"]["/Font"].get_object().values()
    }
    assert all("DejaVu" in name for name in fonts)
    # nothing of the patient in what indexers of files read
    assert "4711" not in str(reader.metadata)


def test_the_same_report_gives_the_same_bytes_and_another_does_not() -> None:
    assert render_pdf(document()) == render_pdf(document())
    assert render_pdf(document()) != render_pdf(document(letterhead=Letterhead("Other")))
