"""Where an imported pack came from, and what nobody has stated about it."""

from __future__ import annotations

from typing import Literal

from app.inference.manifest_steps import Strict

Unknown = Literal[
    "intended_use", "not_for", "licence", "population", "codes", "orientation", "training_data",
    "limits",
]  # fmt: skip


class Imported(Strict):
    """Where a pack came from that an importer made, and what neither its source nor a person said.

    While ``unknown`` is not empty no series is better than *limited* for this pack.
    """

    source: Literal["nnunet", "monai", "totalsegmentator", "classifier"]
    details: str = ""
    unknown: tuple[Unknown, ...] = ()
