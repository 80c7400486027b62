"""Installed model packs: built-in ones and those of the user, found, verified, added, removed.

Listing reads manifests only; onnxruntime is not imported here. Weights are hashed again each time
the worker loads them, so ``installed`` makes no promise about them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import EnvironmentFault, HashMismatch, ModelPackError
from app.core.report import Message
from app.inference.manifest import MANIFEST_MAX_BYTES, MANIFEST_NAME, ModelPack, parse_manifest
from app.inference.manifest_parts import PackFile
from app.inference.pack_archive import unpack

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class InstalledPack:
    """A pack on disk; ``manifest_sha256`` is the hash of the manifest's bytes."""

    pack: ModelPack
    folder: Path
    built_in: bool
    manifest_sha256: str

    @property
    def weights_path(self) -> Path:
        """The ONNX file."""
        return self.folder / self.pack.graph.file

    def read_manifest(self) -> bytes:
        """The bytes of the manifest, proven to be those that were parsed; ``HashMismatch``."""
        try:
            content = (self.folder / MANIFEST_NAME).read_bytes()
        except OSError as error:
            raise _unreadable(self.pack.id, MANIFEST_NAME, error) from error
        if hashlib.sha256(content).hexdigest() != self.manifest_sha256:
            raise hash_mismatch(self.pack.id, MANIFEST_NAME)
        return content

    def read_weights(self) -> bytes:
        """The bytes of the ONNX file, proven to be those of the manifest.

        Raises ``HashMismatch``. The session is made from these very bytes, so nothing can be
        exchanged between check and use.
        """
        return self.read_model(self.pack.graph.file)

    def read_model(self, path: str) -> bytes:
        """The bytes of one of ``pack.model_files``, proven as ``read_weights``."""
        entry = next(file for file in self.pack.files if file.path == path)
        try:
            content = (self.folder / path).read_bytes()
        except OSError as error:
            raise _unreadable(self.pack.id, entry.path, error) from error
        if len(content) != entry.bytes or hashlib.sha256(content).hexdigest() != entry.sha256:
            raise hash_mismatch(self.pack.id, entry.path)
        return content


@dataclass(frozen=True, slots=True)
class PackFault:
    """Something of a pack that is not intact."""

    pack_id: str
    file: str
    reason: Message


