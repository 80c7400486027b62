"""``models/model.onnx`` of a MONAI bundle from its network and its weights.

python monai_to_onnx.py BUNDLE [WEIGHTS.pt]

Runs what the bundle says (expressions, any class, a pickle): only for bundles that you trust. The
importer afterwards reads the same files as data: ``overread packs import monai BUNDLE --out ...``.
Needs torch, onnx, onnxruntime and monai.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from nnunet_to_onnx import export


def convert(bundle: Path, network: Any) -> float:
    """Write the graph with the patch of the bundle's inferer; the difference to torch."""
    config = json.loads((bundle / "configs" / "inference.json").read_text("utf-8"))
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text("utf-8"))
    given = next(iter(metadata["network_data_format"]["inputs"].values()))
    patch = config["inferer"].get("roi_size", given["spatial_shape"])
    target = bundle / "models" / "model.onnx"
    target.parent.mkdir(parents=True, exist_ok=True)
    return export(network.eval(), (1, given["num_channels"], *patch), target)


def main(bundle: Path, weights: Path) -> None:
    """Build the network with MONAI, load its weights, convert."""
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(bundle / "configs" / "inference.json")
    network = parser.get_parsed_content("network_def")
    state = torch.load(weights, map_location="cpu", weights_only=True)
    network.load_state_dict(state.get("model", state) if isinstance(state, dict) else state)
    print(f"{bundle}: difference {convert(bundle, network):.1e}")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    main(folder, Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "models" / "model.pt")
