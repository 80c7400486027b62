"""Minutes of training of a small nnU-Net on hippocampus crops, to compare imports on real weights.

python train_small_nnunet.py DATA OUT [STEPS]   (DATA: folder with hippocampus.csv and .zip)

nnU-Net's own network, normalisation and patches, without its data pipeline. The weights are of no
clinical use and are not kept in the repository; ``compare_nnunet.py`` takes OUT.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import torch
from nnunet_example import Example, plans_of, write_example

EXAMPLE = Example(
    "hippocampus", channels={"0": "MRI"}, schemes=("ZScoreNormalization",), use_mask=(False,),
    labels={"background": 0, "anterior": 1, "posterior": 2}, spacing=(1.0, 1.0, 1.0),
    patch=(32, 48, 32), features=(12, 24, 48), trainer="nnUNetTrainerNoMirroring", mirror_axes=(),
)  # fmt: skip


def cases(data: Path, split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Normalised crops and labels ``[z, y, x]`` of one split."""
    found = []
    with (data / "hippocampus.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    with (
        zipfile.ZipFile(data / "hippocampus.zip") as archive,
        tempfile.TemporaryDirectory() as place,
    ):
        for row in rows:
            pair = []
            for key in ("image", "label"):
                image = nibabel.as_closest_canonical(nibabel.load(archive.extract(row[key], place)))
                pair.append(np.asarray(image.get_fdata(), np.float32).transpose(2, 1, 0))
            values, labels = pair
            found.append(((values - values.mean()) / max(values.std(), 1e-8), labels))
    return found


def batch(found: list, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Two random patches, padded with zeros where a crop is smaller."""
    images, targets = [], []
    for _ in range(2):
        values, labels = found[rng.integers(len(found))]
        short = [max(0, p - n) for n, p in zip(values.shape, EXAMPLE.patch, strict=True)]
        pads = [(n // 2, n - n // 2) for n in short]
        values, labels = np.pad(values, pads), np.pad(labels, pads)
        corner = [rng.integers(n - p + 1) for n, p in zip(values.shape, EXAMPLE.patch, strict=True)]
        box = tuple(slice(c, c + p) for c, p in zip(corner, EXAMPLE.patch, strict=True))
        images.append(values[box])
        targets.append(labels[box])
    return (
        torch.from_numpy(np.stack(images))[:, None],
        torch.from_numpy(np.stack(targets)).long(),
    )


def main(data: Path, out: Path, steps: int) -> None:
    """Train and write the model folder."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    torch.set_num_threads(1)
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    for key in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(key, tempfile.gettempdir())
    architecture = plans_of(EXAMPLE)["configurations"]["3d_fullres"]["architecture"]
    network = get_network_from_plans(
        architecture["network_class_name"], architecture["arch_kwargs"],
        architecture["_kw_requires_import"], 1, 3, allow_init=True, deep_supervision=False,
    )  # fmt: skip
    found = cases(data, "train")
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps)
    network.train()
    for step in range(steps):
        image, target = batch(found, rng)
        logits = network(image)
        share = torch.softmax(logits, 1)
        truth = torch.nn.functional.one_hot(target, 3).permute(0, 4, 1, 2, 3).float()
        overlap = 2 * (share * truth).sum((0, 2, 3, 4)) / (share + truth).sum((0, 2, 3, 4))
        loss = torch.nn.functional.cross_entropy(logits, target) + 1 - overlap[1:].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.3f}, overlap {overlap[1:].tolist()}")
    write_example(EXAMPLE, out, [network.state_dict()])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 400)
