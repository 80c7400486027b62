"""Is the peer there, and does it know us? (C-ECHO, PS3.4 annex A)"""

from __future__ import annotations

import time
from typing import Final

from pydicom.uid import ImplicitVRLittleEndian

from app.core.report import Message
from app.network import wire_faults
from app.network.answers import EchoResult
from app.network.associations import Proposal, associate
from app.network.peers import DimsePeer

_VERIFICATION: Final = "1.2.840.10008.1.1"
_SERVICE: Final = Message("the connection test (C-ECHO)", "проверку связи (C-ECHO)")


def echo(peer: DimsePeer) -> EchoResult:
    """Ask the peer for a sign of life. Raises ``NetworkFault`` with the plain reason."""
    began = time.monotonic()
    with associate(peer, Proposal(_SERVICE, [(_VERIFICATION, [ImplicitVRLittleEndian])])) as link:
        status = link.status_of(link.request(link.association.send_c_echo))
        if status != 0:
            raise wire_faults.of_status(peer, _SERVICE, status)
        return EchoResult(time.monotonic() - began, link.implementation)
