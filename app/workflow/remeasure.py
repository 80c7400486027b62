"""Numbers of a finding from a new mask: the same kinds, and nothing that no longer fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from app.core.errors import ModelPackError
from app.core.finding import Finding
from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.core.segmentation import Mask, MaskArray
from app.core.volume import Volume
from app.imaging.labelmap import bounding_box
from app.inference.manifest import ModelPack
from app.inference.run_context import acquisition_of
from app.inference.to_findings import kind_of
from app.measure.by_role import Setting, measure_labels
from app.measure.definitions import definition_of
from app.measure.methods import METHODS, OF_ONE_MASK, OF_TWO_MASKS, REGIONAL
from app.measure.ratios import area_ratio, cardiothoracic_ratio
from app.measure.registry import ATTENUATION, DENSITIES, measure_mask
from app.workflow.session import StudySession
from app.workflow.volume_cache import find_stack

# twice the distance from the border at which a structure counts as cut off, and more
_MARGIN_VOXELS: Final = 8
_DOUBTS: Final = ("truncated_fov", "wrong_protocol", "low_quality")


def remeasured(
    session: StudySession, finding: Finding, mask: Mask, volume: Volume
) -> tuple[Measurement, ...]:
    """The measurements of the finding if ``mask`` were its mask; nothing is stored.

    A ratio is taken with the other structures as they now are. What cannot be measured again has
    no value any more: the old number would not fit the outline.
    """
    before = finding.current.measurements
    kinds = [item.kind for item in before if item.kind in OF_ONE_MASK]
    voxels, part = around(mask, volume)
    taken = measure_mask(
        voxels,
        geometry=part.geometry,
        pixel_spacing_mm=part.pixel_spacing_mm,
        spacing_source=part.spacing_source,
        values=part.measured_values() if {*DENSITIES, *ATTENUATION} & set(kinds) else None,
        what=kinds if before else None,
        quantity=part.quantity,
    )
    if not before:
        return taken
    new = {item.kind: item for item in taken}
    changed = {finding.uid: mask}
    return tuple(
        like(item, new[item.kind])
        if item.kind in new
        else _regional(session, finding, item, changed, volume)
        if item.kind in REGIONAL
        else _of_several(session, finding, item, changed)
        for item in before
    )


def ratios_remeasured(
    session: StudySession, finding: Finding, changed: Mapping[str, Mask]
) -> tuple[Measurement, ...]:
    """The measurements of a finding whose own mask stayed, while those in ``changed`` did not."""
    return tuple(
        _of_several(session, finding, item, changed)
        if item.kind in OF_TWO_MASKS or _needs_others(session, finding, item)
        else item
        for item in finding.current.measurements
    )


def around(mask: Mask, volume: Volume) -> tuple[MaskArray, Volume]:
    """Mask and volume cut to the mask's surroundings: the whole of a CT would take a second.

    The margin is wide enough that what reaches the border of the image still does, and what does
    not reaches none. Films stay whole: their points are pixels.
    """
    box = bounding_box(mask.voxels)
    geometry = volume.geometry
    if box is None or geometry is None:
        return mask.voxels, volume
    low = [max(0, n - _MARGIN_VOXELS) for n in box.lower_ijk]
    high = [
        min(size, n + _MARGIN_VOXELS)
        for n, size in zip(box.upper_ijk, geometry.size_ijk, strict=True)
    ]
    cut = tuple(slice(a, b) for a, b in zip(reversed(low), reversed(high), strict=True))
    part = Geometry.from_arrays(
        [b - a for a, b in zip(low, high, strict=True)],
        geometry.spacing_ijk,
        geometry.ijk_to_lps(low),
        geometry.direction,
        geometry.frame_of_reference_uid,
    )
    return mask.voxels[cut], replace(volume, voxels=volume.voxels[cut], geometry=part)


def like(old: Measurement, new: Measurement) -> Measurement:
    """Reference and earlier value stay with the kind; a doubt about the image stays too."""
    status = new.status
    if new.value is not None and old.status in _DOUBTS:
        status = old.status
    return replace(new, status=status, reference=old.reference, previous=old.previous)


def no_longer_fits(item: Measurement) -> Measurement:
    """The measurement without its value."""
    if item.value is None:
        return item
    note = "Measured before the outline was edited."
    return replace(item, value=None, status="failed", note=note, points_lps=())


def _regional(
    session: StudySession,
    finding: Finding,
    item: Measurement,
    changed: Mapping[str, Mask],
    volume: Volume,
) -> Measurement:
    """A measurement of named structures, with the other structures as they now are."""
    names = _label_names(session, finding, item.kind)
    masks = _masks_of(session, finding, names, changed)
    if masks is None or item.kind not in METHODS:
        return no_longer_fits(item)
    series, stack = find_stack(session.study, session.ref_of(finding))
    setting = Setting(
        volume.geometry,
        volume.measured_values() if definition_of(item.kind).needs_values else None,
        volume.quantity,
        acquisition_of(session.study, series, stack),
    )
    voxels = {name: mask.voxels for name, mask in zip(names, masks, strict=True)}
    return like(item, measure_labels(item.kind, voxels, _name(finding), setting))


def _needs_others(session: StudySession, finding: Finding, item: Measurement) -> bool:
    """Whether a measurement of named structures looks at more than the finding's own mask."""
    return item.kind in REGIONAL and len(_label_names(session, finding, item.kind)) > 1


