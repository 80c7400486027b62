"""A run of a pack that reads crops on a whole image: find the regions, read each, bring them back.

Where the reader gave a box for a side, that box is used; the other side is looked for. An image
that is no larger than a crop is read whole. What cannot be borne out is refused, never guessed.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from app.core.errors import InputError, ModelPackError, ResultRefused
from app.core.geometry import Geometry
from app.core.message import number_ru
from app.core.report import Message
from app.inference.head_scores import require_finite
from app.inference.manifest import ModelPack
from app.inference.manifest_localizer import Localizer
from app.inference.outlines import Doubt, Outline, Placed, doubts, outline
from app.inference.pipeline import PipelineOutput, require_graph_of
from app.inference.preprocess import ModelInput, prepare
from app.inference.regions import Region, box_region, closest_axes, cut, whole_region
from app.inference.result import DetectedBox, Landmark, QualityFlag
from app.inference.sinks import activate
from app.inference.sliding_window import predict
from app.inference.template_level import Template
from app.inference.template_search import FoundPair, FoundSide, find_pair
from app.jobs.progress import Progress, no_progress

if TYPE_CHECKING:
    from app.inference.graph_session import GraphSession

Float32Array = npt.NDArray[np.float32]
Side = Literal["left", "right"]
_SIDES: Final[tuple[Side, Side]] = ("left", "right")
_BOX_EDGE_MM: Final = (20.0, 80.0)
_OUTSIDE_MM: Final = 4.0  # of a found region may lie outside the image
_UNSEEN: Final = 0.005


def run_localized(
    pack: ModelPack,
    session: GraphSession,
    image: ModelInput,
    template: Float32Array,
    progress: Progress = no_progress,
) -> PipelineOutput:
    """Run ``pack`` on ``image``; ``template`` are the values of its localiser's file.

    Raises ``ResultRefused`` where the place was not found for certain (the reader may give it),
    ``InputError`` for a box that cannot be used, ``ModelPackError``, ``InferenceError``.
    """
    plan, geometry = pack.input.localizer, image.geometry
    if plan is None or geometry is None:
        raise ModelPackError(
            "The images are no volume with a place in the patient, and this model needs one.",
            ru="Изображения не образуют объём с положением в теле, а модели он нужен.",
        )
    require_graph_of(pack, session)
    begin = time.perf_counter()
    progress(0.02, "Preparing the image")
    values = image.modality_values()
    seen = np.isfinite(values)
    filled = without_gaps(values)
    places = _places(plan, image, (filled, geometry), template, progress)
    placed = time.perf_counter()
    outlines = []
    for n, place in enumerate(places):
        progress(0.8 + 0.15 * n / len(places), f"Model: part {n + 1} of {len(places)}")
        probability = _read(pack, session, cut(filled, geometry, place.region), place.region)
        outlines.append(outline(probability, place, geometry, seen))
    read = time.perf_counter()
    flags = _judged(plan, outlines)
    output = PipelineOutput(
        _masks(pack, outlines, image.voxels.shape[:3]),
        _scores(pack, outlines),
        tuple(flags),
        len(places),
        {"pre": placed - begin, "model": read - placed},
        (*session.notes, *map(_said, outlines)),
        boxes=tuple(_shown_box(entry, plan, geometry) for entry in outlines),
        landmarks=tuple(_middle(entry, geometry) for entry in outlines),
    )
    output.seconds["post"] = time.perf_counter() - read
    progress(1.0, "Done")
    return output


def without_gaps(values: Float32Array) -> Float32Array:
    """Without NaN: lone empty planes are interpolated, all else takes the smallest value."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    result = values.copy()
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        empty = np.asarray(missing.all(axis=others), np.bool_)
        planes = np.moveaxis(result, axis, 0)
        for n in np.flatnonzero(empty):
            around = slice(n - 1, n + 2, 2)
            if 0 < n < len(empty) - 1 and not empty[around].any():
                planes[n] = planes[around].mean(axis=0)
    result[np.isnan(result)] = np.nanmin(values) if not missing.all() else 0.0
    return result


