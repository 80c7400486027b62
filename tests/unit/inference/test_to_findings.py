"""Findings from results: measurements with status, provenance, quality."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.core.report import Message
from app.core.study import FrameRef, Instance, Patient, PatientText, Series, Stack, Study
from app.inference.pack_store import PackStore
from app.inference.result import InferenceResult, QualityFlag
from app.inference.run_report import mask_file_name, run_json
from app.inference.to_findings import to_findings
from tests.support import tiny_pack

_NONE = PatientText("")


class Uids:
    def __init__(self):
        self._numbers = itertools.count(1)

    def new_uid(self):
        return f"2.25.{next(self._numbers)}"


class Clock:
    def now_utc(self):
        return "2026-01-01T00:00:00.000+00:00"


@pytest.fixture
def pack(tmp_path):
    tiny_pack.write_film_pack(tmp_path)
    return PackStore(tmp_path, tmp_path / "user").get("tiny-lungs").pack


def study():
    image = Instance(Path("x"), "1.2.3.4.5", "", "", 1, 1, 150, 200)
    stack = Stack(0, "", (FrameRef(image),), "stack", None, 150, 200, "MONOCHROME2", "arbitrary")
    series = Series("1.2.3.4", "DX", "", "CHEST", 1, (), (), (image,), 1, (stack,))
    return Study("1.2.3", Patient(_NONE, _NONE, _NONE, ""), "", "", _NONE, "", (series,))


def result(pack, flags=()):
    masks = tuple(
        (n, tiny_pack.ellipse(150, 200, center, half)[None].astype(np.uint8))
        for n, center, half in ((1, 0.3, 0.16), (2, 0.7, 0.12))
    )
    return InferenceResult(
        pack.id, pack.version, pack.weights.sha256, "ab" * 32, "cpu", ("CPUExecutionProvider",),
        tiny_pack.SOURCE, False, {"load": 0.1}, 1, masks, {"right lung": 0.97, "left lung": 0.96},
        tuple(flag.id for flag in flags), flags,
    )  # fmt: skip


def make(pack, flags=(), **film):
    volume = replace(tiny_pack.film(), **film)
    return to_findings(result(pack, flags), pack, study(), volume, clock=Clock(), uids=Uids())


def test_one_finding_per_lung_with_numbers_and_provenance(pack):
    made = make(pack)
    assert [f.current.label.en for f in made.findings] == ["right lung", "left lung"]
    assert [f.current.laterality for f in made.findings] == ["right", "left"]
    right, left = made.findings
    areas = [m.measurements[0] for m in (right.current, left.current)]
    true = [
        tiny_pack.ellipse(150, 200, c, h).sum() * 0.25 / 100 for c, h in ((0.3, 0.16), (0.7, 0.12))
    ]
    assert [a.value for a in areas] == [pytest.approx(t) for t in true]
    assert {a.unit for a in areas} == {"cm2"}
    assert {a.status for a in areas} == {"valid"}
    ratio = right.current.measurements[1]
    assert ratio.kind == "area_ratio"
    assert ratio.value == pytest.approx(true[1] / true[0])
    assert right.current.region.slice.sop_instance_uid == "1.2.3.4.5"
    assert right.current.region.mask_sha256 in made.masks
    assert right.proposal.score == 0.97
    assert right.proposal.content == right.current
    assert right.provenance.pack == "tiny-lungs"
    assert right.provenance.manifest_sha256 == "ab" * 32
    assert right.provenance.device == "cpu"
    assert right.state == "proposed"
    assert len({uid for f in made.findings for uid in (f.uid, f.tracking_uid)}) == 4


def test_m01_without_pixel_spacing_the_area_is_a_share_of_the_image(pack):
    area = make(pack, pixel_spacing_mm=None, spacing_source="").findings[0].current.measurements[0]
    assert area.unit == "%"


def test_flags_reach_the_numbers_that_they_concern(pack):
    flag = QualityFlag("lung-cut-off", (2,), Message("Cut off.", "Срезано."), "truncated_fov")
    made = make(pack, (flag,))
    right, left, quality = made.findings
    assert right.current.measurements[0].status == "valid"
    assert left.current.measurements[0].status == "truncated_fov"
    assert right.current.measurements[1].status == "truncated_fov"  # the ratio needs both
    assert right.current.quality_flags == ()
    assert left.current.quality_flags == ("lung-cut-off",)
    assert quality.current.region.kind == "image"
    assert quality.current.label.en == "Quality of the model's result: Cut off"
    assert quality.current.label.ru.endswith(": Срезано")


def test_empty_masks_give_no_finding_and_absent_ratios(pack):
    base = result(pack)
    empty = replace(base, masks=(base.masks[0], (2, np.zeros_like(base.masks[1][1]))))
    made = to_findings(empty, pack, study(), tiny_pack.film(), clock=Clock(), uids=Uids())
    assert [f.current.label.en for f in made.findings] == ["right lung"]
    assert made.findings[0].current.measurements[1].status == "absent"


def test_run_report(pack):
    report = run_json(result(pack), pack=pack, read_seconds=0.25)
    assert report["schema"] == "overread.run/1"
    assert set(report["seconds"]) == {"read", "load", "pre", "model", "post", "write"}
    assert report["seconds"]["read"] == 0.25
    assert report["outputs"][1]["mask"] == mask_file_name(pack, 2) == "masks/2-left-lung.nii.gz"
    assert report["outputs"][0]["voxels"] > 0
    assert report["outputs"][0]["volume_ml"] is None
