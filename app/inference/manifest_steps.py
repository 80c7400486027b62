"""The closed lists of declarative steps of a model pack: before the model, after it, and checks.

A pack is data: everything that it may ask for is one of these steps. There are no expressions and
no code in a manifest (copilot-practice 7, trap 4). Steps run in the order of the manifest, so
"normalise before resampling" is visible there and not an assumption (trap 11).
Axes are array axes: ``(row, column)`` in two dimensions, ``(k, j, i)`` in three.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """Base of all manifest parts: immutable, no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Text(Strict):
    """A sentence or name in both languages."""

    en: str = Field(min_length=1)
    ru: str = Field(min_length=1)


LabelIndex = Annotated[int, Field(ge=1, le=65535)]
Labels = Annotated[tuple[LabelIndex, ...], Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


# --- before the model -------------------------------------------------------------------------


class InvertMonochrome1(Strict):
    """Negate the values of a MONOCHROME1 image, so that dense is bright (``max + min - v``)."""

    step: Literal["invert_monochrome1"]


class OrientFilm(Strict):
    """Mirror a projection image to ``rows``\\``columns`` of PatientOrientation (PS3.3 C.7.6.1.1.1).

    ``L`` and ``F`` mean: columns run to the patient's left, rows to the feet (a film seen from the
    front). Mirroring is undone on the masks. An image without PatientOrientation stays as it is.
    """

    step: Literal["orient_film"]
    columns: Literal["L", "R"] = "L"
    rows: Literal["F", "H"] = "F"


class OrientVolume(Strict):
    """Permute and flip a volume to the closest axes: ``LPS`` = i, j, k grow to left, back, head."""

    step: Literal["orient_volume"]
    axes: Annotated[str, Field(pattern="^[LRAPSI]{3}$")]


class CropNonzero(Strict):
    """Crop to the box of all voxels that differ from zero (nnU-Net's first step).

    Outside of it there is background, whatever the model would say.
    """

    step: Literal["crop_nonzero"]


class CropForeground(Strict):
    """Crop to the box of all voxels above ``above``, with ``margin_mm`` around it.

    The margin is in pixels where the spacing is not known. Comes before spatial steps.
    """

    step: Literal["crop_foreground"]
    above: float
    margin_mm: Annotated[float, Field(ge=0)] = 0.0


class Channels(Strict):
    """Here each of ``input.channels`` runs its own steps and the tensor gets that many channels."""

    step: Literal["channels"]


class ClipPercentile(Strict):
    """Clip to two percentiles of the image, linear interpolation, padding left out."""

    step: Literal["clip_percentile"]
    low: Annotated[float, Field(ge=0, lt=100)]
    high: Annotated[float, Field(gt=0, le=100)]


class Clip(Strict):
    """Clip to two modality values."""

    step: Literal["clip"]
    low: float
    high: float


class ScaleRange(Strict):
    """Map the smallest and largest value linearly to ``low`` and ``high``; a flat image to low."""

    step: Literal["scale"]
    low: float = 0.0
    high: float = 1.0


class Normalize(Strict):
    """``(v - mean) / max(std, 1e-8)`` with constants of the training data."""

    step: Literal["normalize"]
    mean: float
    std: Positive


class ZScore(Strict):
    """``(v - mean) / max(std, 1e-8)`` with mean and deviation of this image.

    ``nonzero_only``: of what ``crop_nonzero`` found to differ from zero, its holes filled; the
    rest stays as it is (nnU-Net's ``use_mask_for_norm``).
    """

    step: Literal["zscore"]
    nonzero_only: bool = False


class Letterbox(Strict):
    """Resize to fit ``size`` (rows, columns), physical aspect kept, then pad to it.

    Scale = min over axes of size/extent, extents in millimetres where the pixel spacing is known
    and in pixels otherwise; new length = max(1, round(extent * scale)). ``linear`` is a triangle
    filter with pixel centres at half integers; with ``antialias`` its support grows with the
    reduction (as Pillow and ``torch.nn.functional.interpolate(antialias=True)`` do).
    ``align`` center: offset = (size - new) // 2 on both axes; start: offset 0.
    """

    step: Literal["letterbox"]
    size: tuple[Annotated[int, Field(ge=16, le=4096)], Annotated[int, Field(ge=16, le=4096)]]
    interpolation: Literal["linear"] = "linear"
    antialias: bool = True
    pad_value: float = 0.0
    align: Literal["center", "start"] = "center"


class CropCenter(Strict):
    """Keep the largest square in the middle of a film (first row ``rows // 2 - side // 2``)."""

    step: Literal["crop_center"]


class ResizeFilm(Strict):
    """Resize a film to ``size`` (rows, columns) whatever its aspect (``film_resize``).

    ``triangle`` is the antialiased bilinear of Pillow and PyTorch, ``gaussian`` what skimage does.
    """

    step: Literal["resize"]
    size: tuple[Annotated[int, Field(ge=16, le=4096)], Annotated[int, Field(ge=16, le=4096)]]
    filter: Literal["triangle", "gaussian"] = "triangle"


class Resample(Strict):
    """Resample a volume to ``spacing_kji`` mm; new size = round(old spacing / new * size).

    Two numbers keep the first axis as it is (models of slices). ``order`` is the spline order (0,
    1, 3). If the largest spacing of the image, else of the target, exceeds ``separate_z_ratio``
    times the smallest, the coarse axis is resampled on its own with ``order_z`` (nnU-Net), unless
    two axes are that coarse. Outputs go back as raw values (logits), linear, a coarse axis to the
    nearest slice, before the softmax or sigmoid. ``anchor`` edges: both grids cover the same
    extent; first_voxel: their first voxels coincide and the new size is
    round((size - 1) * old / new + 1) (MONAI's Spacing), order 0 or 1.
    """

    step: Literal["resample"]
    spacing_kji: tuple[Positive, Positive, Positive] | tuple[Positive, Positive]
    order: Literal[0, 1, 3] = 3
    separate_z_ratio: Positive = 3.0
    order_z: Literal[0, 1] = 0
    anchor: Literal["edges", "first_voxel"] = "edges"


ValueStep = Annotated[
    InvertMonochrome1 | ClipPercentile | Clip | ScaleRange | Normalize | ZScore,
    Field(discriminator="step"),
]

PreStep = Annotated[
    InvertMonochrome1
    | OrientFilm
    | OrientVolume
    | CropNonzero
    | CropForeground
    | Channels
    | ClipPercentile
    | Clip
    | ScaleRange
    | Normalize
    | ZScore
    | Letterbox
    | CropCenter
    | ResizeFilm
    | Resample,
    Field(discriminator="step"),
]


# --- after the model --------------------------------------------------------------------------


class Argmax(Strict):
    """The label with the largest value, after the maps were resized to the input grid."""

    step: Literal["argmax"]


class Threshold(Strict):
    """Each label where its own probability reaches ``at``; labels may overlap."""

    step: Literal["threshold"]
    at: Fraction = 0.5


class KeepLargest(Strict):
    """Keep the largest connected component (voxels that share a face) of each label."""

    step: Literal["keep_largest"]
    labels: Labels


class JoinIslands(Strict):
    """Give an island of one label to the label that surrounds it.

    An island is a component that is not its label's largest. It changes over where at least
    ``contact`` of its outline touches the largest component of another label: a piece of the right
    lung that the model took for the left one becomes right lung, and no hole is left.
    """

    step: Literal["join_islands"]
    labels: Labels
    contact: Fraction = 0.3


class MinComponent(Strict):
    """Remove components smaller than ``fraction`` of the image (2D) or ``ml`` (3D)."""

    step: Literal["min_component"]
    labels: Labels
    fraction: Fraction | None = None
    ml: Positive | None = None

    @model_validator(mode="after")
    def _one_size(self) -> MinComponent:
        if (self.fraction is None) == (self.ml is None):
            raise ValueError("give either fraction or ml")
        return self


class FillHoles(Strict):
    """Fill background that a label encloses (in the image plane or in space)."""

    step: Literal["fill_holes"]
    labels: Labels


class Regions(Strict):
    """nnU-Net's regions: channel n is painted as label ``order[n]`` where its probability exceeds
    ``at``, later ones over earlier ones (``regions_class_order``). Needs ``sigmoid``.
    """

    step: Literal["regions"]
    order: Labels
    at: Fraction = 0.5


class RestrictTo(Strict):
    """Keep of ``labels`` only what lies inside the label ``inside``."""

    step: Literal["restrict_to"]
    labels: Labels
    inside: LabelIndex


class Nms(Strict):
    """Non-maximum suppression of boxes of the same label that overlap by more than ``iou``.

    ``score`` is the least score where a label has no operating point; at most ``most`` boxes.
    """

    step: Literal["nms"]
    iou: Fraction = 0.5
    score: Fraction = 0.5
    most: Annotated[int, Field(ge=1, le=1000)] = 100


PostStep = Annotated[
    Argmax
    | Threshold
    | Regions
    | KeepLargest
    | JoinIslands
    | MinComponent
    | FillHoles
    | RestrictTo
    | Nms,
    Field(discriminator="step"),
]


# --- checks of the result ---------------------------------------------------------------------


class _Check(Strict):
    """What every check has: an id, a sentence, what it means for numbers of these labels.

    ``action`` flag: findings carry ``id`` as quality flag and the labels' measurements get
    ``status``. ``action`` fail: no finding is proposed, the run says why.
    """

    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")]
    text: Text
    action: Literal["flag", "fail"] = "flag"
    status: Literal["truncated_fov", "low_quality", "wrong_protocol"] = "low_quality"


class TouchesEdge(_Check):
    """A label comes within ``margin`` of a film edge, over ``min_length`` of that edge or more.

    ``margin`` is a fraction of the longer side, ``min_length`` a fraction of the edge's length
    (0: one pixel is enough). Each label on its own. ``sides`` names edges of the image as the
    model sees it (after orientation, before the letterbox).
    """

    check: Literal["touches_edge"]
    labels: Labels
    margin: Annotated[float, Field(ge=0, le=0.2)] = 0.004
    min_length: Annotated[float, Field(ge=0, le=1)] = 0.0
    sides: tuple[Literal["top", "bottom", "left", "right"], ...] = (
        "top", "bottom", "left", "right",
    )  # fmt: skip
    status: Literal["truncated_fov", "low_quality", "wrong_protocol"] = "truncated_fov"


class Missing(_Check):
    """A label covers less than ``below`` of the image."""

    check: Literal["missing"]
    labels: Labels
    below: Fraction


class AreaRatio(_Check):
    """Size of ``numerator`` over size of ``denominator`` lies outside ``low``..``high``."""

    check: Literal["area_ratio"]
    numerator: LabelIndex
    denominator: LabelIndex
    low: Positive
    high: Positive


class LowConfidence(_Check):
    """Mean probability of a label over its own voxels is under ``below``."""

    check: Literal["low_confidence"]
    labels: Labels
    below: Fraction


class Order(_Check):
    """The centroid of ``first`` must come before that of ``second`` along an axis.

    Axis ``columns`` or ``rows`` of the image as the model sees it. An exchanged pair is never
    swapped silently.
    """

    check: Literal["order"]
    first: LabelIndex
    second: LabelIndex
    axis: Literal["columns", "rows"] = "columns"
    action: Literal["flag", "fail"] = "fail"


QualityCheck = Annotated[
    TouchesEdge | Missing | AreaRatio | LowConfidence | Order, Field(discriminator="check")
]


def check_labels(check: QualityCheck) -> tuple[int, ...]:
    """The labels that a check is about."""
    if isinstance(check, AreaRatio):
        return check.numerator, check.denominator
    if isinstance(check, Order):
        return check.first, check.second
    return check.labels
