from __future__ import annotations

from pathlib import Path

from app.dicom.objects.sr_measurements import READ_METHOD, measurement_groups
from app.dicom.objects.sr_tree import sr_tree
from tests.support.synthetic_objects import (
    coded,
    image,
    item,
    measurement_group,
    measurements,
    number,
    write_report,
)

LONG_AXIS = ("103339001", "SCT", "Long Axis")
ATTENUATION = ("112031", "DCM", "Attenuation Coefficient")


def test_d06_a_group_keeps_uid_codes_values_and_places(tmp_path: Path) -> None:
    line = item(
        "SCOORD", None, [image("1.2.3", "SELECTED FROM", frames=(4,))],
        relationship="INFERRED FROM", GraphicType="POLYLINE",
    )  # fmt: skip
    line.GraphicData = [1.5, 2.5, 8.5, 2.5]
    mean = number(ATTENUATION, "-120", "[hnsf'U]")
    mean.ContentSequence = [coded(
        ("121401", "DCM", "Derivation"), ("R-00317", "SRT", "Mean"), "HAS CONCEPT MOD"
    )]  # fmt: skip
    site = coded(("G-C0E3", "SRT", "Finding Site"), ("T-28000", "SRT", "Lung"), "HAS CONCEPT MOD")
    site.ContentSequence = [coded(
        ("G-C171", "SRT", "Laterality"), ("G-A101", "SRT", "Left"), "HAS CONCEPT MOD"
    )]  # fmt: skip
    path = write_report(
        tmp_path / "sr",
        [
            measurements(
                measurement_group(
                    coded(("121071", "DCM", "Finding"), ("27925004", "SCT", "Nodule")),
                    site,
                    number(LONG_AXIS, "7", "mm", line),
                    mean,
                    number(("99", "99X", "Glow factor"), "3", "1"),
                    coded(("1", "99X", "Shape"), ("2", "99X", "Round")),
                )
            )
        ],
    )
    (group,) = measurement_groups(sr_tree(path))
    assert (group.tracking_id, group.tracking_uid) == ("lesion 1", "1.2.3.4.5")
    assert group.finding is not None
    assert group.finding.value == "27925004"
    assert group.site is not None
    assert group.site.value == "39607008"
    assert group.laterality == "left"
    assert [(n.kind, n.value, n.unit, n.method) for n in group.measurements] == [
        ("long_axis", 7.0, "mm", READ_METHOD),
        ("mean", -120.0, "[hnsf'U]", READ_METHOD),
        ("glow_factor", 3.0, "1", READ_METHOD),
    ]
    (region,) = group.measured_on[0]
    assert region.image is not None
    assert region.image.frames == (4,)
    assert region.points == ((1.5, 2.5), (8.5, 2.5))
    ((name, value),) = group.evaluations
    assert (name.meaning, value.meaning) == ("Shape", "Round")


def test_reports_of_other_templates_have_no_groups(tmp_path: Path) -> None:
    path = write_report(tmp_path / "sr", [number(LONG_AXIS, "7", "mm")])
    assert measurement_groups(sr_tree(path)) == ()
