"""What the parts of a manifest say against each other, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from app.inference.analyses.versions import VERSIONS
from app.inference.manifest_parts import Onnx
from app.inference.manifest_steps import (
    Channels,
    CropCenter,
    CropForeground,
    CropNonzero,
    Letterbox,
    Nms,
    OrientFilm,
    OrientVolume,
    Regions,
    Resample,
    ResizeFilm,
    RestrictTo,
    check_labels,
)
from app.measure.methods import METHODS

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack

MANIFEST: Final = "manifest.json"
_SIGNATURE: Final = "signature.json"


def contradictions(pack: ModelPack) -> Iterator[str]:
    """Every contradiction, the gravest first. Light: no graph is read."""
    if (pack.onnx is None) == (pack.analysis is None):
        yield "give either onnx or analysis"
        return
    yield from _files(pack)
    yield from _names(pack)
    yield from _bound_to_weights(pack)
    yield from _space(pack)
    yield from _channels(pack)
    yield from _localizer(pack)
    yield from _outputs(pack)
    yield from _heads(pack)
    yield from _gates(pack)


def _files(pack: ModelPack) -> Iterator[str]:
    paths = [file.path for file in pack.files]
    if len(set(paths)) != len(paths):
        yield "files names a path twice"
    folded = {path.lower() for path in paths}
    if len(folded) != len(set(paths)):
        yield "files has two paths that differ in case only"
    named = [*pack.model_files, pack.model_card.file]
    if pack.input.localizer is not None:
        named.append(pack.input.localizer.template)
    if pack.golden:
        references = (pack.golden.expected_ref, pack.golden.reader_input_ref)
        named += [pack.golden.input_ref, *filter(None, references)]
    yield from (f'"{path}" is not listed in files' for path in named if path not in paths)
    if len(set(pack.model_files)) != len(pack.model_files):
        yield "onnx.folds names a file twice"
    for own in (MANIFEST, _SIGNATURE):
        if own in paths:
            yield f"files must not list {own} itself"


def _names(pack: ModelPack) -> Iterator[str]:
    if pack.analysis and VERSIONS.get(pack.analysis.id) != pack.analysis.version:
        yield f'the analysis "{pack.analysis.id}" is not known in this version'
    inputs = [entry.name for entry in pack.reader_inputs]
    if len(set(inputs)) != len(inputs):
        yield "reader_inputs uses a name twice"
    indexes = [label.index for label in pack.output.labels]
    if len(set(indexes)) != len(indexes):
        yield "output.labels uses an index twice"
    names = [label.name.en for label in pack.output.labels]
    if len(set(names)) != len(names):
        yield "output.labels uses a name twice"
    missing = sorted(set(_used_labels(pack)) - set(indexes))
    yield from (f"label {index} is used but not in output.labels" for index in missing)
    methods = set(METHODS.values())
    for entry in pack.measurements:
        if entry.definition_id not in methods:
            yield f'the definition "{entry.definition_id}" is not known'


def _used_labels(pack: ModelPack) -> Iterator[int]:
    yield from (point.finding for point in pack.operating_points)
    yield from pack.output.valid_heads or ()
    yield from (value.label for value in pack.output.values)
    for step in pack.output.post:
        yield from getattr(step, "labels", ())
        if isinstance(step, Regions):
            yield from step.order
        if isinstance(step, RestrictTo):
            yield step.inside
    for check in pack.output.quality:
        yield from check_labels(check)
    if pack.input.localizer is not None:
        for side in pack.input.localizer.sides:
            yield from side.labels
    for measurement in pack.measurements:
        yield from (*measurement.requires, *([measurement.on] if measurement.on else []))


def _bound_to_weights(pack: ModelPack) -> Iterator[str]:
    """What was measured with other weights is not taken over (copilot-practice 0.5)."""
    if pack.calibration and pack.calibration.weights_sha256 != pack.weights_sha256:
        yield "the calibration was made for other weights"
    for point in pack.operating_points:
        if point.weights_sha256 not in (None, pack.weights_sha256):
            yield f'the operating point "{point.name}" was measured with other weights'
    named = [(point.name, point.finding) for point in pack.operating_points]
    if len(set(named)) != len(named):
        yield "operating_points names a point of one label twice"
    if pack.default_operating_point and pack.default_operating_point not in {n for n, _ in named}:
        yield f'there is no operating point "{pack.default_operating_point}"'


def _space(pack: ModelPack) -> Iterator[str]:
    steps = pack.input.steps
    if pack.input.dimensions == 3:
        for step in steps:
            if isinstance(step, Letterbox | OrientFilm | CropCenter | ResizeFilm):
                yield f'step "{step.step}" is for two dimensions'
    else:
        for step in steps:
            if isinstance(step, OrientVolume | Resample):
                yield f'step "{step.step}" is for three dimensions'
    patch = pack.infer.patch
    if patch is not None and not 2 <= len(patch) <= pack.input.dimensions:
        yield "infer.patch needs two sizes, or as many as the input has dimensions"
    if pack.infer.empty_below is not None and pack.task != "segmentation":
        yield "infer.empty_below is for segmentations"
    sided = any(label.laterality in ("left", "right") for label in pack.output.labels)
    if sided and pack.infer.mirror_axes:
        yield "a model of left and right must not mirror at test time (mirror_axes)"
    axes = pack.input.dimensions if patch is None else len(patch)
    if any(axis >= axes for axis in pack.infer.mirror_axes):
        yield "infer.mirror_axes names an axis that the input does not have"


def _channels(pack: ModelPack) -> Iterator[str]:
    """Several channels are made at one marked place, and the graph takes as many."""
    markers = [n for n, s in enumerate(pack.input.steps) if isinstance(s, Channels)]
    if bool(markers) != bool(pack.input.channels) or len(markers) > 1:
        yield 'input.channels needs exactly one step "channels" and the other way round'
    elif markers:
        late = pack.input.steps[markers[0] + 1 :]
        for step in late:
            if isinstance(step, OrientFilm | OrientVolume | CropNonzero | CropForeground):
                yield f'step "{step.step}" must stand before "channels"'
    roles = {series.role for series in pack.input.series}
    for channel in pack.input.channels:
        if channel.role not in roles:
            yield f'channel role "{channel.role}" is not that of a series'
    count = max(1, len(pack.input.channels))
    taken = _size(pack.onnx, "input", "channel")
    if taken not in (None, -1, count):
        yield f"the graph takes {taken} channels, and the input has {count}"


def _localizer(pack: ModelPack) -> Iterator[str]:
    """The crops of a whole image: a segmentation of a volume, its labels named once each."""
    plan = pack.input.localizer
    if plan is None:
        return
    if pack.task != "segmentation" or pack.input.dimensions != 3 or pack.onnx is None:
        yield "input.localizer is for a segmentation of volumes by a graph"
    if pack.infer.activation != "softmax":
        yield "input.localizer needs the activation softmax"
    if pack.input.channels:
        yield "input.localizer reads one channel"
    named = [label for entry in plan.sides for label in entry.labels]
    if len(set(named)) != len(named):
        yield "input.localizer.sides names a label twice"
    laterality = {label.index: label.laterality for label in pack.output.labels}
    for entry in plan.sides:
        if any(laterality.get(label) != entry.side for label in entry.labels):
            yield f'the labels of the side "{entry.side}" have another laterality'
    boxes = {entry.name for entry in pack.reader_inputs if entry.kind == "box"}
    for entry in plan.sides:
        if entry.box and entry.box not in boxes:
            yield f'the box "{entry.box}" is not in reader_inputs'


def _outputs(pack: ModelPack) -> Iterator[str]:
    """Maps of labels: the graph has a channel for each of them."""
    if pack.onnx is None:
        return
    output = pack.output
    names = {tensor.name for tensor in pack.onnx.outputs}
    regions = [step for step in output.post if isinstance(step, Regions)]
    if regions and pack.infer.activation != "sigmoid":
        yield "regions need the activation sigmoid"
    if regions and len(set(regions[0].order)) != len(regions[0].order):
        yield "regions names a label twice"
    if pack.task == "segmentation":
        have = _size(pack.onnx, "output", "channel")
        highest = max(label.index for label in output.labels)
        need = highest + (pack.infer.activation == "softmax")
        if pack.input.localizer is not None:  # the same channels for every side
            need = len(pack.input.localizer.sides[0].labels) + 1
        if regions:
            need = len(regions[0].order)
            if set(regions[0].order) != {label.index for label in output.labels}:
                yield "regions must order every label"
        if have not in (None, -1) and have < need:
            yield f"the graph has {have} output channels, and the labels need {need}"
    if pack.ood is not None:
        if (pack.ood.method == "output") != bool(pack.ood.output):
            yield "ood.output goes with the method output"
        if pack.ood.output and pack.ood.output not in names:
            yield f'ood.output names "{pack.ood.output}", which is no output of the graph'


def _heads(pack: ModelPack) -> Iterator[str]:
    """Boxes, points and numbers: there for their task, and only there."""
    output = pack.output
    if pack.onnx is None:
        return
    names = {tensor.name for tensor in pack.onnx.outputs}
    wanted = {"detection": output.boxes, "landmarks": output.points}
    for task, head in wanted.items():
        if (pack.task == task) != (head is not None):
            key = "output.boxes" if task == "detection" else "output.points"
            yield f"{key} goes with the task {task}"
    if output.values and pack.task != "regression":
        yield "output.values goes with the task regression"
    if output.attention:
        if pack.task not in ("classification", "quality") or pack.input.dimensions != 2:
            yield "output.attention is for classifiers of films"
        if output.attention not in names:
            yield f'output.attention names "{output.attention}", which is no output of the graph'
        if pack.infer.mirror_axes:
            yield "output.attention and infer.mirror_axes do not go together"
    if pack.task != "detection" and any(isinstance(step, Nms) for step in output.post):
        yield 'step "nms" is for boxes'
    box, point = output.boxes, output.points
    for name in ([box.boxes, box.scores, box.labels] if box else []) + (
        [point.points, point.scores] if point else []
    ):
        if name and name not in names:
            yield f'"{name}" is no output of the graph'
    for head in (box, point):
        axes = head.axes if head else None
        if axes is not None and len(axes) != pack.input.dimensions:
            yield "the coordinates do not have the dimensions of the input"
    if point is not None and pack.infer.patch is not None:
        yield "landmarks are read from the whole image (infer.patch null)"
    if (box or point) and pack.infer.mirror_axes:
        yield "boxes and points are not read from mirrored images (mirror_axes)"


def _gates(pack: ModelPack) -> Iterator[str]:
    """A suspicion that gates other packs needs a threshold, and is one about the image."""
    for label in pack.output.labels:
        if label.gates is None:
            continue
        if pack.task != "quality":
            yield "output.labels.gates goes with the task quality"
        if pack.operating_point(label.index) is None:
            yield f"label {label.index} gates other packs and has no operating point"


def _size(onnx: Onnx | None, kind: str, axis: str) -> int | None:
    """The size of the channels of the first input or output; None where no axis is called so."""
    if onnx is None:
        return None
    tensor = onnx.inputs[0] if kind == "input" else onnx.outputs[0]
    for name, size in zip(tensor.axes, tensor.shape, strict=True):
        if name == axis or (kind == "output" and axis == "channel" and name == "class"):
            return size
    return None
