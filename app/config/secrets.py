"""Passwords and tokens, apart from the settings: a file of its own that only its owner may read.

An environment variable ``OVERREAD_SECRET_<NAME>`` goes before the file, so that a service can be
given a secret that never touches the disk.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.core.errors import EnvironmentFault, InputError

SECRETS_NAME: Final = "secrets.toml"
_OWNER_ONLY: Final = 0o600


class FileSecrets:
    """The secrets in ``folder``; implements ``app.core.ports.SecretStore``.

    On Windows the folder's own access list guards the file: it lies in the user's profile.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / SECRETS_NAME
        self._held: dict[str, str] = {}

    def __repr__(self) -> str:
        return "FileSecrets(<secrets>)"

    def get(self, name: str) -> str:
        """The secret, or empty. Raises ``InputError`` for a file that is not valid."""
        held = os.environ.get(variable_name(name)) or self._held.get(name)
        return held or self._read().get(name, "")

    def hold(self, name: str, secret: str) -> None:
        """Keep a secret in memory alone: the password of a signing key is never written."""
        self._held[name] = secret

    def put(self, name: str, secret: str) -> None:
        """Keep a secret; the old file stays until the new one is complete."""
        self._write(self._read() | {name: secret})

    def remove(self, name: str) -> None:
        """Forget a secret; one that is not there is no fault."""
        self._held.pop(name, None)
        known = self._read()
        if known.pop(name, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, str]:
        try:
            data = tomllib.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            # no "from": the fault of the parser may quote the line
            raise self._invalid() from None
        except OSError as fault:
            raise self._unusable(fault) from fault
        found = data.get("secrets", {})
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise self._invalid()
        with suppress(OSError):  # a file that came from elsewhere may be open to others
            self._path.chmod(_OWNER_ONLY)
        return {str(name): str(value) for name, value in found.items()}

    def _write(self, secrets: dict[str, str]) -> None:
        lines = ["[secrets]"]
        lines += [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in secrets.items()]
        partial = self._path.with_suffix(".partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.unlink(missing_ok=True)
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            partial.replace(self._path)
        except OSError as fault:
            raise self._unusable(fault) from fault

    def _invalid(self) -> InputError:
        return InputError(
            f"The secrets file {self._path} is not valid.",
            ru=f"Файл секретов {self._path} содержит ошибку.",
            hint='It holds lines such as "peer name" = "secret" below [secrets].',
            hint_ru='Под [secrets] в нём строки вида "имя узла" = "секрет".',
        )

    def _unusable(self, fault: OSError) -> EnvironmentFault:
        return EnvironmentFault(
            f"The secrets file {self._path} cannot be read or written.",
            ru=f"Файл секретов {self._path} нельзя прочитать или записать.",
            hint="Check permissions and free space.",
            hint_ru="Проверьте права и свободное место.",
            technical_detail=str(fault),
        )


def variable_name(name: str) -> str:
    """The environment variable that overrides the secret of a peer."""
    return "OVERREAD_SECRET_" + re.sub(r"\W", "_", name).upper()
