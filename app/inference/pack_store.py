"""Installed model packs: built-in ones and those of the user, found, verified, added, removed.

Listing reads manifests only; onnxruntime is not imported here. Weights are hashed again each time
the worker loads them, so ``installed`` makes no promise about them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.errors import EnvironmentFault, ModelPackError
from app.core.report import Message
from app.inference.graph_check import require_graph
from app.inference.installed_pack import InstalledPack as InstalledPack
from app.inference.installed_pack import hash_mismatch, sha256_of, unreadable
from app.inference.manifest import MANIFEST_MAX_BYTES, MANIFEST_NAME, ModelPack, parse_manifest
from app.inference.pack_archive import unpack
from app.inference.pack_faults import PackFault as PackFault
from app.inference.pack_faults import file_fault, graph_faults
from app.inference.pack_policy import PackMode, PackPolicy
from app.inference.pack_signature import SIGNATURE_MAX_BYTES, SIGNATURE_NAME, check_signature

TryOut = Callable[[InstalledPack], object]


class PackStore:
    """The packs of this installation: ``built_in/<id>`` and ``user/<id>@<version>``.

    Versions of one pack stand side by side; one of them is in use: the one that the settings name,
    else the built-in one, else the highest. Others run in the shadow where the settings say so.
    """

    def __init__(self, built_in: Path, user: Path, policy: PackPolicy | None = None) -> None:
        self._built_in = built_in
        self._user = user
        self._policy = policy or PackPolicy()

    def use_policy(self, policy: PackPolicy) -> None:
        """Another word of the administrator, from the next question on; any thread."""
        self._policy = policy

    def installed(self) -> tuple[InstalledPack, ...]:
        """The packs in use, by id: whose manifest is valid and that are not switched off."""
        found = (self._in_use(versions) for versions in self._by_id().values())
        return tuple(one for one in found if one is not None)

    def versions(self) -> tuple[InstalledPack, ...]:
        """Every version of every pack whose manifest is valid, by id and version."""
        return tuple(one for versions in self._by_id().values() for one in versions)

    def shadows(self) -> tuple[InstalledPack, ...]:
        """Those that run without being shown."""
        return tuple(one for one in self.versions() if self.mode(one) == "shadow")

    def mode(self, installed: InstalledPack) -> PackMode:
        """Whether a version is on, in the shadow or off, as the settings say."""
        choice = self._policy.choice(installed.pack.id, installed.pack.version)
        return choice.mode if choice else "on"

    def is_in_use(self, installed: InstalledPack) -> bool:
        """Whether this is the version that answers to its bare id."""
        return any(one.key == installed.key for one in self.installed())

    def get(self, name: str) -> InstalledPack:
        """``id`` (the version in use, else the highest) or ``id@version``.

        Raises ``ModelPackError`` naming the installed ones.
        """
        packs, faults = self._read_all()
        pack_id, _, version = name.partition("@")
        own = [one for one in packs if one.pack.id == pack_id]
        if version:
            own = [one for one in own if one.pack.version == version]
        chosen = self._in_use(own) if not version else None
        if own:
            return chosen or own[-1]
        for fault in faults:
            if fault.pack_id == pack_id:
                raise ModelPackError(
                    f'The model pack "{pack_id}" is not intact: {fault.reason.en}',
                    ru=f"Пакет модели «{pack_id}» повреждён: {fault.reason.ru}",
                    hint="Remove it and add it again.",
                    hint_ru="Удалите его и добавьте снова.",
                )
        names = ", ".join(sorted({one.key if version else one.pack.id for one in packs})) or "none"
        raise ModelPackError(
            f'There is no model pack "{name}".',
            ru=f"Пакета модели «{name}» нет.",
            hint=f"Installed: {names}.",
            hint_ru=f"Установлены: {names}.",
        )

    def of_run(self, pack_id: str, version: str) -> InstalledPack:
        """The pack that made a result: its version where it is still there, else that in use."""
        for one in self.versions():
            if (one.pack.id, one.pack.version) == (pack_id, version):
                return one
        return self.get(pack_id)

    def verify(self, name: str | None = None, *, graphs: bool = True) -> tuple[PackFault, ...]:
        """Hash every file and read every graph of every pack (or of one, or one version), and name
        what is not as in the manifest. Nothing is executed. ``graphs`` False: files only, at once.
        """
        packs, faults = self._read_all()
        pack_id, _, version = (name or "").partition("@")
        found = [fault for fault in faults if pack_id in ("", fault.pack_id)]
        chosen = [
            one
            for one in packs
            if pack_id in ("", one.pack.id) and version in ("", one.pack.version)
        ]
        if name is not None and not found and not chosen:
            self.get(name)
        for installed in chosen:
            faulty = [
                fault
                for entry in installed.pack.files
                if (fault := file_fault(installed, entry)) is not None
            ]
            found += faulty or (graph_faults(installed) if graphs else [])
        return tuple(found)

    def add(self, archive: Path, try_out: TryOut | None = None) -> InstalledPack:
        """Install a pack file (``.overreadpack``, a ZIP) for this user.

        Everything is checked before anything is loaded: archive, manifest, hashes, signature,
        graphs. Then ``try_out`` runs its sample; what it raises stops the installation. Raises
        ``ModelPackError`` (``HashMismatch`` for a changed file); then nothing of it stays.
        """
        temporary = self._temporary_folder()
        try:
            pack = unpack(archive, temporary)
            for entry in pack.files:
                if sha256_of(temporary / entry.path) != entry.sha256:
                    raise hash_mismatch(pack.id, entry.path)
            installed = self._read(temporary, built_in=False)
            self._require_new(installed)
            for name in pack.model_files:
                require_graph(pack, installed.read_model(name))
            if try_out is not None:
                try_out(installed)
            target = self._user / installed.key
            if target.exists():  # the remains of a pack whose manifest is broken
                shutil.rmtree(target)
            temporary.chmod(0o755)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return self.get(installed.key)

    def _require_new(self, installed: InstalledPack) -> None:
        present = next((one for one in self.versions() if one.key == installed.key), None)
        if present is not None and present.built_in:
            raise ModelPackError(
                f'The model pack "{installed.key}" comes with the program.',
                ru=f"Пакет модели «{installed.key}» входит в состав программы.",
                hint="Give the pack another version or another id in its manifest.",
                hint_ru="Дайте пакету другую версию или другой id в его манифесте.",
            )
        if present is not None:
            raise ModelPackError(
                f'The model pack "{installed.key}" is installed already.',
                ru=f"Пакет модели «{installed.key}» уже установлен.",
                hint=f"Remove it first: overread packs remove {installed.key}",
                hint_ru=f"Сначала удалите его: overread packs remove {installed.key}",
            )

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

    def remove(self, name: str) -> None:
        """Delete a pack of the user, broken or not, by ``id`` or ``id@version``.

        Built-in ones are refused, and a bare id where it does not say which of several versions.
        """
        own = [
            folder
            for folder in _pack_folders(self._user)
            if name in (folder.name, _id_in(folder), _key_in(folder))
        ]
        if len(own) > 1:
            keys = ", ".join(sorted(map(_key_in, own)))
            raise ModelPackError(
                f'Several versions of "{name}" are installed.',
                ru=f"Установлено несколько версий «{name}».",
                hint=f"Name one of them: {keys}.",
                hint_ru=f"Назовите одну из них: {keys}.",
            )
        if own:
            shutil.rmtree(own[0])
            return
        installed = self.get(name)
        raise ModelPackError(
            f'"{installed.pack.id}" comes with the program and cannot be removed.',
            ru=f"«{installed.pack.id}» входит в состав программы, удалить его нельзя.",
        )

    def _in_use(self, versions: Sequence[InstalledPack]) -> InstalledPack | None:
        """The one of several versions (in ascending order) that runs; None: none of them."""
        able = [one for one in versions if self.mode(one) == "on"]
        if not able:
            return None
        wanted = self._policy.chosen_version(able[0].pack.id)
        named = [one for one in able if one.pack.version == wanted]
        own = [one for one in able if one.built_in]
        return (named or own or able)[-1]

    def _by_id(self) -> dict[str, list[InstalledPack]]:
        found: dict[str, list[InstalledPack]] = {}
        for one in self._read_all()[0]:
            found.setdefault(one.pack.id, []).append(one)
        return found

    def _read_all(self) -> tuple[tuple[InstalledPack, ...], tuple[PackFault, ...]]:
        packs: dict[str, InstalledPack] = {}
        faults: list[PackFault] = []
        for root, built_in in ((self._built_in, True), (self._user, False)):
            for folder in _pack_folders(root):
                try:
                    installed = self._read(folder, built_in=built_in)
                except ModelPackError as error:
                    reason = Message(error.message, error.ru)
                    faults.append(PackFault(_id_in(folder), MANIFEST_NAME, reason))
                else:
                    packs.setdefault(installed.key, installed)
        ordered = sorted(packs.values(), key=lambda one: (one.pack.id, version_key(one.pack)))
        return tuple(ordered), tuple(faults)

    def _read(self, folder: Path, *, built_in: bool) -> InstalledPack:
        """A pack with a valid manifest, and a signature where the policy wants one."""
        try:
            with (folder / MANIFEST_NAME).open("rb") as file:
                content = file.read(MANIFEST_MAX_BYTES + 1)
        except OSError as error:
            raise unreadable(folder.name, MANIFEST_NAME, error) from error
        pack = parse_manifest(content)
        signed_by = ""
        if not built_in:
            checked = check_signature(
                content,
                _signature_in(folder),
                self._policy.trusted_keys,
                required=self._policy.require_signed,
            )
            signed_by = checked.key_id if checked.trusted else ""
        return InstalledPack(pack, folder, built_in, hashlib.sha256(content).hexdigest(), signed_by)


def version_key(pack: ModelPack) -> tuple[tuple[int, ...], bool, str]:
    """Ascending order of versions; a pre-release comes before its release."""
    numbers, _, suffix = pack.version.partition("-")
    return tuple(map(int, numbers.split("."))), not suffix, suffix


def _pack_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [
        folder
        for folder in sorted(root.iterdir())
        if not folder.name.startswith(".") and (folder / MANIFEST_NAME).is_file()
    ]


def _signature_in(folder: Path) -> bytes | None:
    try:
        with (folder / SIGNATURE_NAME).open("rb") as file:
            return file.read(SIGNATURE_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(folder.name, SIGNATURE_NAME, error) from error


def _id_in(folder: Path) -> str:
    """The id that a manifest gives, valid or not; else the name of its folder."""
    return _word_in(folder, "id") or folder.name


def _key_in(folder: Path) -> str:
    """``id@version`` that a manifest gives, valid or not; else the name of its folder."""
    pack_id, version = _word_in(folder, "id"), _word_in(folder, "version")
    return f"{pack_id}@{version}" if pack_id and version else folder.name


def _word_in(folder: Path, key: str) -> str:
    try:
        data = json.loads((folder / MANIFEST_NAME).read_bytes()[:MANIFEST_MAX_BYTES])
    except (OSError, ValueError):
        return ""
    word = data.get(key) if isinstance(data, dict) else None
    return word if isinstance(word, str) else ""