def _places(
    plan: Localizer,
    image: ModelInput,
    volume: tuple[Float32Array, Geometry],
    template: Float32Array,
    progress: Progress,
) -> list[Placed]:
    """What the reader gave, else the whole of a crop, else what the template finds."""
    values, geometry = volume
    given = []
    for side in _SIDES:
        entry = plan.of(side)
        box = image.reader.box(entry.box) if entry else None
        if entry and box:
            given.append(Placed(entry, _given_region(entry.box, box, geometry), "given"))
    whole = whole_region(geometry)
    if all(n <= most for n, most in zip(whole.size_mm, plan.whole_mm, strict=True)):
        entry = plan.of(None)
        if given:
            return given
        if entry is None:
            raise _refused("the image is no larger than a crop, and nothing tells the side",
                           "изображение не больше фрагмента, и сторону определить не по чему",
                           plan)  # fmt: skip
        return [Placed(entry, whole, "whole")]
    if len(given) == len(_SIDES):
        return given
    found = find_pair(
        values,
        geometry,
        Template(template, plan.template_side == "left"),
        (plan.distance_mm.min, plan.distance_mm.max),
        lambda share: progress(0.05 + 0.75 * share, "Looking for the place"),
    )
    try:
        pair = _trusted(plan, found, geometry)
    except ResultRefused:
        if given:
            return given  # the reader's side stands by itself
        raise
    taken = {place.entry.side for place in given}
    for side in _SIDES:
        entry = plan.of(side)
        if entry and side not in taken:
            one = pair.left if side == "left" else pair.right
            given.append(Placed(entry, Region(one.centre, one.axes, plan.box_mm), "found",
                                one.score))  # fmt: skip
    return given


def _given_region(
    name: str, corners: tuple[tuple[float, float, float], ...], geometry: Geometry
) -> Region:
    region = box_region(geometry, corners[0], corners[1])
    low, high = _BOX_EDGE_MM
    if not all(low <= edge <= high for edge in region.size_mm):
        edges = " x ".join(f"{edge:.0f}" for edge in region.size_mm)
        raise InputError(
            f'The box "{name}" has edges of {edges} mm; they must be {low:g} to {high:g} mm.',
            ru=(
                f"У рамки «{name}» рёбра {edges} мм; нужно от {number_ru(low)} до"
                f" {number_ru(high)} мм."
            ),
            hint="Draw it around the structure with a margin of about 5 mm.",
            hint_ru="Обведите структуру с запасом около 5 мм.",
        )
    if not geometry.contains(region.centre):
        raise InputError(
            f'The middle of the box "{name}" lies outside the image.',
            ru=f"Середина рамки «{name}» лежит вне изображения.",
        )
    return region


def _trusted(plan: Localizer, found: FoundPair | None, geometry: Geometry) -> FoundPair:
    """What was found, if it is beyond doubt; raises ``ResultRefused``."""
    if found is None:
        raise _refused("nothing in the image resembles it", "ничего похожего на изображении нет",
                       plan)  # fmt: skip
    score = min(found.left.score, found.right.score)
    if score < plan.min_score:
        raise _refused(f"the best place resembles it too little ({score:.2f})",
                       "лучшее место похоже слишком мало"
                       f" ({number_ru(score, '.2f')})", plan)  # fmt: skip
    lead = (found.left.score + found.right.score) / 2 - found.runner_up
    if lead < plan.min_lead:
        raise _refused(f"another place resembles it almost as much (by {lead:.2f} less)",
                       f"другое место похоже почти так же (меньше на {number_ru(lead, '.2f')})",
                       plan)  # fmt: skip
    if not plan.distance_mm.min <= found.distance_mm <= plan.distance_mm.max:
        raise _refused(f"the sides would be {found.distance_mm:.0f} mm apart",
                       f"расстояние между сторонами было бы {found.distance_mm:.0f} мм",
                       plan)  # fmt: skip
    for side in (found.left, found.right):
        if _outside_mm(side, plan, geometry) > _OUTSIDE_MM:
            raise _refused("it is cut off by the edge of the image",
                           "оно срезано краем изображения", plan)  # fmt: skip
    return found


def _outside_mm(side: FoundSide, plan: Localizer, geometry: Geometry) -> float:
    corners = geometry.lps_to_ijk(Region(side.centre, side.axes, plan.box_mm).corners())
    spacing = np.array(geometry.spacing_ijk)
    top = np.array(geometry.size_ijk) - 0.5
    beyond = np.maximum(-0.5 - corners, corners - top) * spacing
    return float(beyond.max())


def _refused(en: str, ru: str, plan: Localizer) -> ResultRefused:
    names = ", ".join(f'"{entry.box}"' for entry in plan.sides if entry.box)
    return ResultRefused(
        f"The place for this model was not found for certain: {en}.",
        ru=f"Место для этой модели не найдено с уверенностью: {ru}.",
        hint=f"Give the boxes {names} yourself (on the command line: --input FILE).",
        hint_ru=f"Задайте рамки {names} сами (в командной строке: --input FILE).",
    )


def _read(
    pack: ModelPack, session: GraphSession, values: Float32Array, region: Region
) -> Float32Array:
    """Class probabilities ``[class, z, y, x]`` of one region."""
    state = prepare(ModelInput(values, geometry=region.grid()), 3, pack.input.steps)
    tensor, output = pack.graph.inputs[0], pack.graph.outputs[0].name
    dtype = np.dtype(tensor.dtype)

    def run(patch: Float32Array) -> Float32Array:
        return require_finite(session.run(output, {tensor.name: patch.astype(dtype, copy=False)}))

    raw = predict(state.tensor, run, pack.infer, lambda done, total: None)
    return np.stack([state.to_native(one) for one in activate(raw, pack.infer.activation)])