class PackStore:
    """The packs of this installation: ``built_in/<id>`` and ``user/<id>``."""

    def __init__(self, built_in: Path, user: Path) -> None:
        self._built_in = built_in
        self._user = user

    def installed(self) -> tuple[InstalledPack, ...]:
        """Packs whose manifest is valid, by id; a built-in pack hides a user's of the same id."""
        packs, _ = self._read_all()
        return packs

    def get(self, pack_id: str) -> InstalledPack:
        """The pack with this id; ``ModelPackError`` naming the installed ones."""
        packs, faults = self._read_all()
        for installed in packs:
            if installed.pack.id == pack_id:
                return installed
        for fault in faults:
            if fault.pack_id == pack_id:
                raise ModelPackError(
                    f'The model pack "{pack_id}" is not intact: {fault.reason.en}',
                    ru=f"Пакет модели «{pack_id}» повреждён: {fault.reason.ru}",
                    hint="Remove it and add it again.",
                    hint_ru="Удалите его и добавьте снова.",
                )
        names = ", ".join(installed.pack.id for installed in packs) or "none"
        raise ModelPackError(
            f'There is no model pack "{pack_id}".',
            ru=f"Пакета модели «{pack_id}» нет.",
            hint=f"Installed: {names}.",
            hint_ru=f"Установлены: {names}.",
        )

    def verify(self, pack_id: str | None = None) -> tuple[PackFault, ...]:
        """Hash every file of every pack (or of one) and name what is not as in the manifest."""
        packs, faults = self._read_all()
        found = [fault for fault in faults if pack_id in (None, fault.pack_id)]
        chosen = [p for p in packs if pack_id in (None, p.pack.id)]
        if pack_id is not None and not found and not chosen:
            self.get(pack_id)
        for installed in chosen:
            found += [
                fault
                for entry in installed.pack.files
                if (fault := _file_fault(installed, entry)) is not None
            ]
        return tuple(found)

    def add(self, archive: Path) -> InstalledPack:
        """Install a pack file (ZIP) for this user.

        Raises ``ModelPackError`` (``HashMismatch`` for a changed file); then nothing of it stays.
        """
        temporary = self._temporary_folder()
        try:
            pack = unpack(archive, temporary)
            for entry in pack.files:
                if _sha256(temporary / entry.path) != entry.sha256:
                    raise hash_mismatch(pack.id, entry.path)
            present = next((p for p in self.installed() if p.pack.id == pack.id), None)
            if present is not None and present.built_in:
                raise ModelPackError(
                    f'The model pack "{pack.id}" comes with the program.',
                    ru=f"Пакет модели «{pack.id}» входит в состав программы.",
                    hint="Give the pack another id in its manifest.",
                    hint_ru="Дайте пакету другой id в его манифесте.",
                )
            if present is not None:
                raise ModelPackError(
                    f'A model pack "{pack.id}" is installed already.',
                    ru=f"Пакет модели «{pack.id}» уже установлен.",
                    hint=f"Remove it first: overread packs remove {pack.id}",
                    hint_ru=f"Сначала удалите его: overread packs remove {pack.id}",
                )
            target = self._user / pack.id
            if target.exists():  # the remains of a pack whose manifest is broken
                shutil.rmtree(target)
            temporary.chmod(0o755)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return self.get(pack.id)

    def _temporary_folder(self) -> Path:
        try:
            self._user.mkdir(parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(prefix=".adding-", dir=self._user))
        except OSError as error:
            raise EnvironmentFault(
                "The folder for model packs cannot be written.",
                ru="В папку пакетов моделей нельзя записать.",
                hint="Check the free space and the rights of the data folder.",
                hint_ru="Проверьте свободное место и права на папку данных.",
                technical_detail=str(error.strerror),
            ) from error

    def remove(self, pack_id: str) -> None:
        """Delete a pack of the user, broken or not; built-in ones are refused."""
        for folder in _pack_folders(self._user):
            if pack_id in (folder.name, _id_in(folder)):
                shutil.rmtree(folder)
                return
        installed = self.get(pack_id)
        raise ModelPackError(
            f'"{installed.pack.id}" comes with the program and cannot be removed.',
            ru=f"«{installed.pack.id}» входит в состав программы, удалить его нельзя.",
        )

    def _read_all(self) -> tuple[tuple[InstalledPack, ...], tuple[PackFault, ...]]:
        packs: dict[str, InstalledPack] = {}
        faults: list[PackFault] = []
        for root, built_in in ((self._built_in, True), (self._user, False)):
            for folder in _pack_folders(root):
                try:
                    installed = _read(folder, built_in=built_in)
                except ModelPackError as error:
                    reason = Message(error.message, error.ru)
                    faults.append(PackFault(_id_in(folder), MANIFEST_NAME, reason))
                else:
                    packs.setdefault(installed.pack.id, installed)
        return tuple(packs[key] for key in sorted(packs)), tuple(faults)


def _pack_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [
        folder
        for folder in sorted(root.iterdir())
        if not folder.name.startswith(".") and (folder / MANIFEST_NAME).is_file()
    ]


def _read(folder: Path, *, built_in: bool) -> InstalledPack:
    try:
        with (folder / MANIFEST_NAME).open("rb") as file:
            content = file.read(MANIFEST_MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(folder.name, MANIFEST_NAME, error) from error
    return InstalledPack(
        parse_manifest(content), folder, built_in, hashlib.sha256(content).hexdigest()
    )


def _id_in(folder: Path) -> str:
    """The id that a manifest gives, valid or not; else the name of its folder."""
    try:
        data = json.loads((folder / MANIFEST_NAME).read_bytes()[:MANIFEST_MAX_BYTES])
    except (OSError, ValueError):
        return folder.name
    pack_id = data.get("id") if isinstance(data, dict) else None
    return pack_id if isinstance(pack_id, str) and pack_id else folder.name


def _file_fault(installed: InstalledPack, entry: PackFile) -> PackFault | None:
    path = installed.folder / entry.path
    if not path.is_file():
        reason = Message("The file is missing.", "Файла нет.")
    else:
        try:
            if path.stat().st_size == entry.bytes and _sha256(path) == entry.sha256:
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
    return PackFault(installed.pack.id, entry.path, reason)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def hash_mismatch(pack_id: str, path: str) -> HashMismatch:
    """The error for a file that is not the one of the manifest."""
    return HashMismatch(
        f'The file "{path}" of the model pack "{pack_id}" is not the one that its manifest names; '
        "the pack is not used.",
        ru=f"Файл «{path}» пакета модели «{pack_id}» не тот, что назван в манифесте; "
        "пакет не используется.",
        hint="Install the pack again from its source.",
        hint_ru="Установите пакет заново из его источника.",
    )


def _unreadable(pack_id: str, path: str, error: OSError) -> ModelPackError:
    return ModelPackError(
        f'The file "{path}" of the model pack "{pack_id}" cannot be read.',
        ru=f"Файл «{path}» пакета модели «{pack_id}» не читается.",
        hint="Install the pack again from its source.",
        hint_ru="Установите пакет заново из его источника.",
        technical_detail=str(error.strerror),
    )
