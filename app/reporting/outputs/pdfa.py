"""From a plain PDF of reportlab to PDF/A-2b (ISO 19005-2).

reportlab embeds the fonts; what it lacks is written here: an end of line before each
``endstream``, XMP metadata that name the conformance, an sRGB output intent, and dates and
identifiers that follow from the content, so that the same report gives the same bytes (ADR 0003).
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import re
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from app import __version__
from app.config.folders import resources_folder

_HEADER: Final = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_PRODUCER: Final = f"Overread {__version__} (reportlab)"
_CREATOR: Final = "Overread"
_XREF_ROW: Final = re.compile(rb"(\d{10}) (\d{5}) ([nf])")
_ROOT: Final = re.compile(rb"/Root (\d+) 0 R")
_INFO: Final = re.compile(rb"/Info (\d+) 0 R")


@dataclass(frozen=True, slots=True)
class PdfFacts:
    """What the metadata say. ``at_utc`` is ISO 8601, ``language`` ``en`` or ``ru``."""

    title: str
    author: str
    subject: str
    language: str
    at_utc: str


def to_pdfa(raw: bytes, facts: PdfFacts) -> bytes:
    """The same pages as PDF/A-2b. Raises ``ValueError`` for what reportlab did not write."""
    objects, root, info = _objects(raw)
    moment = dt.datetime.fromisoformat(facts.at_utc).astimezone(dt.UTC)
    for number, body in objects.items():
        objects[number] = _with_line_end(body)
    objects[info] = _object(info, _info(facts, moment))
    profile, intent, metadata = (max(objects) + n for n in (1, 2, 3))
    objects[profile] = _stream(profile, b"/N 3", _srgb())
    objects[intent] = _object(
        intent,
        b"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB IEC61966-2.1) "
        b"/Info (sRGB IEC61966-2.1) /DestOutputProfile %d 0 R >>" % profile,
    )
    objects[metadata] = _stream(metadata, b"/Type /Metadata /Subtype /XML", _xmp(facts, moment))
    entries = b"/Metadata %d 0 R /OutputIntents [ %d 0 R ] " % (metadata, intent)
    objects[root] = _with_entries(objects[root], entries)
    return _file(objects, root, info)


def _objects(raw: bytes) -> tuple[dict[int, bytes], int, int]:
    """Objects by number as they stand in the file, and the numbers of catalogue and info."""
    begin = int(raw[raw.rindex(b"startxref") + 9 :].split()[0])
    offsets: dict[int, int] = {}
    for number, row in enumerate(_XREF_ROW.finditer(raw, begin)):
        if row[3] == b"n":
            offsets[number] = int(row[1])
    ends = [*sorted(offsets.values()), begin]
    objects = {
        number: raw[offset : ends[ends.index(offset) + 1]] for number, offset in offsets.items()
    }
    root, info = _ROOT.search(raw, begin), _INFO.search(raw, begin)
    if root is None or info is None:
        raise ValueError("no catalogue or no info dictionary")
    return objects, int(root[1]), int(info[1])


def _with_line_end(body: bytes) -> bytes:
    """ISO 19005-2 6.1.7.1: an end of line stands before ``endstream``."""
    at = body.rfind(b"endstream")
    if at < 0 or body[at - 1 : at] == b"\n":
        return body
    return body[:at] + b"\n" + body[at:]


def _with_entries(dictionary: bytes, entries: bytes) -> bytes:
    at = dictionary.rindex(b">>")
    return dictionary[:at] + entries + dictionary[at:]


def _object(number: int, content: bytes) -> bytes:
    return b"%d 0 obj\n%s\nendobj\n" % (number, content)


def _stream(number: int, entries: bytes, content: bytes) -> bytes:
    return _object(
        number,
        b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content),
    )


def _file(objects: dict[int, bytes], root: int, info: int) -> bytes:
    parts, at, offsets = [_HEADER], len(_HEADER), {}
    for number in sorted(objects):
        offsets[number] = at
        parts.append(objects[number])
        at += len(objects[number])
    digest = hashlib.sha256(b"".join(parts)).hexdigest()[:32].encode()
    count = max(objects) + 1
    rows = [b"0000000000 65535 f \n"]
    rows += [
        b"%010d 00000 n \n" % offsets[n] if n in offsets else b"0000000000 65535 f \n"
        for n in range(1, count)
    ]
    parts += [b"xref\n0 %d\n" % count, *rows]
    parts.append(
        b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [ <%s> <%s> ] >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (count, root, info, digest, digest, at)
    )
    return b"".join(parts)


def _info(facts: PdfFacts, moment: dt.datetime) -> bytes:
    stamp = moment.strftime("D:%Y%m%d%H%M%S+00'00'").encode()
    texts = {
        "Title": facts.title, "Author": facts.author, "Subject": facts.subject,
        "Creator": _CREATOR, "Producer": _PRODUCER,
    }  # fmt: skip
    rows = [
        b"/%s <%s>" % (name.encode(), ("\ufeff" + text).encode("utf-16-be").hex().encode())
        for name, text in texts.items()
        if text
    ]
    rows.append(b"/CreationDate (%s) /ModDate (%s)" % (stamp, stamp))
    return b"<< " + b" ".join(rows) + b" >>"


def _xmp(facts: PdfFacts, moment: dt.datetime) -> bytes:
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    author = (
        f"<dc:creator><rdf:Seq><rdf:li>{escape(facts.author)}</rdf:li></rdf:Seq></dc:creator>"
        if facts.author
        else ""
    )
    subject = (
        '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{escape(facts.subject)}</rdf:li></rdf:Alt></dc:description>"
        if facts.subject
        else ""
    )
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"'
        ' xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">\n'
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>\n"
        '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{escape(facts.title)}</rdf:li></rdf:Alt></dc:title>\n{author}{subject}\n"
        f"<dc:language><rdf:Bag><rdf:li>{facts.language}</rdf:li></rdf:Bag></dc:language>\n"
        f"<xmp:CreatorTool>{_CREATOR}</xmp:CreatorTool>\n"
        f"<xmp:CreateDate>{stamp}</xmp:CreateDate><xmp:ModifyDate>{stamp}</xmp:ModifyDate>"
        f"<xmp:MetadataDate>{stamp}</xmp:MetadataDate>\n"
        f"<pdf:Producer>{_PRODUCER}</pdf:Producer>\n"
        "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


@functools.cache
def _srgb() -> bytes:
    return (resources_folder() / "icc" / "srgb.icc").read_bytes()
