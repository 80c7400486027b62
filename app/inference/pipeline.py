"""One run of a pack on one image, in whatever process it is called: check, pre, model, post.

Imports neither Qt nor VTK nor pydicom; the caller brings the session.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.core.measurement import Measurement
from app.core.report import Message
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.registry import find_analysis
from app.inference.head_run import run_heads
from app.inference.head_scores import activate, channel_of, require_finite, unlike_training
from app.inference.manifest import ModelPack
from app.inference.postprocess import LabelMaps, check_quality, to_masks
from app.inference.preprocess import ModelInput, Prepared, prepare_channels
from app.inference.result import DetectedBox, Landmark, QualityFlag
from app.inference.sliding_window import predict
from app.jobs.progress import Progress, no_progress

if TYPE_CHECKING:
    from app.inference.graph_session import GraphSession

Float32Array = npt.NDArray[np.float32]


@dataclass(slots=True)
class PipelineOutput:
    """Masks of the labels on the input grid ``[k, j, i]``, scores, flags and seconds."""

    masks: dict[int, npt.NDArray[np.bool_]]
    scores: dict[str, float]
    flags: tuple[QualityFlag, ...]
    patches: int
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()
    boxes: tuple[DetectedBox, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    attention: tuple[tuple[int, Float32Array], ...] = ()
    numbers: tuple[tuple[int, Measurement], ...] = ()


def require_graph_of(pack: ModelPack, session: GraphSession) -> None:
    """Raise ``ModelPackError`` unless the graph has the inputs and outputs of the manifest."""
    pairs = (
        ("input", pack.graph.inputs, session.input_names),
        ("output", pack.graph.outputs, session.output_names),
    )
    for kind, declared, present in pairs:
        for tensor in declared:
            if tensor.name not in present:
                raise ModelPackError(
                    f'The graph of "{pack.id}" has no {kind} "{tensor.name}".',
                    ru=f"В графе «{pack.id}» нет «{tensor.name}» ({kind}).",
                )


def run_pipeline(
    pack: ModelPack, session: GraphSession, image: ModelInput, progress: Progress = no_progress
) -> PipelineOutput:
    """Run ``pack`` on ``image``. Raises ``ModelPackError`` or ``InferenceError``."""
    require_graph_of(pack, session)
    begin = time.perf_counter()
    progress(0.02, "Preparing the image")
    state = prepare_channels(image, pack.input)
    prepared = time.perf_counter()

    input_name = pack.graph.inputs[0].name
    dtype = np.dtype(pack.graph.inputs[0].dtype)
    names = [tensor.name for tensor in pack.graph.outputs]
    patches = 0

    def run_all(tensor: Float32Array) -> dict[str, Float32Array]:
        return session.run_all(names, {input_name: tensor.astype(dtype, copy=False)})

    def run(tensor: Float32Array) -> Float32Array:
        return require_finite(session.run(names[0], {input_name: tensor.astype(dtype, copy=False)}))

    def on_patch(done: int, total: int) -> None:
        nonlocal patches
        patches = total
        progress(0.1 + 0.75 * done / total, f"Model: part {done} of {total}")

    progress(0.1, "Model")
    if pack.task == "segmentation":
        raw = predict(state.tensor, run, pack.infer, on_patch)
        modelled = time.perf_counter()
        progress(0.87, "Reading the result")
        output = _segmentation(pack, raw, state, image)
        output.flags = (*output.flags, *unlike_training(pack, {}, raw))
    else:
        heads = run_heads(pack, run_all, state, image)
        modelled, patches = time.perf_counter(), heads.patches
        output = PipelineOutput(
            {}, heads.scores, heads.flags, 0, boxes=heads.boxes, landmarks=heads.landmarks,
            numbers=heads.numbers, attention=heads.attention,
        )  # fmt: skip
    output.patches, output.notes = patches, tuple(session.notes)
    output.seconds = {
        "pre": prepared - begin,
        "model": modelled - prepared,
        "post": time.perf_counter() - modelled,
    }
    progress(1.0, "Done")
    return output


def run_analysis(
    pack: ModelPack, image: ModelInput, progress: Progress = no_progress
) -> PipelineOutput:
    """Run the analysis of a pack without a graph. Raises ``ModelPackError``, ``InferenceError``."""
    if pack.analysis is None or image.geometry is None:
        raise ModelPackError(
            "The images are no volume with a place in the patient, and this analysis needs one.",
            ru="Изображения не образуют объём с положением в теле, а анализу он нужен.",
        )
    begin = time.perf_counter()
    progress(0.02, "Preparing the image")
    given = AnalysisInput(
        values=image.modality_values(),
        geometry=image.geometry,
        reader=image.reader,
        acquisition=image.acquisition,
        parameters=pack.analysis.parameters,
        progress=progress,
    )
    prepared = time.perf_counter()
    made = find_analysis(pack.analysis.id)(given)
    progress(1.0, "Done")
    return PipelineOutput(
        made.masks,
        made.scores,
        made.flags,
        1,
        {"pre": prepared - begin, "model": time.perf_counter() - prepared, "post": 0.0},
        made.notes,
        landmarks=made.landmarks,
        numbers=made.numbers,
    )


def _segmentation(
    pack: ModelPack, raw: Float32Array, state: Prepared, image: ModelInput
) -> PipelineOutput:
    probability = activate(raw, pack.infer.activation)
    native: dict[int, Float32Array] = {}
    for label in pack.output.labels:
        channel = channel_of(pack, label.index)
        if channel >= probability.shape[0]:
            raise ModelPackError(
                f'The graph of "{pack.id}" has no channel for label {label.index}.',
                ru=f"В графе «{pack.id}» нет канала для метки {label.index}.",
            )
        native[label.index] = state.to_native(probability[channel])
    maps = to_masks(
        native,
        pack.output.post,
        exclusive=pack.infer.activation == "softmax",
        voxel_ml=_voxel_ml(state),
    )
    flags = check_quality(maps, pack.output.quality)
    masks = {
        index: state.to_input(mask).reshape(image.voxels.shape[:3])
        for index, mask in maps.masks.items()
    }
    return PipelineOutput(masks, _confidences(pack, maps), flags, 0)


def _confidences(pack: ModelPack, maps: LabelMaps) -> dict[str, float]:
    found = {label.name.en: maps.confidence(label.index) for label in pack.output.labels}
    return {name: value for name, value in found.items() if value is not None}


def _voxel_ml(state: Prepared) -> float | None:
    spacing = state.native_spacing
    if spacing is None or len(spacing) != 3:
        return None
    return float(np.prod(spacing)) / 1000.0