def _of_several(
    session: StudySession, finding: Finding, item: Measurement, changed: Mapping[str, Mask]
) -> Measurement:
    found = None
    if item.kind in OF_TWO_MASKS:
        found = _masks_of(session, finding, _label_names(session, finding, item.kind), changed)
    if found is None or len(found) < 2:
        return no_longer_fits(item)
    masks = [mask.voxels for mask in found]
    if item.kind == "area_ratio":
        return like(item, area_ratio(masks[0], masks[1]))
    series, stack = find_stack(session.study, session.ref_of(finding))
    lungs = np.logical_or.reduce(masks[1:])
    return like(
        item,
        cardiothoracic_ratio(
            masks[0],
            lungs,
            geometry=stack.geometry,
            view_position=stack.view_position or series.view_position,
        ),
    )


def _label_names(session: StudySession, finding: Finding, kind: str) -> list[str]:
    """Names of the labels that the pack measures ``kind`` on; none where the pack is not there."""
    try:
        made = finding.provenance
        pack = session.context.packs.of_run(made.pack, made.version).pack
    except ModelPackError:
        return []
    return _labels_of(pack, kind, _name(finding))


def _masks_of(
    session: StudySession, finding: Finding, names: list[str], changed: Mapping[str, Mask]
) -> list[Mask] | None:
    """The masks of these labels, in their order; None: not all are there."""
    found = []
    for name in names:
        uid = next((f.uid for f in siblings(session, finding) if _name(f) == name), None)
        mask = None if uid is None else changed.get(uid) or session.mask(uid)
        if mask is None:
            return None
        found.append(mask)
    return found or None


def siblings(session: StudySession, finding: Finding) -> tuple[Finding, ...]:
    """The findings of the same pack on the same stack that are not rejected, itself included."""
    return tuple(
        other
        for other in session.findings
        if other.state != "rejected"
        and other.provenance.pack == finding.provenance.pack
        and session.ref_of(other) == session.ref_of(finding)
    )


def _labels_of(pack: ModelPack, kind: str, name: str) -> list[str]:
    """Names of the labels that a measurement of this label needs."""
    for entry in pack.measurements:
        needed = [pack.label(index).name.en for index in entry.requires]
        carriers = needed if entry.on is None else [pack.label(entry.on).name.en]
        if kind_of(entry) == kind and name in carriers:
            return needed
    return []


def _name(finding: Finding) -> str:
    """The name of the label it came from: that of the proposal, whatever it is called now."""
    return finding.proposal.content.label.en
