"""How a pack that was trained on crops finds its crop in a whole image: declared, a closed list."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from app.inference.manifest_steps import Fraction, Labels, Positive, Strict

Size = tuple[Positive, Positive, Positive]


class LocalizedSide(Strict):
    """Which labels the classes of the graph are on one side, in the order of its channels.

    ``box`` is the name of the reader's box for this side. ``side`` None: what an image is called
    that is itself no larger than a crop, where nothing tells the side.
    """

    side: Literal["left", "right"] | None
    box: str = ""
    labels: Labels


class Bounds(Strict):
    """A closed interval, both ends given."""

    min: float
    max: float

    @model_validator(mode="after")
    def _ordered(self) -> Bounds:
        if self.min > self.max:
            raise ValueError("min is larger than max")
        return self


class Localizer(Strict):
    """A template of one side and its mirror image, looked for as a pair (``template_search``).

    The pair is taken when each side correlates by ``min_score`` or more, no other place comes
    within ``min_lead``, and the outlines inside bear it out: ``structure_ml`` for all classes of a
    side together, ``min_confidence`` mean probability, ``min_piece`` of it in one piece, its middle
    within ``max_offset_mm`` of the found place, the first class ``min_front_mm`` or more in front
    of the last. Else the run is refused and the reader is asked for the boxes. ``box_mm`` (left to
    right, front to back, foot to head) is cut out at 1 mm, turned as the template lies, axes to the
    right, the front and the head. An image no larger than ``whole_mm`` is a crop already.
    """

    method: Literal["template_pair"]
    template: str = Field(min_length=1)
    template_side: Literal["left", "right"]
    sides: Annotated[tuple[LocalizedSide, ...], Field(min_length=2, max_length=3)]
    box_mm: Size
    whole_mm: Size
    distance_mm: Bounds
    min_score: Fraction
    min_lead: Fraction
    structure_ml: Bounds
    min_confidence: Fraction
    min_piece: Fraction
    max_offset_mm: Positive
    min_front_mm: float
    max_side_ratio: Annotated[float, Field(gt=1)]

    @model_validator(mode="after")
    def _both_sides(self) -> Localizer:
        sides = [entry.side for entry in self.sides]
        if len(set(sides)) != len(sides) or not {"left", "right"} <= set(sides):
            raise ValueError("sides must name left and right once each")
        if len({len(entry.labels) for entry in self.sides}) != 1:
            raise ValueError("every side must name as many labels")
        if any(entry.side is not None and not entry.box for entry in self.sides):
            raise ValueError("left and right need the name of the reader's box")
        return self

    def of(self, side: Literal["left", "right"] | None) -> LocalizedSide | None:
        """The entry of a side."""
        return next((entry for entry in self.sides if entry.side == side), None)
