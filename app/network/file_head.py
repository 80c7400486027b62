"""The beginning of a DICOM file: preamble and meta information (PS3.10 7.1)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, generate_uid
from pynetdicom.dsutils import create_file_meta

from app import __version__
from app.dicom.tolerant import quiet

IMPLEMENTATION_CLASS_UID: Final = generate_uid(entropy_srcs=["overread", "implementation"])
IMPLEMENTATION_VERSION: Final = f"OVERREAD_{__version__}"[:16]


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the head says; ``sender`` is the AE title that an object came from, or empty."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    sender: str = ""

    def encoded(self) -> bytes:
        """All bytes before the data set."""
        stream = DicomBytesIO(b"\0" * 128 + b"DICM")
        stream.seek(0, io.SEEK_END)
        with quiet():  # pydicom warns of UIDs that are none; they are the sender's
            meta = create_file_meta(
                sop_class_uid=UID(self.sop_class_uid),
                sop_instance_uid=UID(self.sop_instance_uid),
                transfer_syntax=UID(self.transfer_syntax_uid),
                implementation_uid=IMPLEMENTATION_CLASS_UID,
                implementation_version=IMPLEMENTATION_VERSION,
            )
            if self.sender:
                meta.SourceApplicationEntityTitle = self.sender
            write_file_meta_info(stream, meta)
        return stream.getvalue()
