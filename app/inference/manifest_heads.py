"""Parts of a manifest about outputs that are no maps of labels: boxes, points, numbers, channels.

Closed lists, as in ``manifest_steps``: a form of output that is not listed here cannot be read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from app.inference.manifest_steps import Fraction, LabelIndex, Strict, ValueStep

AxisOrder = Literal["xy", "yx", "xyz", "zyx"]


class BoxHead(Strict):
    """How boxes are read from the outputs of a detector.

    ``boxes`` names the output with one box per row (``rows``, ``[N, F]``) or per column
    (``columns``, ``[F, N]``); a batch axis of 1 in front is taken away. Its first 2 x dimensions
    numbers are the box: ``corners`` (least, greatest) or ``center_size``, per corner in the
    order ``axes`` (x column, y row, z slice), in pixels of the tensor (``edges``: 0 is the outer
    edge of the first pixel, as torchvision; ``centers``: its centre) or as a ``fraction`` of it.
    Scores: the output ``scores`` (``[N]`` or ``[N, classes]``), or, without it, the numbers that
    follow the box. ``labels`` names an output with one class number per box (``[N]``); the label
    of class c has the index c - ``first_class`` + 1. Without it column c of the scores is label
    c + 1 - ``skip_classes``, and the first ``skip_classes`` columns (background) are left out.
    """

    boxes: str = Field(min_length=1)
    scores: str = ""
    labels: str = ""
    layout: Literal["rows", "columns"] = "rows"
    form: Literal["corners", "center_size"] = "corners"
    axes: AxisOrder
    unit: Literal["edges", "centers", "fraction"] = "edges"
    first_class: Annotated[int, Field(ge=0, le=1)] = 0
    skip_classes: Annotated[int, Field(ge=0, le=1)] = 0
    activation: Literal["none", "sigmoid", "softmax"] = "none"

    @model_validator(mode="after")
    def _one_way(self) -> BoxHead:
        if self.labels and not self.scores:
            raise ValueError("labels of boxes need an output of scores")
        if self.labels and self.activation == "softmax":
            raise ValueError("softmax needs scores of all classes, not labels")
        return self


class PointHead(Strict):
    """How landmarks are read: label n is channel n - 1 of a heat map or row n - 1 of a table.

    ``heatmap``: the largest value of each channel, refined to the centroid of the 3 x 3 (x 3)
    pixels around it; that value is the score. ``coordinates``: an output ``[L, D]`` or ``[L * D]``
    in the order ``axes`` and ``unit`` as for boxes; ``scores`` names an output ``[L]`` or is empty.
    A point whose score is under its operating point, or under ``min_score``, is not proposed.
    """

    form: Literal["heatmap", "coordinates"]
    points: str = Field(min_length=1)
    scores: str = ""
    axes: AxisOrder | None = None
    unit: Literal["edges", "centers", "fraction"] = "centers"
    activation: Literal["none", "sigmoid"] = "none"
    min_score: Fraction = 0.0

    @model_validator(mode="after")
    def _complete(self) -> PointHead:
        if self.form == "coordinates" and self.axes is None:
            raise ValueError("coordinates need the order of their axes")
        return self


class ValueHead(Strict):
    """A head that gives a number: ``value = raw * scale + offset`` in ``unit`` (UCUM).

    ``method`` is ``name@version`` of how it was defined in training. A value outside ``low`` to
    ``high`` is not reported: the status is ``failed`` and the note says so.
    """

    label: LabelIndex
    kind: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_]*$")]
    unit: str = Field(min_length=1)
    method: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*@\d+$")]
    scale: float = 1.0
    offset: float = 0.0
    low: float | None = None
    high: float | None = None


class Channel(Strict):
    """One channel of the input: the same image through value steps of its own.

    ``role`` is the role of the series that it is made from.
    """

    role: str = "image"
    name: str = ""
    steps: tuple[ValueStep, ...] = ()
