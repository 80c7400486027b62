"""Which pack fits which stack: by the headers alone, or with the voxels as well."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.errors import AppError
from app.core.study import SeriesRef, Study
from app.dicom.stacks.assemble import assemble_volume
from app.inference.gate import Suitability, judge_content, route
from app.inference.manifest import ModelPack
from app.workflow.quality_gates import GatedImage, QualityGates
from app.workflow.volume_cache import find_stack

Routing = tuple[tuple[SeriesRef, tuple[Suitability, ...]], ...]


def route_by_headers(packs: Sequence[ModelPack], study: Study) -> Routing:
    """Every pack on every stack that has images, best pack first. No pixels are read."""
    return route(packs, study)


def route_by_content(
    packs: Sequence[ModelPack], study: Study, gates: QualityGates | None = None
) -> Routing:
    """As ``route_by_headers``; then voxels and ``gates`` are asked where nothing has refused yet.

    A stack that cannot be decoded keeps the verdict of its headers: the run itself says why.
    """
    by_id = {pack.id: pack for pack in packs}
    routing = []
    for ref, fits in route(packs, study):
        if all(fit.verdict == "refused" for fit in fits):
            routing.append((ref, fits))
            continue
        series, stack = find_stack(study, ref)
        try:
            volume = assemble_volume(study, series, stack)
        except AppError:
            routing.append((ref, fits))
            continue
        image = GatedImage(study, series, stack, volume)
        judged = [_judge(fit, by_id[fit.pack_id], image, gates) for fit in fits]
        judged.sort(key=lambda fit: (-fit.score, fit.pack_id))
        routing.append((ref, tuple(judged)))
    return tuple(routing)


def _judge(
    fit: Suitability, pack: ModelPack, image: GatedImage, gates: QualityGates | None
) -> Suitability:
    if fit.verdict != "refused":
        fit = judge_content(fit, pack, image.volume)
    return fit if gates is None or fit.verdict == "refused" else gates.judge(fit, pack, image)
