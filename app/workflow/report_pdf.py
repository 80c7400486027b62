"""The printed report of a signed version, with the clinic's or the signer's digital signature.

A PDF that carries a signature is made once and kept beside the outbox: signed again it would be
another file. The password of the key is asked for or comes from the environment, never from disk,
and one that was refused is not tried again: three wrong PINs lock a token.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Final

from app.config.report_settings import CertificateSettings
from app.core.errors import CertificateFault
from app.core.report import Report
from app.core.signing import Signature, meaning_text
from app.reporting.outputs import pades
from app.reporting.outputs.document import ReportDocument
from app.reporting.render_pdf import render_pdf
from app.workflow.context import AppContext
from app.workflow.output_files import write_bytes

_REFUSED: Final[set[tuple[str, str]]] = set()
_SIGNING: Final = threading.Lock()
_EVENT: Final = "report.pdf-signed"


def report_pdf(context: AppContext, document: ReportDocument) -> bytes:
    """The PDF of this version. Raises ``CertificateFault`` where the key cannot be used now.

    A lane of its own: a token takes seconds.
    """
    report = document.report
    chosen = certificate_of(context, report)
    if report.signature is None or not report.is_final or chosen is None:
        return render_pdf(document)
    with _SIGNING:
        kept = kept_pdf(context, report)
        if kept is not None:
            return kept
        signed = _signed(context, document, report.signature, chosen)
        path = _path(context, report)
        write_bytes(path, signed)
        context.store.audit.append(
            context.user, _EVENT, report.uid,
            {
                "study": report.study_instance_uid,
                "content_sha256": report.content_sha256,
                "pdf_sha256": hashlib.sha256(signed).hexdigest(),
            },
        )  # fmt: skip
    return signed


def kept_pdf(context: AppContext, report: Report) -> bytes | None:
    """The signed PDF of this version as it was made, or None; a changed file does not count."""
    try:
        content = _path(context, report).read_bytes()
    except OSError:
        return None
    digest = hashlib.sha256(content).hexdigest()
    events = context.store.audit.events(subject_uid=report.uid)
    made = {e.details.get("pdf_sha256") for e in events if e.action == _EVENT}
    return content if digest in made else None


def certificate_of(context: AppContext, report: Report) -> CertificateSettings | None:
    """The key that signs this report's PDF: the signer's own, else that of everybody, or None."""
    signature = report.signature
    if signature is None:
        return None
    known = {one.user: one for one in context.settings.report.certificates}
    for name in (signature.login, signature.name):
        if name and name in known:
            return known[name]
    return known.get("")


def secret_name(certificate: CertificateSettings) -> str:
    """Under what name the secret store has the password or PIN."""
    return f"certificate {certificate.user}".strip()


def certificates_without_password(
    context: AppContext, report: Report | None = None
) -> tuple[CertificateSettings, ...]:
    """The certificates whose password is to be asked for: of ``report`` where it is given."""
    if report is None:
        chosen = context.settings.report.certificates
    else:
        own = certificate_of(context, report)
        waits = own is not None and report.is_final and kept_pdf(context, report) is None
        chosen = (own,) if own is not None and waits else ()
    return tuple(one for one in chosen if not _has_password(context, one))


def give_password(context: AppContext, certificate: CertificateSettings, password: str) -> None:
    """Keep what a person typed until the program ends; an earlier refusal of it is forgotten."""
    name = secret_name(certificate)
    _REFUSED.discard((name, _digest(password)))
    context.secrets.hold(name, password)


def _has_password(context: AppContext, certificate: CertificateSettings) -> bool:
    password = context.secrets.get(secret_name(certificate))
    return bool(password) and not _was_refused(certificate, password)


def require_key(context: AppContext, report: Report) -> None:
    """Raise ``CertificateFault`` where the PDF of this version waits for a password."""
    if certificates_without_password(context, report):
        raise CertificateFault(
            "The PDF waits for the password of the certificate.",
            ru="PDF ожидает пароля сертификата.",
            hint="Give it in Report > Certificate password, or set OVERREAD_SECRET_CERTIFICATE.",
            hint_ru="Введите его в меню «Заключение» или задайте OVERREAD_SECRET_CERTIFICATE.",
        )


def _signed(
    context: AppContext, document: ReportDocument, signature: Signature, chosen: CertificateSettings
) -> bytes:
    require_key(context, document.report)
    password = context.secrets.get(secret_name(chosen))
    settings = context.settings
    timestamper = None
    if settings.report.timestamp_url:
        from app.network.timestamp import HttpTimestamper

        timestamper = HttpTimestamper(settings.report.timestamp_url)
    language = document.report.language
    request = pades.PadesRequest(
        pdf=render_pdf(document),
        key=_key(chosen, password),
        name=signature.name.replace("^", " ").strip(),
        reason=meaning_text(signature.meaning).text(language),
        now_utc=context.clock.now_utc(),
        location=settings.organisation,
        timestamper=timestamper,
    )
    try:
        return pades.sign_pdf(request)
    except CertificateFault:
        _REFUSED.add((secret_name(chosen), _digest(password)))
        raise


def _key(chosen: CertificateSettings, password: str) -> pades.Pkcs12 | pades.Pkcs11:
    if chosen.file:
        return pades.Pkcs12(Path(chosen.file).expanduser(), password)
    return pades.Pkcs11(
        Path(chosen.module).expanduser(), chosen.token, chosen.certificate, chosen.key, password
    )


def _was_refused(chosen: CertificateSettings, password: str) -> bool:
    return (secret_name(chosen), _digest(password)) in _REFUSED


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode("utf-8")).hexdigest()


def _path(context: AppContext, report: Report) -> Path:
    return context.store.folder / "outbox" / report.uid / "report-signed.pdf"
