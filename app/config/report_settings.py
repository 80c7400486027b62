"""What becomes of a signed report: ``[report]`` of the settings file.

Nothing leaves that is not written here. No password stands here: that of a certificate is asked
for, or comes from the environment (``app.config.secrets``).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.config.peer_settings import PeerName, check_web_url

DocumentKind = Literal["pdf", "fhir", "hl7", "text"]
ObjectKind = Literal["seg", "sr", "pdf", "key-images"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _check_url(text: str) -> str:
    return check_web_url(text) if text else ""


Lines = Annotated[tuple[str, ...], Field(strict=False)]


class LetterheadSettings(_Table):
    """The clinic on the printed report. The Russian words stand on Russian reports; where they
    are missing the others do. ``logo`` is the path of a PNG or JPEG.
    """

    name: str = ""
    name_ru: str = ""
    address: Lines = ()
    address_ru: Lines = ()
    footer: str = ""
    footer_ru: str = ""
    logo: str = ""


class CertificateSettings(_Table):
    """Whose key signs PDFs: of ``user`` (the name or login of a signer), empty: of everybody else.

    ``file`` is a PKCS#12 file; or ``module`` the PKCS#11 library of a token, ``token`` its label,
    ``certificate`` and ``key`` the labels on it.
    """

    user: str = ""
    file: str = ""
    module: str = ""
    token: str = ""
    certificate: str = ""
    key: str = ""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if bool(self.file) == bool(self.module):
            raise ValueError("give either file (PKCS#12) or module (PKCS#11)")
        if self.module and not (self.token and self.certificate):
            raise ValueError("a token needs its label (token) and that of the certificate")
        return self


class _Target(_Table):
    name: PeerName


class FolderTarget(_Target):
    """A folder that another program watches: each document appears whole, by a rename."""

    kind: Literal["folder"] = "folder"
    folder: Annotated[str, StringConstraints(min_length=1)]
    send: Annotated[tuple[DocumentKind, ...], Field(strict=False, min_length=1)]


class MllpTarget(_Target):
    """A receiver of HL7 v2 over MLLP; it must acknowledge each message.

    With ``tls`` it is held to a certificate of ``ca_file`` (empty: those of the system).
    """

    kind: Literal["mllp"] = "mllp"
    host: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s@/]+$")]
    port: int = Field(ge=1, le=65535)
    timeout_s: float = Field(default=30.0, ge=1.0, le=3600.0, strict=False)
    tls: bool = False
    ca_file: str = ""
    certificate: str = ""
    key: str = ""


TargetSettings = Annotated[FolderTarget | MllpTarget, Field(discriminator="kind")]
Code = Annotated[str, StringConstraints(max_length=180, pattern=r"^[^\x00-\x1f]*$")]


class Hl7Settings(_Table):
    """How we are called in HL7 v2 (MSH-3 to MSH-6), who gives out patient IDs (PID-3.4), and
    whether the PDF travels inside (OBX of type ED).
    """

    sending_application: Code = "OVERREAD"
    sending_facility: Code = ""
    receiving_application: Code = ""
    receiving_facility: Code = ""
    assigning_authority: Code = ""
    embed_pdf: bool = False


class FhirSettings(_Table):
    """The systems (URIs) of patient IDs and accession numbers; empty: none is named."""

    patient_id_system: str = ""
    accession_system: str = ""


class ReportSettings(_Table):
    """``objects`` go to the DICOM peers of ``auto_send_to``; ``targets`` get documents.

    ``timestamp_url`` is a time-stamp authority (RFC 3161): PAdES B-T.
    """

    objects: Annotated[tuple[ObjectKind, ...], Field(strict=False)] = (
        "seg", "sr", "pdf", "key-images",
    )  # fmt: skip
    timestamp_url: Annotated[str, AfterValidator(_check_url)] = ""
    letterhead: LetterheadSettings = LetterheadSettings()
    hl7: Hl7Settings = Hl7Settings()
    fhir: FhirSettings = FhirSettings()
    certificates: Annotated[tuple[CertificateSettings, ...], Field(strict=False)] = ()
    targets: Annotated[tuple[TargetSettings, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        names = [target.name for target in self.targets]
        if len(set(names)) != len(names):
            raise ValueError("two report targets have the same name")
        users = [certificate.user for certificate in self.certificates]
        if len(set(users)) != len(users):
            raise ValueError("two certificates are of the same user")
        return self
