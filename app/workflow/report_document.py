"""What an output of the report is made from, gathered from session, library and settings."""

from __future__ import annotations

import io
import logging
from pathlib import Path

from PIL import Image

from app.config.report_settings import LetterheadSettings
from app.core.report import Language, Message, Report
from app.reporting.communication import communication_sentence
from app.reporting.outputs.document import (
    KeyImage,
    Letterhead,
    MeasurementRow,
    ReportDocument,
    SeriesLine,
    VersionLine,
)
from app.workflow.facts import image_series
from app.workflow.key_images import FindingImage
from app.workflow.session import StudySession
from app.workflow.sign_report import missing_when_read

_LOGO_PIXELS = 1200
_log = logging.getLogger("overread.outputs")
_CHANGES = {
    "original": Message("first version", "первая версия"),
    "cosignature": Message("co-signed", "подписано старшим врачом"),
    "addendum": Message("addendum", "дополнение"),
    "correction": Message("correction", "исправление"),
}
_PRELIMINARY = Message("preliminary", "предварительное заключение")


def report_document(
    session: StudySession, report: Report, images: tuple[FindingImage, ...] = ()
) -> ReportDocument:
    """The document of one version; the findings are those of the session, which are locked."""
    study, language = session.study, report.language
    findings = tuple(f for f in session.findings if f.is_in_report)
    series = image_series(study)
    before = _versions_before(session, report)
    return ReportDocument(
        report=report,
        patient_name=study.patient.name,
        patient_id=study.patient.id,
        patient_birth_date=study.patient.birth_date,
        patient_sex=study.patient.sex,
        study_description=study.description,
        study_date=study.study_date,
        accession_number=study.accession_number,
        models=_models(session),
        key_images=[
            KeyImage(image.png, image.finding.current.label.text(language)) for image in images
        ],
        missing=missing_when_read(session),
        letterhead=letterhead(session.context.settings.report.letterhead, language),
        measurements=[
            MeasurementRow(finding, item)
            for finding in findings
            for item in finding.current.measurements
        ],
        communications=told(session, report),
        versions=[_version_line(one) for one in before],
        referring_physician=study.referring_physician,
        study_time=study.study_time,
        modality=session.facts.modality,
        findings=findings,
        series=[
            SeriesLine(one.series_instance_uid, one.modality, one.description, len(one.instances))
            for one in series
        ],
        chain_uid=before[0].uid if before else report.uid,
    )


def told(session: StudySession, report: Report) -> list[str]:
    """A sentence for each record of who was told, in the report's language."""
    return [
        communication_sentence(record, session.findings, report.language)
        for record in report.communications
    ]


def letterhead(settings: LetterheadSettings, language: Language) -> Letterhead:
    """The clinic's words in the report's language, and its logo where that can be read."""
    is_russian = language == "ru"
    return Letterhead(
        name=(settings.name_ru or settings.name) if is_russian else (settings.name or ""),
        lines=(settings.address_ru or settings.address) if is_russian else settings.address,
        footer=(settings.footer_ru or settings.footer) if is_russian else settings.footer,
        logo=_logo(Path(settings.logo).expanduser()) if settings.logo else b"",
    )


def _logo(path: Path) -> bytes:
    """The picture on white, as PNG in plain RGB: a print shop's CMYK or a film of alpha is not
    PDF/A. One that cannot be read is left out: a report does not wait for an ornament.
    """
    try:
        with Image.open(path) as picture:
            picture.thumbnail((_LOGO_PIXELS, _LOGO_PIXELS))
            layer = picture.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as fault:
        _log.warning("the logo of the letterhead cannot be read: %s", type(fault).__name__)
        return b""
    paper = Image.new("RGB", layer.size, "white")
    paper.paste(layer, mask=layer.getchannel("A"))
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def _versions_before(session: StudySession, report: Report) -> tuple[Report, ...]:
    """The signed versions that this one follows, the oldest first."""
    found = session.context.store.reports.versions(
        session.study.study_instance_uid, session.reading
    )
    return tuple(one for one in found if one.version < report.version and one.signature is not None)


def _version_line(report: Report) -> VersionLine:
    signature = report.signature
    what = _PRELIMINARY if report.state == "preliminary" else _CHANGES[report.change]
    return VersionLine(
        report.version, what, signature.name if signature else "",
        signature.at_utc if signature else "", report.change_reason,
    )  # fmt: skip


def _models(session: StudySession) -> list[str]:
    """Lines such as ``cxr-lung-fields 1.0.0 (cpu)`` for what ran in this reading."""
    runs = session.context.store.runs.of_study(session.study.study_instance_uid, session.reading)
    lines = [f"{run.pack} {run.version} ({run.report.get('device', '')})" for run in runs]
    return list(dict.fromkeys(lines))
