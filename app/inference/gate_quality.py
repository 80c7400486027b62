"""What packs of image quality say of an image, as reasons of the gate of every other pack.

A pack of the task ``quality`` gates where its manifest says of a label that a suspicion ``limits``
or ``refuses`` other packs. It speaks for packs that are meant for the same images: a check of
frontal chest films has nothing to say to a pack of hands or of lateral films.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.core.report import Message
from app.inference.gate_rules import Checked, passed
from app.inference.quality_heads import quality_flags

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.result import InferenceResult

_RULE = "quality"


def is_gate(pack: ModelPack) -> bool:
    """Whether the pack says anything about other packs."""
    return pack.task == "quality" and any(label.gates for label in pack.output.labels)


def guards(gate: ModelPack, pack: ModelPack) -> bool:
    """Whether ``pack`` is asked about at ``gate``: another task, meant for the same images.

    Modality and body part must have something in common, and every view that ``pack`` reads must
    be one that the gate knows; what the gate leaves open fits everything.
    """
    own, other = gate.input.series[0], pack.input.series[0]
    views = _upper(own.view_position)
    return (
        is_gate(gate)
        and pack.task != "quality"
        and gate.input.dimensions == pack.input.dimensions
        and bool(_upper(own.modality) & _upper(other.modality))
        and (not own.body_part or bool(_upper(own.body_part) & _upper(other.body_part)))
        and (not views or (bool(other.view_position) and _upper(other.view_position) <= views))
    )


def _upper(values: tuple[str, ...]) -> set[str]:
    return {value.upper() for value in values}


def quality_rules(gate: ModelPack, result: InferenceResult) -> Iterator[Checked]:
    """Every suspicion that gates, or that there is none."""
    suspected = {index for flag in quality_flags(gate, result.scores) for index in flag.labels}
    labels = [label for label in gate.output.labels if label.index in suspected and label.gates]
    for label in labels:
        what = label.name.en[:1].upper() + label.name.en[1:]
        text = Message(
            f'{what}, as "{gate.name.en}" suspects.', f"Похоже, {label.name.ru} («{gate.name.ru}»)."
        )
        yield Checked(_RULE, label.gates or "limits", text)
    if not labels:
        yield passed(_RULE, f'"{gate.name.en}" suspects nothing',
                     f"«{gate.name.ru}»: подозрений нет")  # fmt: skip


def not_checked(gate: ModelPack, why: Message) -> Checked:
    """The check itself failed: nothing is known of the image, which is no refusal."""
    text = Message(
        f'"{gate.name.en}" could not check the image: {why.en}',
        f"«{gate.name.ru}»: проверить изображение не удалось. {why.ru}",
    )
    return Checked(_RULE, "limits", text)
