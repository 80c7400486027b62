"""The gate's rule about MR sequences: by the description, for tags differ too much by maker."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.report import Message
from app.inference.gate_rules import Checked, GateCase


def sequence_rule(case: GateCase) -> Iterator[Checked]:
    """One answer where the pack asks about the sequence, else none."""
    rule, told = case.wanted.sequence, case.series.description.lower()
    if not (rule.any_of or rule.none_of):
        return
    wrong = [word for word in rule.none_of if word.lower() in told]
    if wrong:
        text = Message(
            f'By its description the sequence is another one ("{wrong[0]}").',
            f"По описанию последовательность другая («{wrong[0]}»).",
        )
        yield Checked("sequence", "refuses", text)
    elif any(word.lower() in told for word in rule.any_of):
        text = Message("Sequence by the description.", "Последовательность по описанию.")
        yield Checked("sequence", "ok", text)
    else:
        text = Message("The sequence is not stated.", "Последовательность не указана.")
        yield Checked("sequence", "limits", text)
