"""Packs of image quality as gates: what they suspect refuses or limits the other packs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import AppError, Cancelled
from app.core.report import Message
from app.core.study import Series, Stack, Study
from app.core.volume import Volume
from app.inference.gate import Suitability, judge, judge_content, judge_quality
from app.inference.gate_quality import guards, is_gate, not_checked, quality_rules
from app.inference.gate_rules import Checked
from app.inference.manifest import ModelPack
from app.inference.pack_store import InstalledPack
from app.inference.run_context import RunContext, acquisition_of

if TYPE_CHECKING:
    from app.inference.result import InferenceResult

Examine = Callable[[InstalledPack, Volume, RunContext], "InferenceResult"]
"""Runs a pack of image quality: pack, image, how it was acquired."""


@dataclass(frozen=True, slots=True)
class GatedImage:
    """The stack that is judged, with its voxels."""

    study: Study
    series: Series
    stack: Stack
    volume: Volume


class QualityGates:
    """The gates among the packs in use. One thread.

    An image is examined once by each: the answers about the image asked for last are kept.
    """

    def __init__(self, packs: Iterable[InstalledPack], examine: Examine) -> None:
        self._gates = tuple(one for one in packs if is_gate(one.pack))
        self._examine = examine
        self._volume: Volume | None = None
        self._said: dict[str, tuple[Checked, ...]] = {}

    def judge(self, fit: Suitability, pack: ModelPack, image: GatedImage) -> Suitability:
        """The verdict with the reasons of every gate that reads images like this one.

        No gate installed, or none that fits the image itself: ``fit`` as it is. Raises
        ``Cancelled``; another failure of a gate is a reason that limits.
        """
        if self._volume is not image.volume:
            self._volume, self._said = image.volume, {}
        for one in self._gates:
            if not guards(one.pack, pack):
                continue
            if one.key not in self._said:
                self._said[one.key] = self._ask(one, image)
            if said := self._said[one.key]:
                fit = judge_quality(fit, said)
        return fit

    def _ask(self, one: InstalledPack, image: GatedImage) -> tuple[Checked, ...]:
        gate = one.pack
        own = judge(gate, image.study, image.series, image.stack)
        if own.verdict == "refused":
            return ()
        if judge_content(own, gate, image.volume).verdict == "refused":
            return ()
        given = RunContext(acquisition=acquisition_of(image.study, image.series, image.stack))
        try:
            return tuple(quality_rules(gate, self._examine(one, image.volume, given)))
        except Cancelled:
            raise
        except AppError as fault:
            return (not_checked(gate, Message(fault.message, fault.ru)),)
