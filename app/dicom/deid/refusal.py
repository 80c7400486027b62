"""Which objects cannot be de-identified at all, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from app.core.errors import DeidentifyError
from app.dicom.tolerant import MALFORMED, uid_name

_STANDARD: Final = "1.2.840.10008."
# Content that this cannot look into.
_CLOSED_KINDS: Final = (
    "Encapsulated", "Raw Data", "Voice Audio", "General Audio", "Video", "Media Storage Directory",
)  # fmt: skip


def sop_class_of(ds: Dataset) -> str:
    """The SOP class by the dataset, else by the file's head; empty where neither says."""
    meta = getattr(ds, "file_meta", None)
    return str(ds.get("SOPClassUID") or (meta or {}).get("MediaStorageSOPClassUID") or "")


def require_open(ds: Dataset) -> None:
    """Raise ``DeidentifyError`` for content that is closed, or an object that cannot be written."""
    sop_class = sop_class_of(ds)
    kind = uid_name(sop_class) if sop_class else ""
    is_standard = sop_class.startswith(_STANDARD)  # also one that pydicom does not know yet
    if not is_standard or any(closed in kind for closed in _CLOSED_KINDS):
        what = kind.removesuffix(" Storage") if kind != sop_class else ""
        raise _refused(
            f"An object of this kind cannot be de-identified: {what or 'unknown'}.",
            f"Объект этого вида нельзя обезличить: {what or 'неизвестен'}.",
        )
    if not is_known_syntax(ds):
        raise _refused(
            "Its transfer syntax cannot be written.", "Запись в его синтаксисе невозможна."
        )
    if not ds.get("SOPInstanceUID"):
        raise _refused("It has no identifier of its own.", "У объекта нет идентификатора.")


@contextmanager
def refusing_damage() -> Iterator[None]:
    """What a damaged object makes the library raise, as ``DeidentifyError``."""
    try:
        yield
    except MALFORMED as fault:
        raise _refused("The object is damaged.", "Объект повреждён.") from fault


def is_known_syntax(ds: Dataset) -> bool:
    """Whether the object can be written in the transfer syntax in which it was read."""
    syntax = UID(str(ds.file_meta.get("TransferSyntaxUID", "")))
    return bool(syntax.is_transfer_syntax) and not syntax.is_private


def _refused(en: str, ru: str) -> DeidentifyError:
    return DeidentifyError(
        en,
        ru=ru,
        hint="It is left out: what it holds cannot be looked into.",
        hint_ru="Он не включён: его содержимое нельзя проверить.",
    )
