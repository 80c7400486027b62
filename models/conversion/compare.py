"""How many voxels of an imported pack are those of the library that the model comes from.

python -m models.conversion.compare PACK.overreadpack EXPECTED IMAGE...

EXPECTED holds a labelmap per image under the image's name (``predict_nnunet.py``). Runs in the
program's own environment, without torch.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from app.imaging.nifti import read_nifti
from app.inference.fold_session import FoldSession
from app.inference.golden import overlap
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pack_store import PackStore
from app.inference.pipeline import run_pipeline
from app.inference.preprocess import ModelInput


def main(archive: Path, expected: Path, images: list[Path]) -> None:
    """Print the share of equal voxels and the Dice of each label, per image and over all."""
    with tempfile.TemporaryDirectory() as place:
        pack = PackStore(Path(place) / "none", Path(place) / "user").add(archive)
        sessions = [
            ModelSession(pack.read_model(name), SessionPlan("cpu", 1))
            for name in pack.pack.model_files
        ]
    session = FoldSession(sessions) if len(sessions) > 1 else sessions[0]
    equal = total = 0
    for path in images:
        begin = time.perf_counter()
        array, geometry = read_nifti(path)
        made = run_pipeline(pack.pack, session, ModelInput(array, geometry=geometry))
        labels = np.zeros(array.shape, np.uint16)
        for index, mask in made.masks.items():
            labels[np.asarray(mask) != 0] = index
        seconds = time.perf_counter() - begin
        wanted, _ = read_nifti(expected / path.name)
        same = int(np.count_nonzero(labels == wanted))
        equal, total = equal + same, total + labels.size
        dice = [round(overlap(labels == n, wanted == n), 5) for n in np.unique(wanted) if n]
        print(f"{path.name}: {same / labels.size:.6f} equal, Dice {dice}, {seconds:.1f} s")
    print(f"all: {equal / total:.6f} of {total} voxels are equal")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
