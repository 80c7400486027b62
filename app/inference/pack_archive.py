"""Unpacking a pack file: only what its manifest lists, never outside its folder, never too much."""

from __future__ import annotations

import errno
import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from app.core.errors import DiskFull, ModelPackError
from app.inference.manifest import MANIFEST_MAX_BYTES, MANIFEST_NAME, ModelPack, parse_manifest
from app.inference.pack_signature import SIGNATURE_MAX_BYTES, SIGNATURE_NAME

_MAX_ENTRIES = 400
_MAX_BYTES = 8 << 30
_CHUNK = 1 << 20
# Deflate cannot do more than about 1,030 to 1; weights and images do not reach 3 to 1.
_MAX_RATIO = 100
_RATIO_MATTERS_FROM = 100 << 20
_BAD_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip


def unpack(archive: Path, folder: Path) -> ModelPack:
    """Write the files of a pack into the empty ``folder``; the caller checks their hashes.

    Sizes are those of the manifest: a file that holds more is refused while it is being read, so
    a compression bomb costs at most what its manifest admits. Raises ``ModelPackError``.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            return _unpack(source, folder, archive.stat().st_size)
    except FileNotFoundError as error:
        raise _refused("the file is not there", "файла нет") from error
    except _BAD_ARCHIVE as error:
        raise _refused("it is not an intact ZIP", "это не целый ZIP", str(error)) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(
                "The disk is full; the model pack was not added.",
                ru="Диск заполнен; пакет модели не добавлен.",
                hint="Free some space and try again.",
                hint_ru="Освободите место и повторите.",
            ) from error
        raise _refused("it cannot be read", "он не читается", str(error)) from error


def _unpack(source: zipfile.ZipFile, folder: Path, packed_size: int) -> ModelPack:
    entries = [info for info in source.infolist() if not info.is_dir()]
    if len(entries) > _MAX_ENTRIES:
        raise _refused("it holds too many files", "в нём слишком много файлов")
    for info in entries:
        _require_plain(info)
    prefix = _prefix(entries)
    by_name = {info.filename.removeprefix(prefix): info for info in entries}
    if len(by_name) != len(entries):
        raise _refused("it holds a name twice", "в нём повторяется имя файла")

    manifest = _read(source, by_name[MANIFEST_NAME], MANIFEST_MAX_BYTES)
    pack = parse_manifest(manifest)
    sizes = {entry.path: entry.bytes for entry in pack.files}
    _require_reasonable(sum(sizes.values()), packed_size, folder)
    strangers = sorted(set(by_name) - set(sizes) - {MANIFEST_NAME, SIGNATURE_NAME})
    if strangers:
        raise _refused(f'it holds "{strangers[0]}", which its manifest does not list',
                       f"в нём есть «{strangers[0]}», чего нет в манифесте")  # fmt: skip
    missing = sorted(set(sizes) - set(by_name))
    if missing:
        raise _refused(f'"{missing[0]}" is missing', f"нет файла «{missing[0]}»")

    (folder / MANIFEST_NAME).write_bytes(manifest)
    if SIGNATURE_NAME in by_name:
        signature = _read(source, by_name[SIGNATURE_NAME], SIGNATURE_MAX_BYTES)
        (folder / SIGNATURE_NAME).write_bytes(signature)
    for name, size in sizes.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open(by_name[name]) as packed, target.open("wb") as file:
            written = 0
            while chunk := packed.read(_CHUNK):
                written += len(chunk)
                if written > size:
                    break
                file.write(chunk)
        if written != size:
            raise _refused(f'"{name}" does not have the size that the manifest gives',
                           f"размер «{name}» не тот, что в манифесте")  # fmt: skip
    return pack


def _require_reasonable(total: int, packed_size: int, folder: Path) -> None:
    """Neither more than any pack holds, nor a compression bomb, nor more than the disk takes."""
    if total > _MAX_BYTES:
        raise _refused("it is larger than 8 GB", "он больше 8 ГБ")
    if total > _RATIO_MATTERS_FROM and total > _MAX_RATIO * packed_size:
        raise _refused("it claims to unpack to far more than it holds",
                       "распакованным он был бы несоразмерно велик")  # fmt: skip
    if total > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, "no space left for the pack")


def _require_plain(info: zipfile.ZipInfo) -> None:
    """Refuse paths that leave the folder, links, encrypted entries."""
    name = info.filename
    path = PurePosixPath(name)
    mode = info.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise _refused("it holds a path that leads out of its folder",
                       "в нём есть путь за пределы его папки")  # fmt: skip
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _refused("it holds something that is not a plain file",
                       "в нём есть не обычный файл")  # fmt: skip
    if info.flag_bits & 0x1:
        raise _refused("it is encrypted", "он зашифрован")


def _prefix(entries: list[zipfile.ZipInfo]) -> str:
    """The one folder around the pack, ``name/``, or nothing."""
    names = [info.filename for info in entries]
    if MANIFEST_NAME in names:
        return ""
    folders = {name.split("/", 1)[0] for name in names}
    if len(folders) == 1:
        prefix = f"{folders.pop()}/"
        if prefix + MANIFEST_NAME in names:
            return prefix
    raise _refused("it has no manifest.json", "в нём нет manifest.json")


def _read(source: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    with source.open(info) as packed:
        content = packed.read(limit + 1)
    if len(content) > limit:
        name = PurePosixPath(info.filename).name
        size = f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1000} kB"
        raise _refused(f"its {name} is larger than {size}", f"его {name} больше {size}")
    return content


def _refused(reason: str, reason_ru: str, detail: str = "") -> ModelPackError:
    return ModelPackError(
        f"The file was not added as a model pack: {reason}.",
        ru=f"Файл не добавлен как пакет модели: {reason_ru}.",
        hint="A pack is a ZIP with manifest.json and the files it names.",
        hint_ru="Пакет — это ZIP с manifest.json и названными в нём файлами.",
        technical_detail=detail,
    )
