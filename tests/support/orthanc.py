"""A real PACS for the tests: Orthanc of Debian on loopback, with its own folder and free ports.

``running_orthanc(folder, OrthancOptions(...))`` skips the test where the program is not installed.
The same ``Orthanc`` can be stopped, killed and started again on its storage and its ports.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

PLUGINS = Path("/usr/share/orthanc/plugins")
START_SECONDS = 30.0


@dataclass(frozen=True)
class OrthancTls:
    """PEM files of TLS on the DICOM port; Orthanc asks us for a certificate of ``trusted`` too."""

    certificate: Path
    key: Path
    trusted: Path


@dataclass(frozen=True)
class OrthancOptions:
    """How the PACS is set up.

    ``our_port`` is where it sends what we ask it to move to us (0: a free one is chosen).
    ``users`` maps names to passwords of HTTP basic authentication (none: open).
    ``https`` is a PEM file of certificate and key, ``https_ca`` of who issued it.
    ``largest_file_kb`` makes every write beyond
    that size fail, as a full disk would. ``settings`` are added to Orthanc's own configuration.
    """

    ae_title: str = "ORTHANC"
    our_ae_title: str = "OVERREAD"
    our_port: int = 0
    users: Mapping[str, str] | None = None
    tls: OrthancTls | None = None
    https: Path | None = None
    https_ca: Path | None = None
    largest_file_kb: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


class Orthanc:
    """One PACS process and its REST interface, which the tests use to look at what it has."""

    def __init__(self, folder: Path, options: OrthancOptions | None = None) -> None:
        self.options = options or OrthancOptions()
        self.folder = folder
        self.worklists = folder / "worklists"
        self.ae_title = self.options.ae_title
        self.dicom_port, self.http_port = free_port(), free_port()
        self.our_port = self.options.our_port or free_port()
        scheme = "https" if self.options.https else "http"
        self.url = f"{scheme}://localhost:{self.http_port}"
        self.dicom_web_url = f"{self.url}/dicom-web"
        self._process: subprocess.Popen[bytes] | None = None
        self.worklists.mkdir(parents=True, exist_ok=True)

    @property
    def log(self) -> str:
        """What the program wrote so far."""
        return (self.folder / "orthanc.log").read_text(errors="replace")

    def start(self) -> None:
        """Start on the storage of last time; returns when it answers."""
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration(), indent=1))
        command = [str(program()), str(configuration)]
        if self.options.largest_file_kb is not None:
            # The signal is ignored, so the write itself fails, as it does on a full disk.
            blocks = self.options.largest_file_kb * 2
            command = ["sh", "-c", f"trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"", "-", *command]
        with (self.folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End it as an administrator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def get(self, path: str) -> Any:
        """The answer of its REST interface, JSON decoded."""
        return self._ask("GET", path).json()

    def post(self, path: str, body: Any) -> Any:
        """Post JSON, or bytes as they are; the answer, JSON decoded."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask("POST", path, data).json()

    def upload(self, path: Path) -> None:
        """Put one file into it, not through DICOM."""
        self.post("/instances", path.read_bytes())

    def instances(self) -> list[str]:
        """SOP instance UIDs of all it has, sorted."""
        found = self.get("/instances?expand")
        return sorted(item["MainDicomTags"]["SOPInstanceUID"] for item in found)

    def file_of(self, sop_instance_uid: str) -> bytes:
        """The file of one instance as the PACS stored it."""
        identifier = self.post("/tools/lookup", sop_instance_uid.encode())[0]["ID"]
        return self._ask("GET", f"/instances/{identifier}/file").content

    def clear(self) -> None:
        """Forget every patient."""
        for identifier in self.get("/patients"):
            self._ask("DELETE", f"/patients/{identifier}")

    def _ask(self, method: str, path: str, data: bytes | None = None) -> requests.Response:
        user = next(iter((self.options.users or {}).items()), None)
        verify = str(self.options.https_ca) if self.options.https_ca else True
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, self.url + path, data=data, auth=user, verify=verify, timeout=30
            )
        answer.raise_for_status()
        return answer

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)
            self._process = None

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"Orthanc ended at its start:\n{self.log[-2000:]}")
            with contextlib.suppress(OSError):
                for port in (self.http_port, self.dicom_port):
                    socket.create_connection(("localhost", port), timeout=1.0).close()
                return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"Orthanc did not answer:\n{self.log[-2000:]}")

    def _configuration(self) -> dict[str, Any]:
        options = self.options
        plugins = [PLUGINS / "libOrthancDicomWeb.so", PLUGINS / "libModalityWorklists.so"]
        settings: dict[str, Any] = {
            "Name": "Overread tests",
            "DefaultEncoding": "Utf8",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "SyncStorageArea": False,
            "Plugins": [str(plugin) for plugin in plugins if plugin.exists()],
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": True,
            "AuthenticationEnabled": options.users is not None,
            "RegisteredUsers": dict(options.users or {}),
            "SslEnabled": options.https is not None,
            "DicomAet": options.ae_title,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomCheckModalityHost": False,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "UnknownSopClassAccepted": True,
            "StorageCommitmentReportsSize": 100,
            "DicomModalities": {
                "overread": {
                    "AET": options.our_ae_title,
                    "Host": "127.0.0.1",
                    "Port": self.our_port,
                    "UseDicomTls": options.tls is not None,
                    "AllowStorageCommitment": True,
                }
            },
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "Worklists": {"Enable": True, "Database": str(self.worklists)},
        }
        if options.https is not None:
            settings["SslCertificate"] = str(options.https)
        if options.tls is not None:
            settings |= {
                "DicomTlsEnabled": True,
                "DicomTlsCertificate": str(options.tls.certificate),
                "DicomTlsPrivateKey": str(options.tls.key),
                "DicomTlsTrustedCertificates": str(options.tls.trusted),
            }
        return settings | dict(options.settings)


def program() -> Path:
    """The installed program; skips the test where there is none."""
    found = shutil.which("Orthanc", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if found is None:
        pytest.skip("Orthanc (Debian's orthanc) is not installed")
    return Path(found)


def free_port() -> int:
    """A TCP port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_orthanc(folder: Path, options: OrthancOptions | None = None) -> Iterator[Orthanc]:
    """A started PACS, ended when the block is left."""
    program()
    orthanc = Orthanc(folder, options)
    orthanc.start()
    try:
        yield orthanc
    finally:
        orthanc.kill()
