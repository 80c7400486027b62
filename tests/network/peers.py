"""The peer that stands for a started PACS."""

from __future__ import annotations

from typing import Any

from app.network.peers import DimsePeer
from tests.support.orthanc import Orthanc


def peer_of(orthanc: Orthanc, **other: Any) -> DimsePeer:
    """``orthanc`` as our settings would name it; ``other`` replaces fields."""
    fields = {
        "name": "pacs",
        "ae_title": orthanc.ae_title,
        "host": "127.0.0.1",
        "port": orthanc.dicom_port,
        "calling_ae_title": orthanc.options.our_ae_title,
        "timeout_s": 20.0,
    }
    return DimsePeer(**(fields | other))
