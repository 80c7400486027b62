"""De-identification of one DICOM object: basic profile of PS3.15 Annex E with options.

The table (``deid_table``) says what is done with each attribute it names. What it does not name
is treated by VR: persons, network titles and dates are replaced, prose is cut to known words,
unknown public attributes are removed, and words known to identify this patient are taken out of
every text that stays. Structured content and graphics are always cleaned item by item.

UIDs, pseudonyms and date shifts come from the key alone (``deid_values``): images, segmentations
and reports of a study are done one by one and still refer to each other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID

from app import __version__
from app.core.codes import Code
from app.dicom.deid import content as deid_content
from app.dicom.deid.forms import PROSE_VRS, TEXT_VRS, is_of_its_kind, texts_of
from app.dicom.deid.options import Dates, DeidentifyOptions
from app.dicom.deid.private import safe_private
from app.dicom.deid.refusal import refusing_damage, require_open, sop_class_of
from app.dicom.deid.table import EDITION, AttributeRule, rule_for
from app.dicom.deid.values import (
    Pseudonyms,
    dummy_of,
    shifted_date,
    shifted_date_time,
    told_age,
)
from app.dicom.deid.words import REMOVED, Identifiers, clean, is_safe
from app.dicom.tolerant import MALFORMED, quiet
from app.dicom.writing.authoring import CHARACTER_SET

_DATE_VRS: Final = ("DA", "DT", "TM")
_LONGEST: Final = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240}
# UIDs that name a kind of thing, also where the standard does not know it.
_KINDS_OF_UID: Final = ("SOPClass", "TransferSyntax", "ContextUID", "MappingResource")
# References of one object to others: kept with their UIDs replaced.
_REFERENCES: Final = frozenset({"ReferencedImageSequence", "SourceImageSequence"})
_IDENTITY: Final = ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")
_PSEUDONYMOUS: Final = ("PatientID", "PatientName")
_PROSE: Final = re.compile(r"(Comments?|Description|Label|Remarks?|Notes?)$")
# A cut in the middle could turn the meaning round: whole or not at all.
_SENTENCES: Final = ("TextValue", "UnformattedTextValue")
_SR_ROOT: Final = "1.2.840.10008.5.1.4.1.1.88."


_DATES_LEFT: Final[Mapping[Dates, str]] = {
    "remove": "REMOVED", "shift": "MODIFIED", "keep": "UNMODIFIED",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeidReport:
    """What was done to one object, without any value of it.

    ``counts`` maps what was done (``removed``, ``replaced``, ``emptied``, ``cleaned``,
    ``uid``, ``shifted``, ``private``) to how often; ``texts_left`` are the keywords of free text
    that stayed, whole or in part: what a person should look at.
    """

    counts: Mapping[str, int]
    texts_left: tuple[str, ...]
    methods: tuple[Code, ...]


@dataclass(slots=True)
class _Run:
    """What one object needs on its way down its sequences."""

    identifiers: Identifiers
    identity: tuple[str, ...]
    is_document: bool
    counts: Counter[str] = field(default_factory=Counter)
    texts_left: set[str] = field(default_factory=set)


class Deidentifier:
    """De-identifies objects under one key; any thread, any order."""

    def __init__(self, options: DeidentifyOptions, key: bytes) -> None:
        """Raises ``InputError`` for a key too short to hide anything."""
        self.options = options
        self.pseudonyms = Pseudonyms(key)

    def apply(
        self,
        ds: Dataset,
        *,
        identity: tuple[str, ...] = (),
        known: Identifiers | None = None,
        pixels_cleaned: bool = False,
    ) -> tuple[Dataset, DeidReport]:
        """A de-identified copy with clean file meta information; ``ds`` is not changed.

        ``identity`` names the patient where the caller knows better than the header (all
        objects of a study then get one pseudonym); ``known`` are more words to take out;
        ``pixels_cleaned`` says that text was already blacked out. Raises ``DeidentifyError``
        for objects whose content cannot be looked into (PDF, audio, raw data, unknown kinds), and
        for damaged ones.
        """
        with quiet(), refusing_damage():
            require_open(ds)
            identifiers = Identifiers.of(ds) | (known or Identifiers())
            run = _Run(
                identifiers, identity or identity_of(ds), sop_class_of(ds).startswith(_SR_ROOT)
            )
            out = self._cleaned(ds, run)
            pseudonym = self.pseudonyms.patient(*run.identity)
            out.PatientName = out.PatientID = pseudonym
            methods = self.options.method_codes(pixels_cleaned=pixels_cleaned)
            self._declare(out, methods)
            if pixels_cleaned:
                out.BurnedInAnnotation = "NO"
            out.file_meta = _file_meta(ds, out)
            out.preamble = bytes(128)
        return out, DeidReport(dict(run.counts), tuple(sorted(run.texts_left)), methods)

    def _declare(self, out: Dataset, methods: tuple[Code, ...]) -> None:
        """The statements of PS3.15 E.1.1 and PS3.3 C.7.1.1 about what was done."""
        out.SpecificCharacterSet = CHARACTER_SET
        out.PatientIdentityRemoved = "YES"
        out.DeidentificationMethod = f"Overread {__version__}: PS3.15 {EDITION} Annex E"
        items = []
        for code in methods:
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme
            item.CodeMeaning = code.meaning
            items.append(item)
        out.DeidentificationMethodCodeSequence = DicomSequence(items)
        out.LongitudinalTemporalInformationModified = _DATES_LEFT[self.options.dates]

    def _cleaned(self, ds: Dataset, run: _Run) -> Dataset:
        """A cleaned copy of one level and all below it; unchanged elements are shared."""
        out = Dataset()
        for tag in list(ds.keys()):
            if tag.is_private:
                run.counts["private"] += 1
                continue
            element = self._element(ds, tag, run)
            if element is not None:
                out.add(element)
        if self.options.keep_safe_private:
            for private in safe_private(ds, run.identifiers):
                out.add(private)
                run.counts["private"] -= 1
        deid_content.clean_code(out, run.identifiers)
        return out

    def _element(self, ds: Dataset, tag: BaseTag, run: _Run) -> DataElement | None:
        keyword = keyword_for_tag(tag)
        if tag.element == 0 or tag.group in (0x0000, 0x0002) or not keyword:
            # Group lengths, remains of a message or a file header, and unknown attributes.
            return _counted(run, "removed", None)
        if keyword == "SpecificCharacterSet":
            return None  # everything is decoded and written in one character set
        try:
            element = ds[tag]
            is_empty = element.value is None or element.is_empty
        except MALFORMED:
            return _counted(run, "removed", None)
        if not is_of_its_kind(element):
            return _counted(run, "removed", None)
        is_program = keyword == "TextValue" and deid_content.names_a_program(ds)
        action = "K" if is_program else self._action(rule_for(tag), element, run)
        if is_empty and action != "X":
            return DataElement(tag, element.VR, [] if element.VR == "SQ" else "")
        return self._acted(element, action, run)

    def _action(self, rule: AttributeRule | None, element: DataElement, run: _Run) -> str:
        """One of X, Z, D, U, K (keep), C (clean), S (shift), R (go through its items)."""
        vr = element.VR
        if rule is None:
            return self._action_by_vr(vr, element.keyword)
        options, chosen = rule.options, self.options
        if chosen.dates == "keep" and options.get("full_dates") == "K":
            return "K"
        if chosen.dates == "shift" and options.get("modified_dates") == "C" and vr in _DATE_VRS:
            return "S"
        if chosen.keep_device and options.get("device") == "K" and vr != "UI":
            return "K"
        if chosen.keep_patient_characteristics and "patient" in options:
            return options["patient"]
        if chosen.clean_descriptors and options.get("descriptors") == "C":
            return "R" if vr == "SQ" else "C"
        if vr == "SQ" and (
            "C" in (options.get("structured"), options.get("graphics"))
            or rule.keyword in _REFERENCES
        ):
            return "R"
        return _one_of(rule.basic, vr, run.is_document)

    def _action_by_vr(self, vr: str, keyword: str) -> str:
        if vr in _DATE_VRS:
            return {"keep": "K", "shift": "S", "remove": "D"}[self.options.dates]
        by_vr = {"SQ": "R", "UI": "U", "PN": "D", "AE": "D", "UN": "X"}
        is_prose = vr in PROSE_VRS or (vr in TEXT_VRS and _PROSE.search(keyword))
        return by_vr.get(vr, "C" if is_prose else "K")

    def _acted(self, element: DataElement, action: str, run: _Run) -> DataElement | None:
        if element.keyword in _PSEUDONYMOUS:
            return None  # set for the whole object at the end
        if action == "X":
            return _counted(run, "removed", None)
        if action == "Z":
            empty: Any = [] if element.VR == "SQ" else ""
            return _counted(run, "emptied", DataElement(element.tag, element.VR, empty))
        if action == "R" or (action in "KC" and element.VR == "SQ"):
            return self._sequence(element, run)
        if action == "S":
            return self._shifted(element, run)
        if element.VR == "UI":
            return self._uids(element, run)
        if action == "D":
            return self._dummy(element, run)
        if element.VR == "AS":
            ages = [told_age(age) for age in texts_of(element)]
            return DataElement(element.tag, "AS", ages if len(ages) > 1 else ages[0])
        return self._text(element, action, run)

    def _sequence(self, element: DataElement, run: _Run) -> DataElement:
        items = deid_content.kept_items(
            element.value,
            keep_device=self.options.keep_device,
            keep_patient=self.options.keep_patient_characteristics,
        )
        run.counts["removed"] += len(element.value) - len(items)
        return DataElement(
            element.tag, "SQ", DicomSequence([self._cleaned(item, run) for item in items])
        )

    def _uids(self, element: DataElement, run: _Run) -> DataElement | None:
        if any(kind in element.keyword for kind in _KINDS_OF_UID):
            is_uid = all(UID(uid).is_valid for uid in texts_of(element))
            return element if is_uid else _counted(run, "removed", None)
        uids = [self.pseudonyms.uid(uid) for uid in texts_of(element)]
        run.counts["uid"] += 1
        return DataElement(element.tag, "UI", uids if len(uids) > 1 else uids[0])

    def _shifted(self, element: DataElement, run: _Run) -> DataElement:
        if element.VR == "TM":
            return element  # whole days
        days = self.pseudonyms.shift_days(*run.identity)
        move = shifted_date if element.VR == "DA" else shifted_date_time
        moved = [move(value, days) or str(dummy_of(element.VR)) for value in texts_of(element)]
        run.counts["shifted"] += 1
        return DataElement(element.tag, element.VR, moved if len(moved) > 1 else moved[0])

    def _dummy(self, element: DataElement, run: _Run) -> DataElement:
        run.counts["replaced"] += 1
        if element.VR == "SQ":
            items = [self._hidden(item, run) for item in element.value]
            return DataElement(element.tag, "SQ", DicomSequence(items))
        return DataElement(element.tag, element.VR, dummy_of(element.VR))

    def _hidden(self, ds: Dataset, run: _Run) -> Dataset:
        """The same structure with no value of the original in it."""
        out = Dataset()
        for tag in list(ds.keys()):
            if tag.is_private or not keyword_for_tag(tag) or tag.element == 0:
                continue
            try:
                element = ds[tag]
                is_empty = element.value is None or element.is_empty
            except MALFORMED:
                continue
            if is_empty:
                out.add(DataElement(tag, element.VR, [] if element.VR == "SQ" else ""))
                continue
            hidden = self._uids(element, run) if element.VR == "UI" else self._dummy(element, run)
            if hidden is not None:
                out.add(hidden)
        return out

    def _text(self, element: DataElement, action: str, run: _Run) -> DataElement | None:
        """A kept or cleaned value. What is to be cleaned and is no text goes."""
        if element.VR == "CS":
            return self._codes(element, action, run)
        if element.VR not in TEXT_VRS:
            return element if action == "K" else _counted(run, "removed", None)
        values = [self._words(element, value, action, run) for value in texts_of(element)]
        if values == texts_of(element):
            if action == "C":
                run.texts_left.add(element.keyword)
            return element
        run.counts["cleaned"] += 1
        if any(value != REMOVED for value in values):
            run.texts_left.add(element.keyword)
        limit = _LONGEST.get(element.VR)
        values = [value[:limit] for value in values]
        return DataElement(element.tag, element.VR, values if len(values) > 1 else values[0])

    def _codes(self, element: DataElement, action: str, run: _Run) -> DataElement:
        values = texts_of(element)
        kept = [value if _is_code(value, action, run) else str(dummy_of("CS")) for value in values]
        if kept == values:
            return element
        run.counts["cleaned"] += 1
        return DataElement(element.tag, "CS", kept if len(kept) > 1 else kept[0])

    def _words(self, element: DataElement, value: str, action: str, run: _Run) -> str:
        if action == "K":
            return run.identifiers.scrub(value)
        if element.VR == "UR":
            return "urn:removed"
        if element.keyword in _SENTENCES:
            return value if is_safe(value, run.identifiers) else REMOVED
        return clean(value, run.identifiers) or REMOVED


def identity_of(ds: Dataset) -> tuple[str, ...]:
    """What tells this patient from others, as the header has it."""
    texts = [str(ds.get(keyword) or "") for keyword in _IDENTITY]
    return identity_from(*texts)


def identity_from(
    patient_id: str, name: str, birth_date: str, study_instance_uid: str
) -> tuple[str, ...]:
    """What tells a patient from others: the ID, else name and birth date (``YYYYMMDD``).

    Where there is neither, each study is a patient of its own.
    """
    if patient_id.strip():
        return ("id", patient_id.strip())
    if name.strip("^= "):
        return ("name", name.strip("^= ").upper(), birth_date)
    return ("study", study_instance_uid)


def _one_of(basic: str, vr: str, is_document: bool) -> str:
    """The one action of a combination that leaves every kind of object valid.

    D where it is allowed, as it suits any type of attribute; a sequence goes as a whole, but in
    documents (SR) it is emptied, since those require some of them to be present.
    """
    actions = basic.replace("U*", "U").split("/")
    if len(actions) == 1:
        return actions[0]
    if vr == "SQ":
        return "Z" if is_document and "Z" in actions else "X" if "X" in actions else "D"
    return "D" if "D" in actions else "Z"


def _counted(run: _Run, what: str, element: DataElement | None) -> DataElement | None:
    run.counts[what] += 1
    return element


def _is_code(value: str, action: str, run: _Run) -> bool:
    """Whether a code string may stay: known words, and if it need not be cleaned no known name."""
    is_known = is_safe(value, Identifiers())
    return is_known or (action == "K" and run.identifiers.scrub(value) == value)


def _file_meta(ds: Dataset, out: Dataset) -> FileMetaDataset:
    """New file meta information: no source, no private part (PS3.15 E.1.1)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_of(ds))
    meta.MediaStorageSOPInstanceUID = out.get("SOPInstanceUID", "")
    meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    meta.ImplementationVersionName = "OVERREAD"
    return meta
