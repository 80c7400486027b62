"""Two packs, or two versions of one, on one image: the verb ``packs compare``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.inference.compare import Side, compare
from app.inference.pack_store import InstalledPack
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.workflow.infer_image import InferRequest, choose_image, run_on

if TYPE_CHECKING:
    from app.inference.worker import InferenceProcess


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """``first`` names the pack and the image, ``other`` the pack to hold against it."""

    first: InferRequest
    other: InstalledPack


def compare_packs(
    request: CompareRequest,
    process: InferenceProcess,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """The object ``overread.compare/1``; both packs read the same stack.

    The image is the one that fits the first pack best. Each pack is judged for it: raises
    ``PackRefused`` where one of them is not meant for it, unless forced, and as ``infer_image``.
    """
    source = choose_image(request.first, part_of(progress, 0.0, 0.2), cancel)
    second = replace(
        request.first,
        installed=request.other,
        series=source.ref.series_instance_uid,
        stack=source.ref.stack,
    )
    other = choose_image(second, part_of(progress, 0.2, 0.3), cancel)
    results = [
        run_on(one, image, process, progress=part_of(progress, low, low + 0.35), cancel=cancel)
        for one, image, low in ((request.first, source, 0.3), (second, other, 0.65))
    ]
    sides = [
        Side(installed.pack, result)
        for installed, result in zip((request.first.installed, request.other), results, strict=True)
    ]
    return compare(sides[0], sides[1], source.volume.geometry)
