"""Documents of a signed report to their receivers: into a folder, or over MLLP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.config.report_settings import DocumentKind, FolderTarget, MllpTarget, TargetSettings
from app.core.errors import AppError, EnvironmentFault, PeerUnavailable, ReportError
from app.core.report import Message
from app.network import mllp
from app.network.peers import TlsFiles
from app.reporting.outputs.hl7 import control_id
from app.store.outbox import OutboxItem, OutgoingObject
from app.workflow.context import AppContext
from app.workflow.derived_uid import derived_uid
from app.workflow.export_report import FILE_NAMES
from app.workflow.output_files import write_bytes
from app.workflow.session import StudySession

_ENDINGS: Final[dict[DocumentKind, str]] = {
    "pdf": ".pdf", "fhir": ".fhir.json", "hl7": ".hl7", "text": ".txt",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one document; ``reason`` is None where the receiver has it."""

    reason: Message | None = None
    may_retry: bool = False
    is_away: bool = False


def sent_to(target: TargetSettings) -> Sequence[DocumentKind]:
    """The documents that a receiver gets."""
    return target.send if isinstance(target, FolderTarget) else ("hl7",)


def document_of(session: StudySession, folder: Path, kind: DocumentKind) -> OutgoingObject:
    """A document that was just written, as a row of the outbox. Raises ``ReportError``."""
    report, path = session.report, folder / FILE_NAMES[kind]
    if report is None or not path.exists():
        raise ReportError("A document of the report is missing.", ru="Документ не записан.")
    return OutgoingObject(
        path, report.study_instance_uid, "",
        derived_uid("document", kind, report.uid, report.content_sha256), kind,
    )  # fmt: skip


def deliver_document(context: AppContext, item: OutboxItem) -> Delivered:
    """Bring one document to its receiver; what went wrong comes back, nothing is raised for it."""
    target = {one.name: one for one in context.settings.report.targets}.get(item.peer)
    if target is None:
        return Delivered(
            Message(
                f"No receiver named {item.peer} is in the settings any more.",
                f"Получателя {item.peer} в настройках больше нет.",
            )
        )
    try:
        if isinstance(target, MllpTarget):
            return _over_mllp(target, item)
        return _into_folder(target, item)
    except AppError as fault:
        reason = Message(fault.text("en"), fault.text("ru"))
        return Delivered(
            reason,
            may_retry=isinstance(fault, EnvironmentFault),
            is_away=isinstance(fault, PeerUnavailable),
        )


def _over_mllp(target: MllpTarget, item: OutboxItem) -> Delivered:
    message = _content(item)
    files = TlsFiles(_file(target.ca_file), _file(target.certificate), _file(target.key))
    peer = mllp.MllpPeer(
        target.name, target.host, target.port, files if target.tls else None, target.timeout_s
    )
    said = mllp.send(peer, message, control_id(message))
    return Delivered(said.reason, may_retry=said.may_retry)


def _into_folder(target: FolderTarget, item: OutboxItem) -> Delivered:
    """The folder must be there: making it would hide a share that is not mounted."""
    folder = Path(target.folder).expanduser()
    if not folder.is_dir():
        raise PeerUnavailable(
            f"The folder of {target.name} is not there.",
            ru=f"Папка получателя {target.name} недоступна.",
            hint="Check that the share is mounted; it is tried again by itself.",
            hint_ru="Проверьте, что сетевая папка подключена; попытка повторится сама.",
        )
    kind = item.kind
    if kind == "dicom":
        raise ValueError("an object of DICOM is no document")
    # the same name again for the same version: a second delivery replaces, it does not double
    write_bytes(folder / f"{item.path.parent.name}{_ENDINGS[kind]}", _content(item))
    return Delivered()


def _content(item: OutboxItem) -> bytes:
    try:
        return item.path.read_bytes()
    except OSError as fault:
        raise ReportError(
            "The document in the outbox cannot be read.",
            ru="Документ в очереди отправки не читается.",
            hint="Export the study again by hand.",
            hint_ru="Экспортируйте исследование ещё раз вручную.",
            technical_detail=type(fault).__name__,
        ) from fault


def _file(path: str) -> Path | None:
    return Path(path).expanduser() if path else None
