"""The parts of a model pack's manifest: files, graph, input, output, figures, card."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from app.inference.manifest_heads import BoxHead, Channel, PointHead, ValueHead
from app.inference.manifest_localizer import Localizer
from app.inference.manifest_steps import (
    Fraction,
    LabelIndex,
    Labels,
    Positive,
    PostStep,
    PreStep,
    QualityCheck,
    Strict,
    Text,
)

PackPath = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")
]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class CodeEntry(Strict):
    """A coded concept as in ``core.codes.Code``."""

    value: str = Field(min_length=1)
    scheme: str = Field(min_length=1)
    meaning: str = Field(min_length=1)


class PackFile(Strict):
    """One file of the pack with what it must hash to."""

    path: PackPath
    sha256: Sha256
    bytes: Annotated[int, Field(ge=0, le=8 << 30)]
    role: Literal["weights", "card", "licence", "notice", "golden", "other"] = "other"


class Tensor(Strict):
    """An input or output of the graph. ``shape`` has -1 where the size is free."""

    name: str = Field(min_length=1)
    dtype: Literal["float32", "float16", "int64", "uint8"] = "float32"
    axes: Annotated[
        tuple[Literal["batch", "channel", "depth", "row", "column", "class"], ...],
        Field(min_length=1),
    ]
    shape: Annotated[tuple[int, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _same_length(self) -> Tensor:
        if len(self.axes) != len(self.shape):
            raise ValueError("axes and shape differ in length")
        return self


class Onnx(Strict):
    """The graph. ``file`` is one of ``files``.

    ``folds`` are further graphs of the same form: the mean of all their raw outputs counts
    (nnU-Net), and each is run after the other.
    """

    file: PackPath
    folds: Annotated[tuple[PackPath, ...], Field(max_length=20)] = ()
    opset: Annotated[int, Field(ge=7, le=30)]
    precision: Literal["float32", "float16", "int8", "mixed"] = "float32"
    inputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]


class AnalysisEntry(Strict):
    """A deterministic analysis of the program itself, in place of a graph.

    ``id`` and ``version`` must be those of ``app.inference.analyses.registry``; ``parameters``
    are the numbers that the analysis documents.
    """

    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{1,62}$")]
    version: Annotated[int, Field(ge=1)]
    parameters: dict[str, float] = Field(default_factory=dict)


class ReaderInputEntry(Strict):
    """What the pack asks of the reader (``core.reader_input``), by the name that it goes by.

    A pack with a required entry does not run by itself. ``options`` are those of a choice.
    """

    name: str = Field(min_length=1)
    kind: Literal["point", "box", "line", "choice"]
    text: Text
    required: bool = False
    many: bool = False
    options: tuple[str, ...] = ()


class Runtime(Strict):
    """What the graph needs to run and where it was tried."""

    min_ort: Annotated[str, Field(pattern=r"^\d+\.\d+(\.\d+)?$")] = "1.17"
    providers_tested: tuple[
        Literal["CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider",
                "DmlExecutionProvider", "CoreMLExecutionProvider"], ...
    ] = ("CPUExecutionProvider",)  # fmt: skip


class Range(Strict):
    """A closed interval; None is open on that side."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is larger than max")
        return self


class ImageTypeRule(Strict):
    """Values that Image Type (0008,0008) must and must not hold."""

    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()


class Kernel(Strict):
    """Convolution kernels that are liked, and those that are excluded (parts of the name)."""

    prefer: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Words(Strict):
    """Parts of a description: one of ``any_of`` should be in it, none of ``none_of`` may."""

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()


class SeriesRule(Strict):
    """Which series fits. Empty means: anything. Names are compared without case.

    What the image says wrongly is refused; what it does not say makes it limited, except modality.
    """

    role: str = "image"
    modality: Annotated[tuple[str, ...], Field(min_length=1)]
    sop_classes: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view_position: tuple[str, ...] = ()
    image_type: ImageTypeRule = ImageTypeRule()
    orientation: tuple[Literal["axial", "coronal", "sagittal", "oblique", "projection"], ...] = ()
    min_slices: Annotated[int, Field(ge=1)] = 1
    slice_thickness: Range = Range()
    spacing: Range = Range()
    kernel: Kernel = Kernel()
    contrast: Literal["any", "none", "required"] = "any"
    phase: tuple[str, ...] = ()
    sequence: Words = Words()
    kvp: Range = Range()
    age: Range = Range()
    sex: tuple[Literal["M", "F", "O"], ...] = ()


