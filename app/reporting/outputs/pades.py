"""The digital signature in a PDF: PAdES baseline (ETSI EN 319 142-1), made with pyHanko.

B-B, and B-T where a time-stamp authority is given. The document is certified: whatever is changed
afterwards is shown by every reader. The invisible field keeps it PDF/A (print flag, no area).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.errors import AppError, CertificateFault

if TYPE_CHECKING:
    from pyhanko.sign.signers import Signer
    from pyhanko.sign.timestamps import TimeStamper

FIELD_NAME = "Overread"


@dataclass(frozen=True, slots=True)
class Pkcs12:
    """A file with certificate and key (``.p12``, ``.pfx``)."""

    path: Path
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pkcs11:
    """A key on a token or card, reached through the maker's ``module``.

    ``certificate`` and ``key`` are labels; ``key`` empty: that of the certificate.
    """

    module: Path
    token: str
    certificate: str
    key: str = ""
    pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PadesRequest:
    """``name`` is who signed the report, ``reason`` what it means; ``now_utc`` is ISO 8601."""

    pdf: bytes = field(repr=False)
    key: Pkcs12 | Pkcs11
    name: str
    reason: str
    now_utc: str
    location: str = ""
    timestamper: TimeStamper | None = None


def sign_pdf(request: PadesRequest) -> bytes:
    """The PDF with its signature appended, verified once before it is given out.

    Raises ``CertificateFault`` where the key cannot be used or its certificate is not valid now,
    and what the time-stamp authority raises.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers

    with _opened(request.key) as signer:
        _require_valid_now(signer, request.now_utc)
        about = signers.PdfSignatureMetadata(
            field_name=FIELD_NAME,
            md_algorithm="sha256",
            subfilter=fields.SigSeedSubFilter.PADES,
            name=request.name or None,
            reason=request.reason or None,
            location=request.location or None,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        )
        writer = IncrementalPdfFileWriter(io.BytesIO(request.pdf))
        try:
            signed = signers.PdfSigner(
                about, signer, timestamper=request.timestamper,
                new_field_spec=fields.SigFieldSpec(FIELD_NAME),
            ).sign_pdf(writer)  # fmt: skip
        except AppError:
            raise
        except Exception as fault:
            raise _unusable(fault) from fault
        content = signed.getvalue()
    if not is_intact(content):
        raise _unusable(ValueError("the new signature does not verify"))
    return bytes(content)


def is_intact(pdf: bytes) -> bool:
    """Whether the file is as its last signature left it; says nothing of who signed."""
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    try:
        found = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        if not found:
            return False
        last: Any = found[-1]
        last.compute_integrity_info()
        status = last.summarise_integrity_info()
        covers = status["coverage"] is SignatureCoverageLevel.ENTIRE_FILE
        return covers and _digest_is_signed(last)
    except (PdfError, SignatureValidationError, ValueError, KeyError):
        return False


def _digest_is_signed(embedded: Any) -> bool:  # noqa: ANN401 - pyHanko's
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    intact, valid = validate_sig_integrity(
        embedded.signer_info,
        embedded.signer_cert,
        expected_content_type="data",
        actual_digest=embedded.compute_digest(),
    )
    return bool(intact and valid)


@contextlib.contextmanager
def _opened(key: Pkcs12 | Pkcs11) -> Iterator[Signer]:
    if isinstance(key, Pkcs12):
        yield _of_file(key)
        return
    try:
        import pkcs11
        from pyhanko.config.pkcs11 import TokenCriteria
        from pyhanko.sign import pkcs11 as tokens
        from pyhanko.sign.general import SigningError
    except ImportError as fault:
        raise _unusable(fault) from fault
    try:
        session = tokens.open_pkcs11_session(
            str(key.module),
            token_criteria=TokenCriteria(label=key.token),
            user_pin=key.pin or None,
        )
    except (pkcs11.exceptions.PKCS11Error, SigningError, RuntimeError, OSError) as fault:
        raise _no_token(fault) from fault
    try:
        signer = tokens.PKCS11Signer(
            session, cert_label=key.certificate, key_label=key.key or key.certificate
        )
        try:
            _ = signer.signing_cert
        except (pkcs11.exceptions.PKCS11Error, SigningError) as fault:
            raise _no_token(fault) from fault
        yield signer
    finally:
        session.close()


def _of_file(key: Pkcs12) -> Signer:
    from pyhanko.sign.signers import SimpleSigner

    try:
        content = key.path.read_bytes()
    except OSError as fault:
        raise CertificateFault(
            "The certificate file for signing PDFs cannot be read.",
            ru="Файл сертификата для подписи PDF не читается.",
            hint="Check its path in the settings, [[report.certificates]].",
            hint_ru="Проверьте путь в настройках, [[report.certificates]].",
            technical_detail=type(fault).__name__,
        ) from fault
    try:
        password = key.password.encode("utf-8") if key.password else None
        signer: Signer = SimpleSigner.load_pkcs12_data(content, other_certs=[], passphrase=password)
    except (ValueError, AttributeError, TypeError):
        # no "from": the fault may quote what was tried
        raise CertificateFault(
            "The certificate file cannot be opened: the password is wrong, or it is no PKCS#12.",
            ru="Файл сертификата не открывается: неверный пароль или файл не PKCS#12.",
            hint="Give the password of the certificate again.",
            hint_ru="Введите пароль сертификата ещё раз.",
        ) from None
    return signer


def _require_valid_now(signer: Signer, now_utc: str) -> None:
    certificate: Any = signer.signing_cert
    if certificate is None:
        raise _unusable(ValueError("no certificate"))
    now = dt.datetime.fromisoformat(now_utc)
    if not certificate.not_valid_before <= now <= certificate.not_valid_after:
        raise CertificateFault(
            "The certificate for signing PDFs is not valid today.",
            ru="Сертификат для подписи PDF сегодня недействителен.",
            hint=f"It is valid from {certificate.not_valid_before:%Y-%m-%d} to "
            f"{certificate.not_valid_after:%Y-%m-%d}.",
            hint_ru=f"Срок действия: с {certificate.not_valid_before:%d.%m.%Y} по "
            f"{certificate.not_valid_after:%d.%m.%Y}.",
        )


def _no_token(fault: Exception) -> CertificateFault:
    return CertificateFault(
        "The token with the signing key cannot be used: it is not plugged in, the PIN is wrong, "
        "or the label is another.",
        ru="Токен с ключом подписи недоступен: не подключён, неверный PIN или другая метка.",
        hint="Plug it in and give the PIN again; the labels stand in [[report.certificates]].",
        hint_ru="Подключите токен и введите PIN; метки указаны в [[report.certificates]].",
        technical_detail=type(fault).__name__,
    )


def _unusable(fault: Exception) -> CertificateFault:
    return CertificateFault(
        "The PDF cannot be signed with this certificate.",
        ru="Этим сертификатом PDF подписать нельзя.",
        hint="Try another certificate; the log says what failed.",
        hint_ru="Попробуйте другой сертификат; причина указана в журнале.",
        technical_detail=type(fault).__name__,
    )