def _judged(plan: Localizer, outlines: list[Outline]) -> list[QualityFlag]:
    """Flags about outlines that stand; raises ``ResultRefused`` for one that does not.

    In the reader's own box an outline is shown with its doubts; anywhere else it is refused.
    """
    flags: dict[str, QualityFlag] = {}

    def flag(doubt: Doubt, labels: tuple[int, ...]) -> None:
        before = flags[doubt.id].labels if doubt.id in flags else ()
        flags[doubt.id] = QualityFlag(doubt.id, (*before, *labels), doubt.text, doubt.status)

    for entry in outlines:
        for doubt in doubts(entry, plan):
            if entry.placed.source != "given" or entry.ml == 0:
                en, ru = doubt.text.en.rstrip("."), doubt.text.ru.rstrip(".")
                raise _refused(en[0].lower() + en[1:], ru[0].lower() + ru[1:], plan)
            flag(doubt, entry.placed.entry.labels)
        if entry.unseen > _UNSEEN:
            text = Message("An image is missing inside; the outline bridges it.",
                           "Внутри нет одного снимка; контур проведён через пробел.")  # fmt: skip
            flag(Doubt("image-missing-inside", text), entry.placed.entry.labels)
    if len(outlines) == len(_SIDES):
        small, large = sorted(entry.ml for entry in outlines)
        if large > plan.max_side_ratio * small:
            text = Message("The sides differ much in size; look at both outlines.",
                           "Стороны заметно различаются; проверьте оба контура.")  # fmt: skip
            flag(Doubt("sides-differ", text),
                 tuple(n for entry in outlines for n in entry.placed.entry.labels))  # fmt: skip
    return list(flags.values())


def _masks(
    pack: ModelPack, outlines: list[Outline], shape: tuple[int, ...]
) -> dict[int, npt.NDArray[np.bool_]]:
    masks = {label.index: np.zeros(shape, np.bool_) for label in pack.output.labels}
    taken = np.zeros(shape, np.bool_)
    for entry in outlines:
        free = ~taken[entry.box]
        for number, label in enumerate(entry.placed.entry.labels, 1):
            masks[label][entry.box] |= (entry.labels == number) & free
        taken[entry.box] |= entry.labels > 0
    return masks


def _scores(pack: ModelPack, outlines: list[Outline]) -> dict[str, float]:
    return {
        pack.label(label).name.en: value
        for entry in outlines
        for label, value in zip(entry.placed.entry.labels, entry.confidences, strict=True)
        if value is not None
    }


def _shown_box(entry: Outline, plan: Localizer, geometry: Geometry) -> DetectedBox:
    """The box that was used, with edges along the image: what a reader can drag."""
    region = entry.placed.region
    if entry.placed.source == "found":
        region = replace(region, axes=closest_axes(geometry), size_mm=plan.box_mm)
    corners = geometry.lps_to_ijk(region.corners())
    low, high = corners.min(axis=0), corners.max(axis=0)
    return DetectedBox(
        entry.placed.entry.labels[0],
        entry.placed.score if entry.placed.score is not None else 1.0,
        (float(low[0]), float(low[1]), float(low[2])),
        (float(high[0]), float(high[1]), float(high[2])),
    )


def _middle(entry: Outline, geometry: Geometry) -> Landmark:
    i, j, k = (float(n) for n in geometry.lps_to_ijk(entry.placed.region.centre))
    name = entry.placed.entry.box or "crop"
    return Landmark(name, (i, j, k), entry.placed.entry.labels[0], entry.placed.score)


def _said(entry: Outline) -> Message:
    """Where a region came from, in words."""
    x, y, z = entry.placed.region.centre
    name = entry.placed.entry.box
    if entry.placed.source == "whole":
        return Message(
            "The image is no larger than a crop and was read whole; its side is not known.",
            "Изображение не больше фрагмента и прочитано целиком; сторона неизвестна.",
        )
    if entry.placed.source == "given":
        return Message(
            f'Box "{name}": given by the reader, middle at {x:.0f}, {y:.0f}, {z:.0f} mm (LPS).',
            f"Рамка «{name}»: задана врачом, середина {x:.0f}, {y:.0f}, {z:.0f} мм (LPS).",
        )
    return Message(
        f'Box "{name}": found by the program at {x:.0f}, {y:.0f}, {z:.0f} mm (LPS), '
        f"correlation {entry.placed.score or 0:.2f}. Drag it if it is wrong.",
        f"Рамка «{name}»: найдена программой, {x:.0f}, {y:.0f}, {z:.0f} мм (LPS), "
        f"корреляция {number_ru(entry.placed.score or 0, '.2f')}. Передвиньте её, если"
        " она не на месте.",
    )