class Input(Strict):
    """What goes in: which series, which quantity, and every step up to the tensor."""

    dimensions: Literal[2, 3]
    series: Annotated[tuple[SeriesRule, ...], Field(min_length=1, max_length=1)]
    units: Literal["arbitrary", "HU", "SUVbw", "OD"] = "arbitrary"
    train_orientation: str = ""
    steps: tuple[PreStep, ...]
    channels: Annotated[tuple[Channel, ...], Field(max_length=32)] = ()
    localizer: Localizer | None = None


class Window(Strict):
    """Weight of a patch where patches overlap: Gaussian of ``sigma`` patch lengths.

    ``gaussian`` has its middle at ``n // 2`` (nnU-Net), ``gaussian_middle`` at ``(n - 1) / 2`` with
    no weight below a thousandth (MONAI).
    """

    kind: Literal["gaussian", "gaussian_middle", "none"] = "gaussian"
    sigma: Positive = 0.125
    scale: Positive = 10.0


class Infer(Strict):
    """How the graph is run. ``patch`` None: the whole tensor at once.

    A patch of two sizes on a volume: the model reads slices, and every slice is tiled.
    ``mirror_axes`` are tensor axes of test-time mirroring; a model of left and right must carry
    the explicit empty list (trap 10), so there is no default. ``batch`` patches run at once where
    the graph allows it. ``placement``: starts spread evenly (nnU-Net), or at a fixed interval with
    the last one moved back to the edge (MONAI). ``back``: what is brought back to the grid of a
    volume, raw outputs (nnU-Net) or probabilities. ``empty_below``: a patch with no larger value
    (after the steps) is taken for background and not run.
    """

    patch: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    placement: Literal["even", "interval"] = "even"
    window: Window = Window()
    mirror_axes: tuple[Literal[0, 1, 2], ...]
    pad_value: float = 0.0
    batch: Annotated[int, Field(ge=1, le=64)] = 1
    empty_below: float | None = None
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"
    back: Literal["raw", "probability"] = "raw"


class LabelEntry(Strict):
    """One label of a segmentation, or one head of a classifier.

    ``index`` is the channel of the output (0 is background in a softmax segmentation). ``finding``
    False: the mask is made, no finding is proposed. ``gates``, for packs of image quality: what
    this suspicion means for the other packs that are meant for the same images.
    """

    index: LabelIndex
    name: Text
    code: CodeEntry
    category: CodeEntry = CodeEntry(value="91723000", scheme="SCT", meaning="Anatomical Structure")
    laterality: Literal["left", "right", "bilateral", "midline"] | None = None
    site: CodeEntry | None = None
    site_name: Text | None = None
    rgb: tuple[
        Annotated[int, Field(ge=0, le=255)],
        Annotated[int, Field(ge=0, le=255)],
        Annotated[int, Field(ge=0, le=255)],
    ]  # fmt: skip
    overlaps: bool = False
    significance: Literal["critical", "significant", "incidental", "descriptive"] = "descriptive"
    actionable_class: str = ""
    finding: bool = True
    gates: Literal["limits", "refuses"] | None = None


class Output(Strict):
    """What comes out. ``valid_heads`` None: all; heads that were not trained must be left out.

    ``boxes`` belongs to detection, ``points`` to landmarks, ``values`` to regression. ``attention``
    names an output with a map 0..1 per head (``attention_maps``), for classifiers of films.
    """

    labels: Annotated[tuple[LabelEntry, ...], Field(min_length=1)]
    post: tuple[PostStep, ...] = ()
    quality: tuple[QualityCheck, ...] = ()
    valid_heads: tuple[LabelIndex, ...] | None = None
    boxes: BoxHead | None = None
    points: PointHead | None = None
    values: tuple[ValueHead, ...] = ()
    attention: str = ""


class Metric(Strict):
    """A figure with its 95 % interval."""

    value: Fraction
    low: Fraction | None = None
    high: Fraction | None = None

    @model_validator(mode="after")
    def _inside(self) -> Metric:
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if not low <= self.value <= high:
            raise ValueError("value lies outside its own interval")
        return self


class OperatingPointEntry(Strict):
    """A named threshold with what it was measured to do, where and when.

    ``weights_sha256`` is what it was measured with; with other weights the pack is refused.
    """

    name: str = Field(min_length=1)
    finding: LabelIndex
    threshold: Fraction
    metric_axes: str = ""
    sens: Metric | None = None
    spec: Metric | None = None
    fp_per_image: float | None = None
    n: Annotated[int, Field(ge=0)] | None = None
    prevalence: Fraction | None = None
    population: str = ""
    source: str = ""
    date: str = ""
    weights_sha256: Sha256 | None = None


