"""From the id of an analysis to its function; each is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable

from app.core.errors import ModelPackError
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput

Analysis = Callable[[AnalysisInput], AnalysisOutput]


def find_analysis(analysis_id: str) -> Analysis:
    """The analysis of this id. Raises ``ModelPackError`` where the program has none."""
    raise ModelPackError(
        f'This program has no analysis "{analysis_id}".',
        ru=f"В этой программе нет анализа «{analysis_id}».",
        hint="The pack may need a newer version of the program.",
        hint_ru="Возможно, пакету нужна более новая версия программы.",
    )
