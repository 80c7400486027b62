"""A whole study without what identifies its patient: images, and the reviewed SEG and SR."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from app.core.errors import DeidentifyError, DicomReadError, IdentityConflict, InputError
from app.core.report import Message
from app.core.study import Instance, Series, Study
from app.dicom.deid.burned_in_look import BurnedIn, look
from app.dicom.deid.burned_in_text import TextBox
from app.dicom.deid.codestream import clean_streams
from app.dicom.deid.deidentify import Deidentifier, identity_from
from app.dicom.deid.options import DeidentifyOptions
from app.dicom.deid.pixels import blacked_out, clear_unused_bits
from app.dicom.deid.refusal import is_known_syntax, refusing_damage
from app.dicom.deid.words import Identifiers
from app.dicom.files.headers import read_dataset
from app.dicom.tolerant import quiet
from app.dicom.writing.authoring import write_dataset
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.workflow.deid_key import KEY_NAME, load_key
from app.workflow.deid_statement import DoneFile, DoneSeries, LeftOut, Statement, write_statement
from app.workflow.export import export
from app.workflow.output_files import disk_faults, whole_or_not
from app.workflow.session import StudySession

_FIRST_PART: Final = 0.4
# In one series; a series of many stacks (phases of a dynamic) is looked at once in each.
_MOST_LOOKS: Final = 12
_NAMED: Final = Message(
    "A name or number of this patient was read in the pixels.",
    "В пикселях прочитаны имя или номер этого пациента.",
)


@dataclass(frozen=True, slots=True)
class DeidentifiedRequest:
    """What is to be done. ``key_file`` None: the key kept with the user's library.

    Text in pixels stops the export, unless a person accepts it (``accept_burned_in``) or has it
    blacked out (``mask_burned_in``).
    """

    options: DeidentifyOptions
    key_file: Path | None = None
    accept_burned_in: bool = False
    mask_burned_in: bool = False


@dataclass(frozen=True, slots=True)
class DeidentifiedStudy:
    """What was written, what was left out and why, and what a person should look at."""

    folder: Path
    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[Message, ...]


def export_deidentified(
    session: StudySession,
    folder: Path,
    request: DeidentifiedRequest,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> DeidentifiedStudy:
    """Write the study into ``folder``, which must not hold files; whole or not at all.

    Names of files are numbers, never of a tag. Besides the objects there are a manifest
    (``deidentification.json``) and a statement in words of what was done and what remains
    (``deidentification.txt``). Main thread or a lane of its own. Raises ``DeidentifyError`` where
    text in pixels needs a decision, ``IdentityConflict`` for a blocked study, ``InputError``,
    ``EnvironmentFault``, ``Cancelled``.
    """
    study = session.study
    if study.blocked:
        raise IdentityConflict(
            "Nothing is exported: the images contradict each other about the patient.",
            ru="Экспорт невозможен: снимки противоречат друг другу о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"The folder {folder} is not empty.",
            ru=f"Папка {folder} не пуста.",
            hint="Give a new one: files with names must not lie beside those without.",
            hint_ru="Укажите новую: файлы с именами не должны лежать рядом с обезличенными.",
        )
    token = cancel or CancelToken()
    key_file = request.key_file or session.context.store.folder / "keys" / KEY_NAME
    key = load_key(key_file, outside=folder)
    known = _known(session)
    looks = _look_at_all(session, known, part_of(progress, 0.0, _FIRST_PART), token)
    _require_decided(looks, request)
    work = _Export(session, Deidentifier(request.options, key), request, looks, known)
    with _replacing(folder) as part:
        work.write(part, part_of(progress, _FIRST_PART, 1.0), token)
        work.state(part)
    session.context.store.audit.append(
        session.context.user, "study.deidentified", study.study_instance_uid,
        {"files": str(len(work.files)), "left_out": str(len(work.left_out)),
         "methods": ",".join(code.value for code in request.options.method_codes())},
    )  # fmt: skip
    files = tuple(folder / done.name for done in work.files)
    return DeidentifiedStudy(folder, files, tuple(work.left_out), work.warnings())


@dataclass(frozen=True, slots=True)
class _Look:
    """The look at one series: of each stack, or why it could not be done."""

    number: int
    series: Series
    stacks: tuple[BurnedIn, ...] = ()
    fault: Message | None = None
    names_patient: bool = False

    @property
    def blocks(self) -> bool:
        return self.fault is not None or any(stack.blocks for stack in self.stacks)

    def boxes(self) -> dict[str, tuple[TextBox, ...]]:
        """The text found, by the SOP Instance UID of the images of the same stack."""
        found: dict[str, tuple[TextBox, ...]] = {}
        for stack, seen in zip(self.series.stacks, self.stacks, strict=bool(self.stacks)):
            for uid in {frame.instance.sop_instance_uid for frame in stack.frames}:
                found[uid] = found.get(uid, ()) + seen.boxes
        return {uid: boxes for uid, boxes in found.items() if boxes}

    def messages(self) -> list[Message]:
        """What to tell about the series."""
        told = [stack.message() for stack in self.stacks] + [self.fault]
        if self.names_patient:
            told.append(_NAMED)
        return list(dict.fromkeys(message for message in told if message is not None))


def _look_at_all(
    session: StudySession, known: Identifiers, progress: Progress, cancel: CancelToken
) -> tuple[_Look, ...]:
    looks = []
    series = session.study.series
    for n, one in enumerate(series):
        progress(n / len(series), "looking for burned-in text")
        try:
            most = max(1, min(3, _MOST_LOOKS // max(1, len(one.stacks))))
            stacks = tuple(
                look(stack.frames, one.modality, most=most, cancel=cancel) for stack in one.stacks
            )
        except DicomReadError as fault:
            unseen = Message(
                f"The pixels could not be looked at: {fault.message}",
                f"Пиксели не удалось просмотреть: {fault.ru}",
            )
            looks.append(_Look(n + 1, one, fault=unseen))
        else:
            read = [box.text for stack in stacks for box in (*stack.boxes, *stack.markers)]
            named = any(known.scrub(text) != text for text in read)
            looks.append(_Look(n + 1, one, stacks, names_patient=named))
    return tuple(looks)


def _require_decided(looks: Sequence[_Look], request: DeidentifiedRequest) -> None:
    """Text in pixels, or pixels that nobody can see, leave the house by a decision only."""
    undecided = [
        one
        for one in looks
        if one.blocks
        and not request.accept_burned_in
        and not (request.mask_burned_in and one.fault is None and any(s.boxes for s in one.stacks))
    ]
    if not undecided:
        return
    named = ", ".join(f"{one.number} ({one.series.modality})" for one in undecided)
    told = undecided[0].messages()
    why = Message(" ".join(m.en for m in told), " ".join(m.ru for m in told))
    raise DeidentifyError(
        f"Nothing is written: there may be text in the pixels of series {named}. {why.en}",
        ru=f"Ничего не записано: в пикселях серий {named} возможны надписи. {why.ru}",
        hint="Look at the images. Then black the text out with --mask-burned-in, or take the "
        "responsibility with --accept-burned-in.",
        hint_ru="Просмотрите снимки. Затем закрасьте надписи (--mask-burned-in) или примите "
        "ответственность (--accept-burned-in).",
    )


@dataclass(slots=True)
class _Export:
    """The objects of one study on their way into one folder."""

    session: StudySession
    deidentifier: Deidentifier
    request: DeidentifiedRequest
    looks: tuple[_Look, ...]
    known: Identifiers
    files: list[DoneFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    series: list[DoneSeries] = field(default_factory=list)
    texts_left: Counter[str] = field(default_factory=Counter)

    def write(self, part: Path, progress: Progress, cancel: CancelToken) -> None:
        """All objects of the study and of the review."""
        total = sum(len(one.series.instances) for one in self.looks) or 1
        done = 0
        for one in self.looks:
            folder = f"images/{one.number:02d}"
            boxes = one.boxes() if self.request.mask_burned_in else {}
            self.series.append(DoneSeries(folder, one.series.modality, one.stacks, bool(boxes)))
            for n, instance in enumerate(one.series.instances, 1):
                cancel.raise_if_cancelled()
                progress(done / total, "removing what identifies")
                done += 1
                with self._leaving_out(one.number, one.series.modality):
                    ds = read_dataset(instance.path)
                    found = boxes.get(instance.sop_instance_uid, ())
                    if found or (one.stacks and not is_known_syntax(ds)):
                        with refusing_damage():
                            ds = blacked_out(instance, found)
                    _name(ds, self.session, one.series, instance)
                    self._write(ds, part, f"{folder}/{n:05d}.dcm", masked=bool(found))
        self._write_results(part)
        if not self.files:
            raise DeidentifyError(
                "Nothing is written: no object of this study can be de-identified.",
                ru="Ничего не записано: ни один объект исследования нельзя обезличить.",
                hint=self.left_out[0].reason.en if self.left_out else "",
                hint_ru=self.left_out[0].reason.ru if self.left_out else "",
            )

    def state(self, part: Path) -> None:
        """The manifest and the statement in words."""
        pseudonyms = self.deidentifier.pseudonyms
        statement = Statement(
            options=self.request.options,
            key_fingerprint=pseudonyms.fingerprint(),
            files=tuple(self.files),
            series=tuple(self.series),
            left_out=tuple(self.left_out),
            warnings=self.warnings(),
            texts_left=tuple(sorted(self.texts_left)),
            accepted_burned_in=self.request.accept_burned_in,
        )
        write_statement(statement, part, self.session.language)

    def warnings(self) -> tuple[Message, ...]:
        """One sentence per doubt, with the number of the series."""
        return tuple(
            Message(
                f"Series {one.number} ({one.series.modality}): {message.en}",
                f"Серия {one.number} ({one.series.modality}): {message.ru}",
            )
            for one in self.looks
            for message in one.messages()
        )

    def _write_results(self, part: Path) -> None:
        session = self.session
        if not session.findings and not session.is_signed:
            return
        with tempfile.TemporaryDirectory(prefix="deid-", dir=_workspace(session)) as scratch:
            for path in export(session, Path(scratch), ("seg", "sr")):
                with self._leaving_out(0, path.stem):
                    self._write(read_dataset(path), part, f"results/{path.name}", masked=False)

    def _write(self, ds: Dataset, part: Path, name: str, *, masked: bool) -> None:
        with refusing_damage():
            clear_unused_bits(ds)
            clean_streams(ds)
        out, report = self.deidentifier.apply(
            ds,
            identity=_identity(self.session.study),
            known=self.known,
            pixels_cleaned=masked,
        )
        path = part / name
        try:
            with whole_or_not(path.with_suffix(".part")), refusing_damage(), quiet():
                write_dataset(out, path)
        finally:
            path.with_suffix(".part").unlink(missing_ok=True)
        self.texts_left.update(report.texts_left)
        self.files.append(DoneFile(name, str(out.SOPClassUID), report))

    @contextmanager
    def _leaving_out(self, number: int, kind: str) -> Iterator[None]:
        try:
            yield
        except (DeidentifyError, DicomReadError) as fault:
            self.left_out.append(LeftOut(number, kind, Message(fault.message, fault.ru)))


def _known(session: StudySession) -> Identifiers:
    """Words that identify, from the first object of each series and from the session."""
    known = Identifiers.in_text(session.context.user)
    known |= Identifiers.in_text(session.study.patient.name)
    for series in session.study.series:
        for instance in series.instances[:1]:
            with suppress(DicomReadError):
                known |= Identifiers.of(read_dataset(instance.path, pixels=False))
    return known


def _identity(study: Study) -> tuple[str, ...]:
    """From the study and not from each header: one pseudonym for all of its objects."""
    patient = study.patient
    birth_date = patient.birth_date.replace("-", "")
    return identity_from(patient.id, patient.name, birth_date, study.study_instance_uid)


def _name(ds: Dataset, session: StudySession, series: Series, instance: Instance) -> None:
    """The identifiers under which the review knows the object: some files leave theirs empty."""
    uids = {
        "StudyInstanceUID": session.study.study_instance_uid,
        "SeriesInstanceUID": series.series_instance_uid,
        "SOPInstanceUID": instance.sop_instance_uid,
    }
    for keyword, uid in uids.items():
        if keyword in ds:
            delattr(ds, keyword)  # a malformed value cannot be assigned to
        ds.add_new(keyword, "UI", uid)


def _workspace(session: StudySession) -> Path:
    folder = session.context.workspace
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder`` that takes its place at the end, or goes."""
    part = folder.with_name(f"{folder.name}.part")
    with disk_faults(part):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    try:
        yield part
        with disk_faults(folder):
            if folder.exists():
                folder.rmdir()
            part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