class Calibration(Strict):
    """How scores become probabilities, bound to the weights they were fitted on.

    ``temperature``: the logits are divided by it. ``platt``: slope and shift of the logit.
    ``isotonic``: x0, y0, x1, y1, ... of a broken line, x and y rising. The first two take one set
    for all heads, or one set per head in the order of the channels. ``relative``: one threshold
    per channel; the score becomes 0.5 at the threshold and is no probability (TorchXRayVision).
    """

    method: Literal["none", "platt", "temperature", "isotonic", "relative"]
    params: tuple[float, ...] = ()
    weights_sha256: Sha256

    @model_validator(mode="after")
    def _complete(self) -> Calibration:
        count, even = len(self.params), len(self.params) % 2 == 0
        if self.method == "temperature" and (not count or min(self.params) <= 0):
            raise ValueError("temperature needs positive numbers")
        if self.method == "platt" and (not count or not even):
            raise ValueError("platt needs pairs of slope and shift")
        if self.method == "relative" and not (
            count and 0 < min(self.params) <= max(self.params) < 1
        ):
            raise ValueError("relative needs thresholds between 0 and 1")
        if self.method == "isotonic":
            xs, ys = self.params[::2], self.params[1::2]
            rising = all(a < b for a, b in pairwise(xs))
            never_falls = all(a <= b for a, b in pairwise(ys))
            if count < 4 or not even or not rising or not never_falls:
                raise ValueError("isotonic needs two points or more whose x and y rise")
        return self


class OutOfDistribution(Strict):
    """A test that says that the image is not of the kind the model knows (``head_scores``).

    ``entropy`` and ``output`` are too large above ``threshold``, the others too small below it.
    ``action`` fail: nothing is proposed.
    """

    method: Literal["max_softmax", "entropy", "margin", "energy", "output"]
    threshold: float
    output: str = ""
    action: Literal["flag", "fail"] = "flag"


class MeasurementEntry(Strict):
    """A measurement of the pack's masks by a method of ``app/measure``.

    ``requires`` are labels in the order of the method's arguments (a ratio: numerator first).
    ``on`` is the label whose finding carries the number; None: each of ``requires`` carries its
    own (area), or all of them the same (ratio).
    """

    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")]
    requires: Labels
    definition_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*@\d+$")]
    on: LabelIndex | None = None


class Vram(Strict):
    """Device memory for the ledger, measured."""

    fixed_mb: Annotated[float, Field(ge=0)]
    per_tile_mb: Annotated[float, Field(ge=0)]
    measured_on: str = Field(min_length=1)


class GoldenBox(Strict):
    """A box that must come out: corners as (i, j, k) of the sample, edges of voxels."""

    label: LabelIndex
    lower_ijk: tuple[float, float, float]
    upper_ijk: tuple[float, float, float]


class GoldenPoint(Strict):
    """A landmark that must come out, (i, j, k) of the sample."""

    label: LabelIndex
    ijk: tuple[float, float, float]


class Golden(Strict):
    """A sample that every machine must reproduce: an input image and what it gives.

    ``input_ref`` is a PNG (grey, 8 or 16 bit: values as modality values, MONOCHROME2) or NIfTI;
    ``expected_ref`` a labelmap PNG or NIfTI on the same grid; ``scores`` by English label name and
    ``values`` by kind of measurement within ``abs_tol``; ``boxes`` with ``min_iou``, neither more
    nor fewer; ``points`` within ``max_voxels``. ``reader_input_ref`` is a JSON file with what the
    reader gives.
    """

    input_ref: PackPath
    expected_ref: PackPath | None = None
    reader_input_ref: PackPath | None = None
    min_dice: Fraction = 0.99
    scores: dict[str, float] = Field(default_factory=dict)
    values: dict[str, float] = Field(default_factory=dict)
    abs_tol: Positive = 0.02
    boxes: tuple[GoldenBox, ...] | None = None
    min_iou: Fraction = 0.9
    points: tuple[GoldenPoint, ...] | None = None
    max_voxels: Positive = 0.5
    pixel_spacing_mm: tuple[Positive, Positive] | None = None
    polarity_inverted: bool = False


class Subgroup(Strict):
    """A result for a part of the population."""

    group: str
    metric: str
    value: float
    n: Annotated[int, Field(ge=0)]


class ModelCard(Strict):
    """The short card; ``file`` is the long one."""

    file: PackPath
    training_data: str = Field(min_length=1)
    limits: Annotated[tuple[Text, ...], Field(min_length=1)]
    subgroup_results: tuple[Subgroup, ...] = ()
    refs: tuple[str, ...] = ()
