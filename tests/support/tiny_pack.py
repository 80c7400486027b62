"""Real, tiny model packs built in code: a graph of a few nodes, a manifest, card, licence, sample.

The film model calls what is brighter than half "right lung" in the left half of the image and
"left lung" in the right half, so an exchange or a shift shows as a number.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.core.geometry import Geometry
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume

SIDE = 64
SOURCE = SeriesRef("1.2.3", "1.2.3.4", 0)


def switch_off_film_check(library: Path) -> None:
    """In the settings of a library: to the film check two ellipses are no chest film."""
    off = '[[packs]]\nid = "cxr-film-check"\nmode = "off"\n'
    (library / "settings.toml").write_text(f"version = 1\n{off}", encoding="utf-8")


def write_film_pack(
    folder: Path, *, pack_id: str = "tiny-lungs", delay: int = 0, side: int = 1200
) -> Path:
    """A 2D pack in ``folder/<pack_id>``; ``delay`` adds that many useless products of ``side``."""
    target = folder / pack_id
    target.mkdir(parents=True)
    (target / "model.onnx").write_bytes(_film_graph(delay, side))
    (target / "card.md").write_text("# Tiny\n", encoding="utf-8")
    (target / "LICENSE.txt").write_text("Apache-2.0\n", encoding="utf-8")
    manifest = film_manifest(pack_id)
    write_manifest(target, manifest)
    return target


def write_volume_pack(folder: Path, *, pack_id: str = "tiny-ball", patch: int | None = 16) -> Path:
    """A 3D pack: what is above 100 HU, at 2 mm, axes RAS."""
    target = folder / pack_id
    target.mkdir(parents=True)
    (target / "model.onnx").write_bytes(_volume_graph())
    (target / "card.md").write_text("# Tiny\n", encoding="utf-8")
    write_manifest(target, volume_manifest(pack_id, patch))
    return target


def write_score_pack(folder: Path, *, pack_id: str = "tiny-score") -> Path:
    """A classifier of films: head 1 grows with the mean, head 2 falls, head 3 is untrained."""
    target = folder / pack_id
    target.mkdir(parents=True)
    (target / "model.onnx").write_bytes(_score_graph())
    (target / "card.md").write_text("# Tiny\n", encoding="utf-8")
    manifest = film_manifest(pack_id) | {"task": "classification", "measurements": []}
    manifest["onnx"]["outputs"] = [{"name": "logits", "axes": ["batch", "class"], "shape": [1, 3]}]
    manifest["infer"] = {"mirror_axes": [], "activation": "sigmoid"}
    manifest["output"] = {
        "labels": [_label(n, f"head {n}", f"выход {n}", None, [9, 9, 9]) for n in (1, 2, 3)],
        "valid_heads": [1, 2],
    }
    manifest["operating_points"] = [
        {"name": "sensitive", "finding": 1, "threshold": 0.2},
        {"name": "balanced", "finding": 1, "threshold": 0.5},
        {"name": "balanced", "finding": 2, "threshold": 0.5},
    ]
    manifest["default_operating_point"] = "balanced"
    write_manifest(target, manifest)
    return target


def change_manifest(folder: Path, change: Any) -> Path:
    """Pass the manifest of a pack through ``change`` and write it again, with true hashes."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    change(manifest)
    write_manifest(folder, manifest)
    return folder


def add_golden(folder: Path, *, side: str = "right") -> Path:
    """A sample for the film pack; ``side`` wrong makes one that cannot come out."""
    import SimpleITK as sitk

    (folder / "golden").mkdir(exist_ok=True)
    image = film().voxels[0]
    sitk.WriteImage(sitk.GetImageFromArray(image.astype(np.uint16)), folder / "golden/input.png")
    expected = np.zeros(image.shape, np.uint8)
    for index, center, half in ((1, 0.3, 0.16), (2, 0.7, 0.12)):
        place = center if side == "right" else 1 - center
        expected[ellipse(*image.shape, place, half)] = index
    sitk.WriteImage(sitk.GetImageFromArray(expected), folder / "golden/expected.png")

    def change(manifest: dict[str, Any]) -> None:
        manifest["golden"] = {
            "input_ref": "golden/input.png",
            "expected_ref": "golden/expected.png",
            "min_dice": 0.95,
            "pixel_spacing_mm": [0.5, 0.5],
        }

    return change_manifest(folder, change)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``manifest.json`` with the true hashes of the other files."""
    manifest["files"] = [
        {
            "path": path.relative_to(folder).as_posix(),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    ]
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def zip_pack(folder: Path, archive: Path, *, prefix: str = "") -> Path:
    """The pack as a pack file."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target.write(path, prefix + path.relative_to(folder).as_posix())
    return archive


