"""Versions that run in the shadow: beside the one in use, compared, never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.core.errors import AppError, Cancelled
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
from app.inference.compare import Side, compare
from app.inference.gate import judge
from app.inference.pack_store import InstalledPack
from app.inference.run_context import RunContext
from app.inference.run_report import run_json
from app.jobs.cancel import CancelToken
from app.workflow.context import AppContext
from app.workflow.volume_cache import find_stack

if TYPE_CHECKING:
    from app.inference.result import InferenceResult


def run_shadows(
    context: AppContext,
    study: Study,
    shown: Side,
    volume: Volume,
    *,
    run_context: RunContext,
    cancel: CancelToken,
) -> list[dict[str, Any]]:
    """Run the shadow versions of the pack that was just run; a row for each, for its run report.

    What goes wrong with one of them is its row and nobody else's trouble. Raises ``Cancelled``.
    """
    own = [one for one in context.packs.shadows() if one.pack.id == shown.pack.id]
    rows = []
    for installed in own:
        if installed.pack.weights_sha256 == shown.result.weights_sha256 and (
            installed.manifest_sha256 == shown.result.manifest_sha256
        ):
            continue  # it is itself what was shown
        row: dict[str, Any] = {"pack": installed.pack.id, "version": installed.pack.version}
        try:
            result = _run(context, study, installed, volume, run_context, cancel)
            row["report"] = run_json(
                result, pack=installed.pack, geometry=volume.geometry,
                completeness=study.completeness,
            )  # fmt: skip
            row["comparison"] = compare(shown, Side(installed.pack, result), volume.geometry)
        except Cancelled:
            raise
        except AppError as fault:
            row["error"] = {"en": fault.message, "ru": fault.ru}
        rows.append(row)
    return rows


def _run(
    context: AppContext,
    study: Study,
    installed: InstalledPack,
    volume: Volume,
    run_context: RunContext,
    cancel: CancelToken,
) -> InferenceResult:
    from app.workflow.run_models import refused

    ref: SeriesRef = volume.source
    series, stack = find_stack(study, ref)
    verdict = judge(installed.pack, study, series, stack)
    if verdict.verdict == "refused":
        raise refused(verdict)
    return context.inference.run(installed, volume, context=run_context, cancel=cancel)
