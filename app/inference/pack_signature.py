"""Signatures of model packs: Ed25519 over the manifest's bytes, detached, in ``signature.json``.

The manifest holds the hash of every other file, so one signature covers the whole pack. Which keys
count is the administrator's word (settings ``trusted_pack_keys``), never the pack's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from pydantic import Field, ValidationError

from app.core.errors import InputError, ModelPackError
from app.inference.manifest_steps import Strict

SIGNATURE_NAME: Final = "signature.json"
SIGNATURE_MAX_BYTES: Final = 10_000
_PUBLIC_BYTES: Final = 32


class PackSignature(Strict):
    """The content of ``signature.json``. ``key_id`` names the public key that checks it."""

    schema_id: Literal["overread.signature/1"] = Field(alias="schema")
    algorithm: Literal["ed25519"]
    key_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    manifest_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Who signed: ``key_id`` empty where nobody did; ``trusted``: by a key that counts here."""

    key_id: str = ""
    trusted: bool = False


def key_id_of(public: bytes) -> str:
    """The name of a public key: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key written in base64. Raises ``InputError``."""
    try:
        content = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_key() from error
    if len(content) != _PUBLIC_BYTES:
        raise _no_key()
    return content


def new_key(path: Path) -> str:
    """Write a new private key (PEM, readable by its owner only); its public key in base64.

    Raises ``InputError`` where the file exists or cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    content = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise InputError(
            f"{path} exists; a key is never overwritten.",
            ru=f"{path} уже есть; ключ никогда не перезаписывается.",
            hint="Choose another file.",
            hint_ru="Выберите другой файл.",
        ) from error
    except OSError as error:
        raise InputError(
            f"The key cannot be written to {path}.",
            ru=f"Ключ нельзя записать в {path}.",
            technical_detail=str(error.strerror),
        ) from error
    return _base64(_public_bytes(private))


def sign(manifest: bytes, key_file: Path) -> bytes:
    """The bytes of ``signature.json`` for a manifest. Raises ``InputError`` for a bad key."""
    private = _private_key(key_file)
    row = {
        "schema": "overread.signature/1",
        "algorithm": "ed25519",
        "key_id": key_id_of(_public_bytes(private)),
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "signature": _base64(private.sign(manifest)),
    }
    return (json.dumps(row, indent=1) + "\n").encode()


def check_signature(
    manifest: bytes, signature: bytes | None, trusted: tuple[str, ...], *, required: bool
) -> SignatureCheck:
    """Check a detached signature against the keys that count (base64 each).

    An unsigned pack, and one signed by an unknown key, is refused where a signature is
    ``required``. A signature that is broken, or that belongs to another manifest, is refused
    always, for a trusted and for an unknown key: its pack is not what was signed.
    Raises ``ModelPackError``.
    """
    if signature is None:
        if required:
            raise _refused("it is not signed, and this installation takes signed packs only",
                           "он не подписан, а здесь принимаются только подписанные")  # fmt: skip
        return SignatureCheck()
    try:
        said = PackSignature.model_validate_json(signature[: SIGNATURE_MAX_BYTES + 1])
        value = base64.b64decode(said.signature, validate=True)
    except (ValidationError, binascii.Error, ValueError) as error:
        raise _refused("its signature cannot be read", "его подпись не читается") from error
    if said.manifest_sha256 != hashlib.sha256(manifest).hexdigest():
        raise _refused("its manifest is not the one that was signed",
                       "его манифест не тот, что был подписан")  # fmt: skip
    known = {key_id_of(key): key for key in map(public_key, trusted)}
    if said.key_id not in known:
        if required:
            raise _refused(
                f"the key {said.key_id} that signed it is not trusted here",
                f"ключу {said.key_id}, которым он подписан, здесь не доверяют",
            )
        return SignatureCheck(said.key_id)
    try:
        Ed25519PublicKey.from_public_bytes(known[said.key_id]).verify(value, manifest)
    except InvalidSignature as error:
        raise _refused("its signature is not valid", "его подпись неверна") from error
    return SignatureCheck(said.key_id, trusted=True)


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _no_private_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_private_key(path)
    return key


def _public_bytes(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _no_key() -> InputError:
    return InputError(
        "This is not a public key for model packs (32 bytes in base64).",
        ru="Это не открытый ключ пакетов моделей (32 байта в base64).",
        hint="overread packs keys new FILE prints one.",
        hint_ru="Его печатает overread packs keys new FILE.",
    )


def _no_private_key(path: Path) -> InputError:
    return InputError(
        f"{path} is not a private key for model packs.",
        ru=f"{path} — не закрытый ключ пакетов моделей.",
        hint="overread packs keys new FILE makes one.",
        hint_ru="Его создаёт overread packs keys new FILE.",
    )


def _refused(reason: str, reason_ru: str) -> ModelPackError:
    return ModelPackError(
        f"The model pack is refused: {reason}.",
        ru=f"Пакет модели отклонён: {reason_ru}.",
        hint="Ask its maker, or the administrator who keeps the trusted keys.",
        hint_ru="Обратитесь к автору пакета или к администратору, который ведёт список ключей.",
    )
