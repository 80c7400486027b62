"""One pack on disk, and its files proven to be those of its manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import HashMismatch, ModelPackError
from app.inference.manifest import MANIFEST_NAME, ModelPack

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class InstalledPack:
    """A pack on disk; ``manifest_sha256`` is the hash of the manifest's bytes.

    ``signed_by`` is the id of the trusted key that signed it, or empty.
    """

    pack: ModelPack
    folder: Path
    built_in: bool
    manifest_sha256: str
    signed_by: str = ""

    @property
    def key(self) -> str:
        """``id@version``, the name of exactly this one."""
        return f"{self.pack.id}@{self.pack.version}"

    @property
    def weights_path(self) -> Path:
        """The ONNX file."""
        return self.folder / self.pack.graph.file

    def read_manifest(self) -> bytes:
        """The bytes of the manifest, proven to be those that were parsed; ``HashMismatch``."""
        try:
            content = (self.folder / MANIFEST_NAME).read_bytes()
        except OSError as error:
            raise unreadable(self.pack.id, MANIFEST_NAME, error) from error
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
            raise unreadable(self.pack.id, entry.path, error) from error
        if len(content) != entry.bytes or hashlib.sha256(content).hexdigest() != entry.sha256:
            raise hash_mismatch(self.pack.id, entry.path)
        return content


def sha256_of(path: Path) -> str:
    """The hash of a file."""
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


def unreadable(pack_id: str, path: str, error: OSError) -> ModelPackError:
    """The error for a file of a pack that cannot be read."""
    return ModelPackError(
        f'The file "{path}" of the model pack "{pack_id}" cannot be read.',
        ru=f"Файл «{path}» пакета модели «{pack_id}» не читается.",
        hint="Install the pack again from its source.",
        hint_ru="Установите пакет заново из его источника.",
        technical_detail=str(error.strerror),
    )
