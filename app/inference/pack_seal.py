"""Making the one file to hand around: ``NAME.overreadpack``, a ZIP with true hashes.

The same folder gives the same bytes. Nothing but the list of files is changed on the way: what was
measured on other weights (calibration, operating points) then no longer fits and is refused.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.core.errors import InputError, ModelPackError
from app.inference.graph_check import require_graph
from app.inference.installed_pack import hash_mismatch, sha256_of
from app.inference.manifest import MANIFEST_MAX_BYTES, MANIFEST_NAME, ModelPack, parse_manifest
from app.inference.pack_archive import unpack
from app.inference.pack_signature import SIGNATURE_NAME, sign

SUFFIX: Final = ".overreadpack"
_CHUNK: Final = 1 << 20
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_ROLES: Final = {"card": "card", "licen": "licence", "notice": "notice", "golden/": "golden"}


@dataclass(frozen=True, slots=True)
class SealedPack:
    """A written pack file; ``sha256`` is that of the whole file, ``key_id`` who signed it."""

    pack: ModelPack
    path: Path
    sha256: str
    key_id: str = ""


def pack_folder(folder: Path, out: Path, *, key_file: Path | None = None) -> SealedPack:
    """Seal the pack in ``folder`` into the file ``out``, signed where a key is given.

    The folder is not changed. What was written is unpacked again and checked before it gets its
    name. Raises ``ModelPackError``, ``InputError``.
    """
    return _write_pack(folder, sealed_manifest(folder), out, key_file)


def sign_file(file: Path, out: Path, key_file: Path) -> SealedPack:
    """Sign a pack file; its manifest stays as it is to the byte. Raises as ``pack_folder``."""
    with tempfile.TemporaryDirectory(prefix="overread-") as place:
        folder = Path(place)
        unpack(file, folder)
        return _write_pack(folder, (folder / MANIFEST_NAME).read_bytes(), out, key_file)


def _write_pack(folder: Path, manifest: bytes, out: Path, key_file: Path | None) -> SealedPack:
    pack = parse_manifest(manifest)
    signature = sign(manifest, key_file) if key_file is not None else None
    partial = out.with_name(out.name + ".partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            _write(archive, MANIFEST_NAME, manifest)
            if signature is not None:
                _write(archive, SIGNATURE_NAME, signature)
            for entry in pack.files:
                _copy(archive, entry.path, folder / entry.path)
        with tempfile.TemporaryDirectory(prefix="overread-") as place:
            unpack(partial, Path(place))
            for entry in pack.files:
                if sha256_of(Path(place) / entry.path) != entry.sha256:
                    raise hash_mismatch(pack.id, entry.path)
            _require_graphs(pack, Path(place))
        partial.replace(out)
    except OSError as error:
        raise InputError(
            f"The pack cannot be written to {out}.",
            ru=f"Пакет нельзя записать в {out}.",
            hint="Check the free space and the rights.",
            hint_ru="Проверьте свободное место и права.",
            technical_detail=str(error.strerror),
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    key_id = json.loads(signature)["key_id"] if signature else ""
    return SealedPack(pack, out, sha256_of(out), key_id)


def sealed_manifest(folder: Path) -> bytes:
    """The manifest of ``folder`` with the files that really lie there. ``ModelPackError``."""
    try:
        content = (folder / MANIFEST_NAME).read_bytes()[: MANIFEST_MAX_BYTES + 1]
        data = json.loads(content.decode("utf-8-sig")) if len(content) <= MANIFEST_MAX_BYTES else 0
    except OSError as error:
        raise InputError(
            f"{folder} holds no manifest.json.",
            ru=f"В {folder} нет manifest.json.",
            hint="Give the folder of a model pack.",
            hint_ru="Укажите папку пакета модели.",
        ) from error
    except ValueError:
        data = None
    if not isinstance(data, dict):
        data = {}
        parse_manifest(content)  # says in words what is wrong
    listed = data.get("files")
    rows = listed if isinstance(listed, list) else []
    roles = {row.get("path"): row.get("role") for row in rows if isinstance(row, dict)}
    onnx = data.get("onnx")
    weights = onnx.get("file") if isinstance(onnx, dict) else None
    files: list[dict[str, Any]] = []
    for name, path in _files(folder):
        sha256, size = sha256_of(path), path.stat().st_size
        role = roles.get(name) or ("weights" if name == weights else _role(name))
        files.append({"path": name, "sha256": sha256, "bytes": size, "role": role})
    data["files"] = files
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _require_graphs(pack: ModelPack, folder: Path) -> None:
    for name in pack.model_files:
        require_graph(pack, (folder / name).read_bytes())


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Every plain file of the pack but manifest and signature, by name."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink():
            raise ModelPackError(
                f'"{name}" is a link; a pack holds plain files only.',
                ru=f"«{name}» — ссылка; в пакете бывают только обычные файлы.",
                hint="Put the file itself into the folder.",
                hint_ru="Положите в папку сам файл.",
            )
        if path.is_file() and name not in (MANIFEST_NAME, SIGNATURE_NAME):
            found.append((name, path))
    return found


def _role(name: str) -> str:
    low = name.lower()
    return next((role for word, role in _ROLES.items() if low.startswith(word)), "other")


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    return info


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_entry(name), content)


def _copy(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    with path.open("rb") as source, archive.open(_entry(name), "w", force_zip64=True) as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