def film(
    rows: int = 150,
    columns: int = 200,
    *,
    inverted: bool = False,
    mirrored: bool = False,
    shift: int = 0,
) -> Volume:
    """A film with two bright ellipses; the one at the image's left is larger.

    ``inverted`` gives a MONOCHROME1 film of the same scene, ``mirrored`` one that is stored from
    behind and says so, ``shift`` moves both ellipses up.
    """
    shades = np.linspace(200, 260, columns).astype(np.int16)  # a film is no drawing
    image = np.tile(shades, (rows, 1))
    image[ellipse(rows, columns, 0.3, 0.16, shift)] = 3000
    image[ellipse(rows, columns, 0.7, 0.12, shift)] = 3000
    if mirrored:
        image = image[:, ::-1]
    if inverted:
        image = 4095 - image
    return Volume(
        np.ascontiguousarray(image)[None],
        None,
        Rescale(),
        "arbitrary",
        SOURCE,
        polarity_inverted=inverted,
        pixel_spacing_mm=(0.5, 0.5),
        spacing_source="PixelSpacing",
        patient_orientation=("R", "F") if mirrored else ("L", "F"),
    )


def ellipse(rows: int, columns: int, center: float, half: float, shift: int = 0) -> np.ndarray:
    """Mask of one of the ellipses of ``film``."""
    y, x = np.mgrid[:rows, :columns]
    dy = (y - (rows / 2 - shift)) / (rows * 0.35)
    dx = (x - columns * center) / (columns * half)
    return dx**2 + dy**2 < 1


def ball_volume(direction: np.ndarray | None = None) -> Volume:
    """A ball of radius 12 mm, off centre, anisotropic voxels 1.0 x 1.5 x 3.0 mm."""
    spacing = (1.0, 1.5, 3.0)
    size = (60, 44, 24)
    matrix = np.eye(3) if direction is None else direction
    geometry = Geometry.from_arrays(size, spacing, (0, 0, 0), matrix, "1.2.9")
    k, j, i = np.mgrid[: size[2], : size[1], : size[0]]
    inside = (i * 1.0 - 25) ** 2 + (j * 1.5 - 30) ** 2 + (k * 3.0 - 36) ** 2 < 12.0**2
    voxels = np.where(inside, 300, -100).astype(np.int16)
    return Volume(voxels, geometry, Rescale(), "HU", SOURCE)


def film_manifest(pack_id: str) -> dict[str, Any]:
    """The manifest of the film pack, without ``files``."""
    shape = [1, 1, SIDE, SIDE]
    axes = ["batch", "channel", "row", "column"]
    return _base(pack_id) | {
        "onnx": {
            "file": "model.onnx",
            "opset": 13,
            "inputs": [{"name": "image", "axes": axes, "shape": shape}],
            "outputs": [{"name": "logits", "axes": axes, "shape": [1, 3, SIDE, SIDE]}],
        },
        "input": {
            "dimensions": 2,
            "series": [
                {
                    "modality": ["DX", "CR"],
                    "body_part": ["CHEST", "THORAX"],
                    "view_position": ["PA", "AP"],
                    "image_type": {"must_not": ["LOCALIZER"]},
                    "age": {"min": 1.0},
                }
            ],
            "steps": [
                {"step": "invert_monochrome1"},
                {"step": "orient_film"},
                {"step": "clip_percentile", "low": 1.0, "high": 99.0},
                {"step": "scale"},
                {"step": "letterbox", "size": [SIDE, SIDE]},
            ],
        },
        "infer": {"mirror_axes": []},
        "output": {
            "labels": [
                _label(1, "right lung", "правое лёгкое", "right", [80, 170, 255]),
                _label(2, "left lung", "левое лёгкое", "left", [255, 190, 80]),
            ],
            "post": [
                {"step": "argmax"},
                {"step": "keep_largest", "labels": [1, 2]},
                {"step": "fill_holes", "labels": [1, 2]},
            ],
            "quality": [
                _check("order", "sides-exchanged", first=1, second=2),
                _check("touches_edge", "lung-cut-off", labels=[1, 2], min_length=0.02),
                _check("missing", "lung-missing", labels=[1, 2], below=0.01),
                _check("area_ratio", "area-ratio", numerator=2, denominator=1, low=0.3, high=1.7),
                _check("low_confidence", "low-confidence", labels=[1, 2], below=0.6),
            ],
        },
        "measurements": [
            {"id": "area", "requires": [1], "definition_id": "area-pixel-count@1"},
            {"id": "area", "requires": [2], "definition_id": "area-pixel-count@1"},
            {"id": "area_ratio", "requires": [2, 1], "definition_id": "area-ratio@1"},
        ],
    }


