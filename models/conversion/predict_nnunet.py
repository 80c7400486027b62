"""What nnU-Net's own predictor makes of images, for ``compare.py``.

python predict_nnunet.py MODEL_FOLDER OUT IMAGE...   (--single: sums in single precision)

Images are turned to RAS before and back after, as the packs state it. Needs torch, nnunetv2 and
nibabel.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from pathlib import Path

import nibabel
import torch
from make_fixtures import nnunet_labels, single_precision


def main() -> None:
    """Predict and write one labelmap per image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--single", action="store_true")
    args = parser.parse_args()
    for key in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(key, tempfile.gettempdir())
    torch.set_num_threads(1)
    folds = len(list(args.model.glob("fold_*")))
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.images:
        begin = time.perf_counter()
        image = nibabel.load(path)
        with single_precision() if args.single else contextlib.nullcontext():
            labels = nnunet_labels(args.model, folds, image)
        nibabel.save(nibabel.Nifti1Image(labels, image.affine), args.out / path.name)
        print(f"{path.name}: {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
