"""What of a pack is not as its manifest says. Nothing is executed."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import ModelPackError
from app.core.report import Message
from app.inference.graph_check import require_graph
from app.inference.installed_pack import InstalledPack, sha256_of
from app.inference.manifest_parts import PackFile


@dataclass(frozen=True, slots=True)
class PackFault:
    """Something of a pack that is not intact; ``version`` is empty where it cannot be read."""

    pack_id: str
    file: str
    reason: Message
    version: str = ""


def graph_faults(installed: InstalledPack) -> list[PackFault]:
    """Graphs that are intact as files and still not what the manifest says of them."""
    found = []
    for name in installed.pack.model_files:
        try:
            require_graph(installed.pack, installed.read_model(name))
        except ModelPackError as error:
            reason = Message(error.message, error.ru)
            found.append(PackFault(installed.pack.id, name, reason, installed.pack.version))
    return found


def file_fault(installed: InstalledPack, entry: PackFile) -> PackFault | None:
    """What is wrong with one file, or None."""
    path = installed.folder / entry.path
    if not path.is_file():
        reason = Message("The file is missing.", "Файла нет.")
    else:
        try:
            if path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256:
                return None
            reason = Message(
                "The file is not the one that the manifest names.",
                "Это не тот файл, который назван в манифесте.",
            )
        except OSError as error:
            reason = Message(
                f"The file cannot be read ({error.strerror}).",
                f"Файл не читается ({error.strerror}).",
            )
    return PackFault(installed.pack.id, entry.path, reason, installed.pack.version)
