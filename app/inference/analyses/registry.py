"""From the id of an analysis to its function; each is imported when it is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from app.core.errors import ModelPackError
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.versions import VERSIONS

Analysis = Callable[[AnalysisInput], AnalysisOutput]


def find_analysis(analysis_id: str) -> Analysis:
    """The analysis of this id. Raises ``ModelPackError`` where the program has none."""
    if analysis_id not in VERSIONS:
        raise _unknown(analysis_id)
    module = importlib.import_module(f"app.inference.analyses.{analysis_id.replace('-', '_')}")
    analysis: Analysis = module.run
    return analysis


def _unknown(analysis_id: str) -> ModelPackError:
    return ModelPackError(
        f'This program has no analysis "{analysis_id}".',
        ru=f"В этой программе нет анализа «{analysis_id}».",
        hint="The pack may need a newer version of the program.",
        hint_ru="Возможно, пакету нужна более новая версия программы.",
    )
