"""Image quality by a model: what it suspects becomes a request to check, never a correction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.core.report import Message
from app.inference.result import QualityFlag

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack


def quality_flags(pack: ModelPack, scores: dict[str, float]) -> tuple[QualityFlag, ...]:
    """A flag for each head whose score reaches its operating point; a head without one is silent.

    The label's name says what is suspected.
    """
    flags = []
    for label in pack.output.labels:
        score, point = scores.get(label.name.en), pack.operating_point(label.index)
        if score is None or point is None or score < point.threshold:
            continue
        text = Message(
            f"Please check: {label.name.en}?", f"Проверьте, пожалуйста: {label.name.ru}?"
        )
        flags.append(QualityFlag(flag_id(label.name.en), (label.index,), text))
    return tuple(flags)


def flag_id(name: str) -> str:
    """``film turned by 90 degrees`` as ``film-turned-by-90-degrees``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
