"""A pack as a model of NVIDIA Triton: a folder of its model repository, from the manifest.

    DIR/MODEL/config.pbtxt      names, types and shapes of the manifest, and which weights these are
    DIR/MODEL/1/model.onnx      the ONNX file of the pack

A pack of several graphs (folds) becomes ``MODEL-fold0``, ``MODEL-fold1``...

The format is documented by Triton ("Model Configuration", a protobuf text file).
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.core.errors import InputError, UsageFault
from app.inference.manifest_parts import Tensor
from app.inference.pack_store import InstalledPack
from app.inference.remote.agreement import WEIGHTS_PARAMETER
from app.inference.remote.server import fold_names

_TYPES: Final = {
    "float32": "TYPE_FP32", "float16": "TYPE_FP16", "int64": "TYPE_INT64", "uint8": "TYPE_UINT8",
}  # fmt: skip
_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")


def write_triton_model(
    installed: InstalledPack, repository: Path, name: str = "", *, replace: bool = False
) -> tuple[Path, ...]:
    """Write the models into the repository folder, one per graph of the pack; the folders.

    Each is there complete or not at all. Raises ``HashMismatch`` for changed weights,
    ``InputError`` where a folder is there already and ``replace`` is not set, ``ModelPackError``
    for a pack without a graph.
    """
    pack = installed.pack
    name = name or pack.id
    if not _NAME.match(name):
        raise UsageFault(
            f'"{name}" cannot be the name of a model: letters, digits, dot, dash, underscore.',
            ru=f"«{name}» не может быть именем модели: буквы, цифры, точка, дефис, подчёркивание.",
        )
    _ = pack.graph  # ModelPackError for an analysis
    names = fold_names(name, len(pack.model_files))
    for target in (repository / entry for entry in names):
        if target.exists() and not (replace and (target / "config.pbtxt").is_file()):
            raise InputError(
                f"{target} exists already.",
                ru=f"{target} уже существует.",
                hint="--replace writes a model anew; --name gives it another name.",
                hint_ru="--replace запишет модель заново; --name даст ей другое имя.",
            )
    contents = [installed.read_model(path) for path in pack.model_files]
    repository.mkdir(parents=True, exist_ok=True)
    return tuple(
        _write(repository / entry, triton_config(installed, entry, graph), content)
        for graph, (entry, content) in enumerate(zip(names, contents, strict=True))
    )


def _write(target: Path, config: str, weights: bytes) -> Path:
    """A server that watches the repository must never see half a model."""
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
    try:
        (partial / "1").mkdir()
        (partial / "1" / "model.onnx").write_bytes(weights)
        (partial / "config.pbtxt").write_text(config, encoding="utf-8")
        partial.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        partial.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def triton_config(installed: InstalledPack, name: str, graph: int = 0) -> str:
    """The text of ``config.pbtxt``. Raises ``ModelPackError`` for a pack without a graph."""
    pack = installed.pack
    lines = [
        f"# {pack.id} {pack.version}, written by Overread from the manifest of the pack",
        f"name: {json.dumps(name)}",
        'backend: "onnxruntime"',
        # the batch is a dimension of the graph like the others, as the manifest states it
        "max_batch_size: 0",
        *_tensors("input", pack.graph.inputs),
        *_tensors("output", pack.graph.outputs),
    ]
    path = pack.model_files[graph]
    parameters = {
        WEIGHTS_PARAMETER: next(file.sha256 for file in pack.files if file.path == path),
        "overread_manifest_sha256": installed.manifest_sha256,
        "overread_pack": f"{pack.id} {pack.version}",
    }
    for key, value in parameters.items():
        lines.append(
            f"parameters {{ key: {json.dumps(key)} value {{ string_value: {json.dumps(value)} }} }}"
        )
    return "\n".join(lines) + "\n"


def _tensors(kind: str, tensors: Sequence[Tensor]) -> list[str]:
    return [
        f"{kind} {{ name: {json.dumps(tensor.name)} data_type: {_TYPES[tensor.dtype]} "
        f"dims: [ {', '.join(str(n) for n in tensor.shape)} ] }}"
        for tensor in tensors
    ]
