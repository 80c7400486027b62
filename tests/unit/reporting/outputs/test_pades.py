"""The signature in the PDF: verified by pyHanko's validator and by poppler; tampering shows."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import subprocess
from pathlib import Path

import pypdf
import pytest
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from app.core.errors import CertificateFault
from app.reporting.outputs.pades import PadesRequest, Pkcs11, Pkcs12, is_intact, sign_pdf
from app.reporting.render_pdf import render_pdf
from tests.support.certificates import (
    PASSWORD,
    Authority,
    Identity,
    authority,
    identity,
    write_pkcs12,
)
from tests.support.pdf_readers import pdf_text, pdfsig, require_pdfa
from tests.unit.reporting.outputs.documents import document

ROOT = authority()
SIGNER = identity(ROOT, "Петров Иван")


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def _request(key: Pkcs12 | Pkcs11, **more: object) -> PadesRequest:
    return PadesRequest(
        render_pdf(document("ru")), key, "Петров Иван", "автор", _now(), "Clinic", **more
    )


def _asn1(certificate_der: bytes) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate_der)


def _root(root: Authority = ROOT) -> asn1_x509.Certificate:
    from cryptography.hazmat.primitives.serialization import Encoding

    return _asn1(root.certificate.public_bytes(Encoding.DER))


def _status(pdf: bytes):
    reader = PdfFileReader(io.BytesIO(pdf))
    (one,) = reader.embedded_signatures
    context = ValidationContext(trust_roots=[_root()], allow_fetching=False)
    return validate_pdf_signature(one, context, ts_validation_context=context)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pkcs12(tmp_path_factory.mktemp("key") / "signer.p12", ROOT, SIGNER)


@pytest.fixture(scope="module")
def signed(key_file: Path) -> bytes:
    return sign_pdf(_request(Pkcs12(key_file, PASSWORD)))


def test_both_validators_find_it_good_and_it_is_still_pdfa(signed: bytes, tmp_path: Path) -> None:
    status = _status(signed)
    assert status.bottom_line
    assert status.trusted
    assert status.timestamp_validity is None  # B-B
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    require_pdfa(path)
    said = pdfsig(path)
    assert "Signature is Valid." in said
    assert "ETSI.CAdES.detached" in said
    assert "Total document signed" in said
    assert "Петров Иван" in said
    assert "Плевральный выпот слева" in pdf_text(path)
    field = pypdf.PdfReader(path).trailer["/Root"]["/AcroForm"]["/Fields"][0].get_object()["/V"]
    assert field["/Reason"] == "автор"
    assert field["/Location"] == "Clinic"


def test_a_changed_byte_and_an_appended_change_are_found(signed: bytes, tmp_path: Path) -> None:
    assert is_intact(signed)
    at = signed.index(b"/Author <") + 20
    changed = signed[:at] + (b"0" if signed[at : at + 1] != b"0" else b"1") + signed[at + 1 :]
    assert not is_intact(changed)
    assert not _status(changed).intact
    path = tmp_path / "changed.pdf"
    path.write_bytes(changed)
    assert "Signature is Valid." not in pdfsig(path)
    writer = pypdf.PdfWriter(io.BytesIO(signed), incremental=True)
    writer.add_blank_page(100, 100)
    appended = io.BytesIO()
    writer.write(appended)
    assert not is_intact(appended.getvalue())
    assert not _status(appended.getvalue()).bottom_line
    assert not is_intact(render_pdf(document()))
    assert not is_intact(b"no pdf")


def test_with_a_time_stamp_it_is_b_t(key_file: Path, tmp_path: Path) -> None:
    stamping: Identity = identity(ROOT, "TSA", is_timestamper=True, is_rsa=True)
    store = SimpleCertificateStore()
    store.register(_root())
    stamper = DummyTimeStamper(
        _asn1(stamping.certificate_der), keys.PrivateKeyInfo.load(stamping.key_der), store
    )
    pdf = sign_pdf(_request(Pkcs12(key_file, PASSWORD), timestamper=stamper))
    status = _status(pdf)
    assert status.bottom_line
    assert status.timestamp_validity is not None
    assert status.timestamp_validity.trusted
    path = tmp_path / "stamped.pdf"
    path.write_bytes(pdf)
    require_pdfa(path)


@pytest.mark.parametrize(
    ("password", "words"), [("wrong", "password is wrong"), ("", "password is wrong")]
)
def test_a_wrong_password_is_said_and_not_repeated(
    key_file: Path, password: str, words: str
) -> None:
    key = Pkcs12(key_file, password)
    with pytest.raises(CertificateFault, match=words) as raised:
        sign_pdf(_request(key))
    assert "wrong" not in raised.value.technical_detail
    assert raised.value.__cause__ is None
    assert PASSWORD not in repr(Pkcs12(key_file, PASSWORD))


def test_an_expired_certificate_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    old = identity(ROOT, "Old", is_expired=True)
    path = write_pkcs12(tmp_path / "old.p12", ROOT, old)
    with pytest.raises(CertificateFault, match="not valid today"):
        sign_pdf(_request(Pkcs12(path, PASSWORD)))
    with pytest.raises(CertificateFault, match="cannot be read"):
        sign_pdf(_request(Pkcs12(tmp_path / "none.p12", PASSWORD)))
    (tmp_path / "junk.p12").write_bytes(b"junk")
    with pytest.raises(CertificateFault, match="no PKCS#12"):
        sign_pdf(_request(Pkcs12(tmp_path / "junk.p12", PASSWORD)))


_MODULES = ("softhsm/libsofthsm2.so", "x86_64-linux-gnu/softhsm/libsofthsm2.so")


def _soft_token(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Pkcs11:
    """A token of SoftHSM2 with a key and its certificate."""
    import pkcs11
    from pkcs11.util.rsa import decode_rsa_private_key
    from pkcs11.util.x509 import decode_x509_certificate

    program = shutil.which("softhsm2-util")
    library = next((p for m in _MODULES if (p := Path("/usr/lib", m)).exists()), None)
    if program is None or library is None:
        pytest.skip("SoftHSM2 (Debian's softhsm2) is not installed")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    subprocess.run(
        [program, "--init-token", "--free", "--label", "card", "--pin", "1234", "--so-pin", "5678"],
        check=True, capture_output=True,
    )  # fmt: skip
    one = identity(ROOT, "Token", is_rsa=True)
    from cryptography.hazmat.primitives import serialization

    key = one.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )  # fmt: skip
    token = pkcs11.lib(str(library)).get_token(token_label="card")
    with token.open(rw=True, user_pin="1234") as session:
        attributes = decode_rsa_private_key(key)
        attributes |= {
            pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.LABEL: "signer",
            pkcs11.Attribute.SIGN: True, pkcs11.Attribute.ID: b"1",
        }  # fmt: skip
        session.create_object(attributes)
        certificate = decode_x509_certificate(one.certificate_der)
        certificate |= {
            pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.LABEL: "signer",
            pkcs11.Attribute.ID: b"1",
        }  # fmt: skip
        session.create_object(certificate)
    return Pkcs11(library, "card", "signer", pin="1234")


def test_a_key_on_a_token_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = _soft_token(tmp_path, monkeypatch)
    status = _status(sign_pdf(_request(token)))
    assert status.bottom_line
    assert "Token" in status.signing_cert.subject.human_friendly
    wrong = Pkcs11(token.module, "card", "signer", pin="0000")
    with pytest.raises(CertificateFault, match="token"):
        sign_pdf(_request(wrong))
    with pytest.raises(CertificateFault, match="token"):
        sign_pdf(_request(Pkcs11(token.module, "card", "other", pin="1234")))
    with pytest.raises(CertificateFault, match="token"):
        sign_pdf(_request(Pkcs11(Path("/nowhere.so"), "card", "signer", pin="1234")))
    assert "1234" not in repr(token)
