"""Transfer syntaxes that we take and how they are preferred."""

from __future__ import annotations

from typing import Final

from pydicom import uid

UNCOMPRESSED: Final = (
    str(uid.ExplicitVRLittleEndian),
    str(uid.ImplicitVRLittleEndian),
)

# In the order in which a peer that asks is to choose: what every archive may hold.
RECEIVED_SYNTAXES: Final = (
    *UNCOMPRESSED,
    str(uid.JPEGLosslessSV1),
    str(uid.JPEGLSLossless),
    str(uid.JPEG2000Lossless),
    str(uid.RLELossless),
    str(uid.JPEGBaseline8Bit),
    str(uid.JPEG2000),
    str(uid.JPEGExtended12Bit),
    str(uid.JPEGLossless),
    str(uid.JPEGLSNearLossless),
    str(uid.HTJ2KLossless),
    str(uid.HTJ2K),
    str(uid.HTJ2KLosslessRPCL),
    str(uid.DeflatedExplicitVRLittleEndian),
    str(uid.ExplicitVRBigEndian),
    str(uid.MPEG4HP41),
    str(uid.MPEG2MPML),
    str(uid.MPEG2MPHL),
    str(uid.HEVCMP51),
)
