"""Findings, studies and clocks for tests, and hypothesis strategies for them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from app.core import codes
from app.core.codes import Code
from app.core.finding import (
    Decision,
    Finding,
    FindingContent,
    Label,
    OperatingPoint,
    Proposal,
    Region,
    Site,
    SliceRef,
)
from app.core.measurement import Measurement, PreviousValue, Reference, Uncertainty
from app.core.provenance import Provenance
from app.core.study import (
    FrameRef,
    Instance,
    Patient,
    PatientText,
    Series,
    Stack,
    Study,
)

STUDY_UID = "1.2.3.4"
SERIES_UID = "1.2.3.4.1"


@dataclass
class FixedClock:
    """Each look at the clock is one second later than the last."""

    seconds: itertools.count = field(default_factory=itertools.count)

    def now_utc(self) -> str:
        n = next(self.seconds)
        return f"2026-11-20T{10 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}.000+00:00"


@dataclass
class CountedUids:
    """2.25.1, 2.25.2, ..."""

    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def new_uid(self) -> str:
        return f"2.25.{next(self.numbers)}"


def effusion(**changes: object) -> FindingContent:
    values: dict = {
        "concept": codes.PLEURAL_EFFUSION,
        "label": Label("pleural effusion", "плевральный выпот"),
        "laterality": "left",
        "significance": "significant",
        "measurements": (Measurement("volume", 412.0, "mL", "voxel-count@1"),),
    }
    return FindingContent(**(values | changes))


def model_finding(uid: str = "2.25.100", content: FindingContent | None = None) -> Finding:
    content = content or effusion()
    return Finding(
        uid=uid,
        tracking_uid=f"{uid}.1",
        study_instance_uid=STUDY_UID,
        series_instance_uid=SERIES_UID,
        stack=0,
        proposal=Proposal(content, 0.83, OperatingPoint("balanced", 0.5)),
        current=content,
        state="proposed",
        provenance=Provenance(
            "model", "2026-11-20T09:00:00+00:00", pack="tiny", version="1.0.0",
            weights_sha256="ab" * 32, manifest_sha256="cd" * 32, device="cpu",
        ),
    )  # fmt: skip


def header_study(
    study_uid: str = STUDY_UID,
    *,
    modality: str = "DX",
    blocked: str = "",
    folder: Path | None = None,
) -> Study:
    """A study of headers only: one series, one stack of one image, no file behind it."""
    path = (folder or Path("/nowhere")) / "image.dcm"
    instance = Instance(path, f"{study_uid}.9", "1.2.840.10008.5.1.4.1.1.1.1", "1.2", 1, 1, 64, 48)
    stack = Stack(0, "one image", (FrameRef(instance),), "stack", None, 64, 48, "MONOCHROME2", "OD")
    series = Series(
        series_instance_uid=f"{study_uid}.1",
        modality=modality,
        description="chest",
        body_part="CHEST",
        number=1,
        sop_class_uids=(instance.sop_class_uid,),
        transfer_syntax_uids=("1.2",),
        instances=(instance,),
        frames=1,
        stacks=(stack,),
    )
    return Study(
        study_instance_uid=study_uid,
        patient=Patient(
            PatientText("4711"), PatientText("IVANOVA^ANNA"), PatientText("1965-02-03"), "F"
        ),
        study_date="2026-11-20",
        study_time="10:00:00",
        accession_number=PatientText("A123"),
        description="chest",
        series=(series,),
        blocked=blocked,
    )


words = st.text(alphabet="abc дё^\"'\\", min_size=1, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
coded = st.builds(Code, words, words, words)
points = st.tuples(finite, finite, finite)

measurements = st.builds(
    Measurement,
    kind=words,
    value=finite,
    unit=st.sampled_from(["mm", "mL", "cm2", "1"]),
    method=st.just("made-up@2"),
    status=st.sampled_from(["valid", "edited", "low_quality"]),
    note=st.text(max_size=4),
    reference=st.none()
    | st.builds(Reference, st.none() | finite, st.none() | finite, words, st.text(max_size=4)),
    previous=st.none() | st.builds(PreviousValue, finite, words, words),
    points_lps=st.lists(points, max_size=2).map(tuple),
    uncertainty=st.none() | st.builds(Uncertainty, words, finite, st.none()),
    note_ru=st.text(max_size=4),
)
regions = st.builds(
    Region,
    kind=st.sampled_from(["segment", "box", "point", "image"]),
    mask_sha256=st.sampled_from(["", "ab" * 32]),
    box_lps=st.lists(points, max_size=2).map(tuple),
    slice=st.none() | st.builds(SliceRef, words, st.integers(1, 9)),
    box_is_pixels=st.booleans(),
)
sites = st.builds(Site, st.none() | coded, words, words, st.sampled_from(["", "S3"]))
contents = st.builds(
    FindingContent,
    concept=st.none() | coded,
    label=st.builds(Label, words, words),
    presence=st.sampled_from(["present", "absent", "uncertain"]),
    laterality=st.sampled_from([None, "left", "right", "bilateral", "midline"]),
    site=st.none() | sites,
    significance=st.sampled_from(["critical", "significant", "incidental", "descriptive"]),
    region=st.none() | regions,
    measurements=st.lists(measurements, max_size=2).map(tuple),
    quality_flags=st.lists(words, max_size=2).map(tuple),
)
proposals = st.builds(
    Proposal,
    contents,
    st.none() | finite,
    st.none() | st.builds(OperatingPoint, words, finite),
)
provenances = st.builds(
    Provenance,
    kind=st.sampled_from(["model", "person"]),
    at_utc=words,
    person=words,
    pack=words,
    version=words,
    device=words,
    forced=st.booleans(),
)
decisions = st.builds(
    Decision, st.sampled_from(["accept", "reject", "reopen", "edit"]), words, words, words
)


@st.composite
def proposed_findings(draw: st.DrawFn) -> Finding:
    proposal = draw(proposals)
    return Finding(
        uid=draw(words),
        tracking_uid=draw(words),
        study_instance_uid=STUDY_UID,
        series_instance_uid=draw(words),
        stack=draw(st.integers(0, 3)),
        proposal=proposal,
        current=proposal.content,
        state="proposed",
        provenance=draw(provenances),
    )
