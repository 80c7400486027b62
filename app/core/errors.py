"""The errors a user can meet. Everything that is not an ``AppError`` is a bug.

Each error has one sentence for the user, a hint saying what to do, and a stable ``code`` for
logs and translations. Messages never contain patient data.
"""

from __future__ import annotations


class AppError(Exception):
    """An expected failure, shown to the user in one sentence plus what to do.

    ``message`` and ``hint`` are English, ``ru`` and ``hint_ru`` the same in Russian.
    ``exit_code`` is the process exit status of the command line (1 the answer is no, 3 input,
    4 environment). ``technical_detail`` is shown folded and may be logged: no patient data.
    """

    code = "error"
    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        ru: str = "",
        hint: str = "",
        hint_ru: str = "",
        technical_detail: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.ru = ru or message
        self.hint = hint
        self.hint_ru = hint_ru or hint
        self.technical_detail = technical_detail

    def text(self, language: str) -> str:
        """The sentence and what to do, in ``en`` or ``ru``."""
        if language == "ru":
            return f"{self.ru} {self.hint_ru}".strip()
        return f"{self.message} {self.hint}".strip()

    def __str__(self) -> str:
        return self.text("en")


class InputError(AppError):
    """The given file, folder or text is not what the task needs."""

    code = "input"


class UsageFault(AppError):
    """The command line lacks an option or gives some that do not go together."""

    code = "usage"
    exit_code = 2


class DicomReadError(InputError):
    """A DICOM object cannot be read or decoded."""

    code = "dicom-read"


class DeidentifyError(InputError):
    """An object or a study cannot be freed of what identifies the patient; nothing is written."""

    code = "deidentify"


class GeometryError(InputError):
    """Positions and orientations do not allow what was asked."""

    code = "geometry"


class FrameOfReferenceMismatch(GeometryError):
    """Two things of different frames of reference were to be compared or overlaid."""

    code = "frame-of-reference"


class ModelPackError(InputError):
    """A model pack is not valid, not intact or not fit for the series."""

    code = "model-pack"


class HashMismatch(ModelPackError):
    """A file of a model pack is not the file that the manifest names."""

    code = "hash-mismatch"


class BundleRefused(ModelPackError):
    """A foreign model (nnU-Net, MONAI, a classifier) cannot become a pack; nothing is written."""

    code = "bundle-refused"


class PackRefused(ModelPackError):
    """The gate refuses the series for this pack."""

    code = "pack-refused"


class InferenceError(AppError):
    """A model run failed or its process died; the job can be repeated."""

    code = "inference"
    exit_code = 4


class ResultRefused(InferenceError):
    """A model ran, and the checks of its own pack refuse what came out."""

    code = "result-refused"
    exit_code = 1


class ServerFault(InferenceError):
    """A model server cannot be reached, refuses, is too slow or answers something else than asked.

    ``may_pass``: the same request may succeed a moment later (the line broke, it is starting).
    """

    code = "model-server"
    may_pass = False


class Cancelled(AppError):
    """The user cancelled the work."""

    code = "cancelled"


class EnvironmentFault(AppError):
    """The machine lacks something: disk space, display, model runtime."""

    code = "environment"
    exit_code = 4


class TooLarge(EnvironmentFault):
    """A series does not fit into the memory set aside for images; nothing was allocated.

    ``every`` is the smallest n for which each n-th slice would fit, 0 where there is none.
    """

    code = "too-large"
    every = 0


class NetworkFault(EnvironmentFault):
    """A peer cannot be reached, refuses, or stops answering; the words name the peer and why."""

    code = "network"


class PeerUnavailable(NetworkFault):
    """The peer does not answer now: the same again may succeed without any change."""

    code = "network-unavailable"


class CertificateFault(EnvironmentFault):
    """The certificate for signing PDFs cannot be used: file, password, token, dates."""

    code = "certificate"


class StoreError(EnvironmentFault):
    """The local library cannot be read or written."""

    code = "store"


class DiskFull(StoreError):
    """No space is left; nothing that was stored before is lost."""

    code = "disk-full"


class DatabaseTooNew(StoreError):
    """The library was written by a newer version of the program."""

    code = "database-too-new"


class IdentityConflict(InputError):
    """Findings, report or images belong to another study or patient."""

    code = "identity"


class InvalidTransition(AppError):
    """A decision that the state of the finding or report does not allow."""

    code = "transition"


class ReportError(AppError):
    """The report cannot be signed or changed as asked."""

    code = "report"


class StaleCheck(ReportError):
    """Report or findings changed after the check."""

    code = "stale-check"


class OpenDiscrepancies(ReportError):
    """The check found something that blocks signing and has no override."""

    code = "open-discrepancies"
    exit_code = 1


class AlreadySigned(ReportError):
    """A signed report changes only by addendum."""

    code = "already-signed"


class TemplateRefused(InputError):
    """A report template or a macro is not valid, or the change of one is not allowed."""

    code = "template"


class NotIdentified(ReportError):
    """Account, password or session do not show who this is; ``locked``: too many failures."""

    code = "not-identified"
    locked = False


class NotPermitted(ReportError):
    """The role of this person does not allow it."""

    code = "not-permitted"


class DoubtfulClock(ReportError):
    """The clock went back or differs from the time server, and no reason was given."""

    code = "clock"


class AccountError(InputError):
    """An account cannot be made or changed as asked."""

    code = "account"


class UnsupportedLanguage(InputError):
    """The report is written in a language that the check does not know."""

    code = "language"
