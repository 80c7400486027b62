"""One run of a pack on one image, in whatever process it is called: check, pre, model, post.

Imports neither Qt nor VTK nor pydicom; the caller brings the session.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
from app.inference.head_scores import score_notes, unlike_flag
from app.inference.label_field import LabelField
from app.inference.manifest import ModelPack
from app.inference.missing_images import missing_flags
from app.inference.postprocess import LabelMaps, check_quality
from app.inference.preprocess import ModelInput, Prepared, prepare_channels
from app.inference.result import DetectedBox, Landmark, QualityFlag
from app.inference.said_outputs import require_said
from app.inference.segmenting import Runner, segment
from app.inference.sliding_window import SweepCount
from app.jobs.progress import Progress, no_progress

if TYPE_CHECKING:
    from app.inference.graph_session import GraphSession

Float32Array = npt.NDArray[np.float32]


@dataclass(slots=True)
class PipelineOutput:
    """Masks of the labels on the input grid ``[k, j, i]``, scores, flags and seconds."""

    masks: Mapping[int, npt.NDArray[np.bool_]]
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

    progress(0.1, "Model")
    runner = _runner(pack, session, progress)
    if pack.task == "segmentation":
        output = _segmentation(pack, runner, state, image)
    else:
        names = [tensor.name for tensor in pack.graph.outputs]
        heads = run_heads(pack, lambda tensor: runner.run_all(tensor, names), state, image)
        output = PipelineOutput(
            {}, heads.scores, heads.flags, heads.patches, boxes=heads.boxes,
            landmarks=heads.landmarks, numbers=heads.numbers, attention=heads.attention,
            notes=score_notes(pack),
        )  # fmt: skip
    output.notes = (*session.notes, *output.notes)
    # the reader waits for the model, for what is done before and after it, and not for what is
    # done beside it
    total = time.perf_counter() - prepared
    output.seconds = {
        "pre": prepared - begin,
        "model": runner.seconds,
        "post": max(0.0, total - runner.seconds),
    }
    progress(1.0, "Done")
    return output


def _runner(pack: ModelPack, session: GraphSession, progress: Progress) -> Runner:
    given, made = pack.graph.inputs[0], pack.graph.outputs[0]
    dtype = np.dtype(given.dtype)
    are_rows = pack.output.boxes is not None or pack.output.points is not None

    def run_all(tensor: Float32Array, names: Sequence[str]) -> dict[str, Float32Array]:
        outputs = session.run_all(names, {given.name: tensor.astype(dtype, copy=False)})
        require_said(pack.graph.outputs, outputs, None if are_rows else tensor.shape[0])
        return outputs

    def on_patch(done: int, total: int) -> None:
        progress(0.1 + 0.85 * done / total, f"Model: part {done} of {total}")

    size = given.shape[0] if given.axes[0] == "batch" else -1  # as the graph was exported
    channels = made.shape[1] if len(made.shape) > 2 else -1
    if channels < 1:
        channels = 1 + max(label.index for label in pack.output.labels)
    return Runner(
        run_all, made.name, on_patch, size if size > 0 else pack.infer.batch, size > 1, channels
    )


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
        (*made.flags, *missing_flags(image, made.masks)),
        1,
        {"pre": prepared - begin, "model": time.perf_counter() - prepared, "post": 0.0},
        made.notes,
        landmarks=made.landmarks,
        numbers=made.numbers,
    )


def _segmentation(
    pack: ModelPack, runner: Runner, state: Prepared, image: ModelInput
) -> PipelineOutput:
    made = segment(pack, state, runner)
    flags = check_quality(made.maps, pack.output.quality)
    scores = _confidences(pack, made.maps)
    masks: Mapping[int, npt.NDArray[np.bool_]]
    if isinstance(made.maps.masks, LabelField):
        masks = made.maps.masks.moved(state.to_input)
    else:
        masks = {
            index: state.to_input(mask).reshape(image.voxels.shape[:3])
            for index, mask in made.maps.masks.items()
        }
    if made.certainty is not None:
        flags = (*flags, *unlike_flag(pack, made.certainty))
    flags = (*flags, *missing_flags(image, masks))
    return PipelineOutput(masks, scores, flags, made.count.patches, notes=_notes(made.count))


def _notes(count: SweepCount) -> tuple[Message, ...]:
    """What was done otherwise for want of memory."""
    if count.storage == "disk":
        return (
            Message(
                "Memory was short: sums were kept on disk, which is slow.",
                "Памяти не хватило: суммы хранились на диске, это медленно.",
            ),
        )
    if count.bands > 1:
        return (
            Message(
                f"Memory was short: the image was computed in {count.bands} bands.",
                f"Памяти не хватило: изображение обработано по частям ({count.bands}).",
            ),
        )
    return ()


def _confidences(pack: ModelPack, maps: LabelMaps) -> dict[str, float]:
    found = maps.confidences([label.index for label in pack.output.labels])
    return {label.name.en: found[label.index] for label in pack.output.labels
            if label.index in found}  # fmt: skip