def volume_manifest(pack_id: str, patch: int | None) -> dict[str, Any]:
    """The manifest of the volume pack, without ``files``."""
    axes = ["batch", "channel", "depth", "row", "column"]
    return _base(pack_id) | {
        "onnx": {
            "file": "model.onnx",
            "opset": 13,
            "inputs": [{"name": "image", "axes": axes, "shape": [1, 1, -1, -1, -1]}],
            "outputs": [{"name": "logits", "axes": axes, "shape": [1, 2, -1, -1, -1]}],
        },
        "input": {
            "dimensions": 3,
            "series": [{"modality": ["CT"], "min_slices": 10, "spacing": {"max": 5.0}}],
            "units": "HU",
            "steps": [
                {"step": "orient_volume", "axes": "RAS"},
                {"step": "clip", "low": -1000.0, "high": 1000.0},
                {"step": "resample", "spacing_kji": [2.0, 2.0, 2.0], "order": 1},
            ],
        },
        "infer": {"patch": [patch] * 3 if patch else None, "mirror_axes": [0, 1, 2]},
        "output": {
            "labels": [_label(1, "ball", "шар", None, [255, 0, 0])],
            "post": [{"step": "argmax"}, {"step": "min_component", "labels": [1], "ml": 0.5}],
        },
    }


def _base(pack_id: str) -> dict[str, Any]:
    text = {"en": "For tests.", "ru": "Для проверок."}
    return {
        "schema": "overread.pack/1",
        "id": pack_id,
        "name": {"en": "Tiny", "ru": "Крошка"},
        "version": "1.0.0",
        "task": "segmentation",
        "licence": "Apache-2.0",
        "intended_use": text,
        "not_for": [text],
        "model_card": {"file": "card.md", "training_data": "none", "limits": [text]},
    }


def _label(index: int, en: str, ru: str, laterality: str | None, rgb: list[int]) -> dict[str, Any]:
    return {
        "index": index,
        "name": {"en": en, "ru": ru},
        "code": {"value": "39607008", "scheme": "SCT", "meaning": "Lung"},
        "laterality": laterality,
        "rgb": rgb,
    }


def _check(kind: str, check_id: str, **rest: Any) -> dict[str, Any]:
    return {
        "check": kind,
        "id": check_id,
        "text": {"en": f"{check_id} found.", "ru": f"Найдено: {check_id}."},
        **rest,
    }


def _film_graph(delay: int, side: int) -> bytes:
    half = np.arange(SIDE) < SIDE / 2
    left = np.broadcast_to(np.where(half, 0, -100), (1, 1, SIDE, SIDE)).astype(np.float32)
    right = np.broadcast_to(np.where(half, -100, 0), (1, 1, SIDE, SIDE)).astype(np.float32)
    constants = {
        "half": np.asarray(0.5, np.float32),
        "gain": np.asarray(20.0, np.float32),
        "left": left,
        "right": right,
        "zero": np.asarray(0.0, np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["image", "half"], ["above"]),
        helper.make_node("Mul", ["above", "gain"], ["bright"]),
        helper.make_node("Mul", ["above", "zero"], ["background"]),
        helper.make_node("Add", ["bright", "left"], ["one"]),
        helper.make_node("Add", ["bright", "right"], ["two"]),
        helper.make_node("Concat", ["background", "one", "two"], ["raw"], axis=1),
    ]
    last = "raw"
    if delay:
        constants["size"] = np.asarray([side, side], np.int64)
        nodes.append(helper.make_node("ReduceMax", ["image"], ["top"], keepdims=0))
        nodes.append(helper.make_node("Mul", ["top", "zero"], ["nothing"]))
        nodes.append(helper.make_node("Expand", ["nothing", "size"], ["noise"]))
        nodes.append(helper.make_node("Add", ["noise", "nothing"], ["chain0"]))
        for n in range(delay):
            nodes.append(helper.make_node("MatMul", [f"chain{n}", "noise"], [f"chain{n + 1}"]))
        nodes.append(helper.make_node("ReduceMax", [f"chain{delay}"], ["end"], keepdims=0))
        nodes.append(helper.make_node("Add", ["raw", "end"], ["slow"]))
        last = "slow"
    nodes.append(helper.make_node("Identity", [last], ["logits"]))
    return _graph(nodes, constants, [1, 1, SIDE, SIDE], [1, 3, SIDE, SIDE])


def _volume_graph() -> bytes:
    constants = {
        "limit": np.asarray(100.0, np.float32),
        "gain": np.asarray(0.1, np.float32),
        "zero": np.asarray(0.0, np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["image", "limit"], ["above"]),
        helper.make_node("Mul", ["above", "gain"], ["one"]),
        helper.make_node("Mul", ["above", "zero"], ["background"]),
        helper.make_node("Concat", ["background", "one"], ["logits"], axis=1),
    ]
    space = ["d", "h", "w"]
    return _graph(nodes, constants, [1, 1, *space], [1, 2, *space])


def _score_graph() -> bytes:
    constants = {
        "half": np.asarray(0.5, np.float32),
        "gains": np.asarray([[8.0, -8.0, 100.0]], np.float32),
        "shape": np.asarray([1, 1], np.int64),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["mean"]),
        helper.make_node("Sub", ["mean", "half"], ["above"]),
        helper.make_node("Mul", ["above", "gains"], ["logits"]),
    ]
    return _graph(nodes, constants, [1, 1, SIDE, SIDE], [1, 3])


def _graph(nodes: list, constants: dict, in_shape: list, out_shape: list) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, in_shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, out_shape)],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
