"""Finishes the pack: makes the golden sample in code and writes sizes and hashes into the manifest.

    python -m models.training.mr_hippocampus.seal PACK_FOLDER [--keep-golden]

The golden crop is drawn (phantom.py); what the pack answers on it is kept as the expected labelmap,
so a changed runtime or a damaged file shows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from app.imaging.nifti import read_nifti, write_nifti
from app.inference.preprocess import ModelInput
from models.training.mr_hippocampus.evaluate import Pack
from models.training.mr_hippocampus.phantom import phantom_crop
from models.training.sealing import write_manifest


def write_golden(folder: Path) -> None:
    """golden/input.nii.gz and golden/expected.nii.gz (5 anterior, 6 posterior)."""
    values, grid = phantom_crop()
    write_nifti(folder / "golden" / "input.nii.gz", values, grid)
    voxels, geometry = read_nifti(folder / "golden" / "input.nii.gz")
    masks = Pack(folder).run(ModelInput(voxels, geometry=geometry)).masks
    expected = np.zeros(voxels.shape, np.uint8)
    for label, mask in masks.items():
        expected[mask] = label
    write_nifti(folder / "golden" / "expected.nii.gz", expected, geometry)
    print("golden:", np.bincount(expected.ravel(), minlength=7))


if __name__ == "__main__":
    pack = Path(sys.argv[1])
    if "--keep-golden" not in sys.argv:
        write_golden(pack)
    write_manifest(pack, json.loads((pack / "manifest.json").read_text(encoding="utf-8")))
