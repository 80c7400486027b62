"""Objects with planted secrets for the tests of the de-identification."""

from __future__ import annotations

import io

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag

from app.dicom.deid.deidentify import Deidentifier
from app.dicom.deid.options import DeidentifyOptions
from app.dicom.deid.table import AttributeRule, attribute_rules
from tests.support.synthetic_dicom import CTImageStorage, base_dataset

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
ALL_OPTIONS = DeidentifyOptions("shift", True, True, True, True)

_BYTES = ("OB", "OW", "UN", "OF", "OD", "OL", "OV")


def _secret(vr: str, n: int) -> str | bytes | float:
    """A value of this VR that stands nowhere else; each ``n`` has its own."""
    if vr in _BYTES:
        return f"Qz{n:06d}".encode()
    by_vr: dict[str, str | float] = {
        "DA": f"{1000 + n}0312", "TM": f"0317{n % 60:02d}.{n:06d}", "UI": f"1.3.999.61.{70000 + n}",
        "DT": f"{1000 + n}0312031759.123", "AS": f"{n % 90 + 100}W", "DS": f"61.3{n:05d}",
        "IS": f"613{n:05d}", "CS": f"QZ{n:04d}", "AE": f"QZ{n:04d}", "UR": f"urn:qz{n:04d}",
        "US": 0x7A71, "UL": 0x617A7178, "FD": 61.31217, "FL": 61.25, "PN": f"Qz{n:04d}^Kjh",
    }  # fmt: skip
    return by_vr.get(vr, f"Qz{n:04d}")


def planted(rule: AttributeRule) -> tuple[DataElement, bytes] | None:
    """An element of the rule with a secret in it, and the bytes to look for; None: no value."""
    number = rule.tag.replace("xxxxxx", "000010").replace("xx", "02")
    tag = Tag(int(number, 16))
    if tag.group in (0x0000, 0x0002, 0x0004):
        return None
    try:
        vr = dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        vr = "LO"
    n = list(attribute_rules()).index(rule.tag)
    if vr == "SQ":
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = f"Qz{n:04d}", "99Q", "Qz"
        item.PersonName, item.TextValue = f"Qz{n:04d}^Kjh", f"Qz{n:04d}"
        return DataElement(tag, "SQ", DicomSequence([item])), f"Qz{n:04d}".encode()
    value = _secret(vr, n)
    if isinstance(value, (int, float)):
        return DataElement(tag, vr, value), b""
    return DataElement(tag, vr, value), (
        value if isinstance(value, bytes) else value.split("^")[0].encode()
    )


def rows() -> list[AttributeRule]:
    """The rows of the table whose value can be planted."""
    return [rule for rule in attribute_rules().values() if planted(rule) is not None]


def image() -> Dataset:
    """A small CT object without a secret."""
    ds = base_dataset(CTImageStorage, study="deid", series="ct", instance=1)
    ds.Modality = "CT"
    ds.Rows = ds.Columns = 2
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation, ds.SamplesPerPixel = 7, 0, 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = b"\1\2\3\4"
    ds["PixelData"].VR = "OB"
    return ds


def written(ds: Dataset) -> bytes:
    """The dataset as the bytes of a file."""
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def read_back(content: bytes) -> Dataset:
    """The dataset in the bytes of a file, everything parsed."""
    ds = pydicom.dcmread(io.BytesIO(content))
    for _ in ds.iterall():
        pass
    return ds


def cleaned(ds: Dataset, options: DeidentifyOptions | None = None, key: bytes = KEY) -> bytes:
    """What a file of the de-identified object holds."""
    out, _report = Deidentifier(options or DeidentifyOptions(), key).apply(read_back(written(ds)))
    return written(out)
