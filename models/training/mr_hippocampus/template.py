"""The template that finds the hippocampus in a whole head: the mean of aligned training crops.

    python -m models.training.mr_hippocampus.template SHARED_DATA_FOLDER PACK_FOLDER

Every third crop of the training part, brought together by their labels' centroid, then two rounds
of a similarity transform (turn, shift, one scale) that maximises the correlation with the mean so
far. Kept where most crops have image. Values 1..255, 0 is outside; [z, y, x] to head, back and
left; the centroid of the labels is the middle of the grid. It shows a left hippocampus:
the midbrain lies to the patient's right of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.nifti import write_nifti
from models.training.mr_hippocampus.data import Crop, load, normalised

SHAPE = (40, 56, 40)
ROUNDS = 2
EVERY = 3  # crop of the training part is enough for a mean
COVERED = 0.6  # of the crops must have image where the template has a value
SPREAD = 40.0  # values per standard deviation


def _image(crop: Crop, values: np.ndarray) -> sitk.Image:
    """Axes to back and left (the crops run to front and, nominally, right); 0 is the centroid."""
    centre = np.argwhere(crop.labels > 0).mean(axis=0)
    flipped = np.ascontiguousarray(values[:, ::-1, ::-1], np.float32)
    image = sitk.GetImageFromArray(flipped)
    _, rows, columns = values.shape
    image.SetOrigin((-(columns - 1 - centre[2]), -(rows - 1 - centre[1]), -centre[0]))
    return image


def _grid() -> sitk.Image:
    image = sitk.Image(*SHAPE[::-1], sitk.sitkFloat32)
    image.SetOrigin([-(n - 1) / 2 for n in SHAPE[::-1]])
    return image


def _aligned(mean: sitk.Image, mask: sitk.Image, image: sitk.Image) -> sitk.Transform:
    transform = sitk.Similarity3DTransform()
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 0.02, 60, gradientMagnitudeTolerance=1e-6)
    method.SetOptimizerScales([400.0, 400.0, 400.0, 1.0, 1.0, 1.0, 400.0])
    method.SetInitialTransform(transform, inPlace=True)
    method.Execute(mean, image)
    return transform


def build(crops: list[Crop]) -> tuple[np.ndarray, np.ndarray]:
    """Template values and mean labels, uint8 of SHAPE."""
    images = [_image(crop, normalised(crop.values)) for crop in crops]
    labels = [_image(crop, crop.labels) for crop in crops]
    inside = [_image(crop, np.ones_like(crop.values)) for crop in crops]
    transforms: list[sitk.Transform] = [sitk.Transform(3, sitk.sitkIdentity)] * len(crops)
    grid = _grid()
    for number in range(ROUNDS + 1):
        total = np.zeros(SHAPE)
        count = np.zeros(SHAPE)
        votes = np.zeros((2, *SHAPE))
        for n, transform in enumerate(transforms):
            there = _moved(inside[n], grid, transform) > 0.99
            total += np.where(there, _moved(images[n], grid, transform), 0)
            count += there
            found = _moved(labels[n], grid, transform, sitk.sitkNearestNeighbor)
            votes += [found == 1, found == 2]
        mean = total / np.maximum(count, 1)
        covered = count >= COVERED * len(crops)
        if number == ROUNDS:
            break
        fixed = sitk.GetImageFromArray(mean.astype(np.float32))
        fixed.CopyInformation(grid)
        mask = sitk.GetImageFromArray(covered.astype(np.uint8))
        mask.CopyInformation(grid)
        transforms = [_aligned(fixed, mask, image) for image in images]
        print("round", number + 1, "crops", len(crops), flush=True)
    value = np.clip(128 + SPREAD * mean, 1, 255)
    share = votes / len(crops)
    label = np.where(share.sum(0) >= 0.5, share.argmax(0) + 1, 0)
    return np.where(covered, value, 0).astype(np.uint8), label.astype(np.uint8)


def _moved(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, how: int = sitk.sitkLinear
) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.Resample(image, grid, transform, how, 0.0))


def main(shared: Path, pack: Path) -> None:
    """Write template.nii.gz."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    values, labels = build(load(shared, "train")[::EVERY])
    middle = [-(n - 1) / 2 for n in SHAPE[::-1]]
    geometry = Geometry.from_arrays(
        SHAPE[::-1], (1.0, 1.0, 1.0), middle, (1, 0, 0, 0, 1, 0, 0, 0, 1), ""
    )
    write_nifti(pack / "template.nii.gz", values, geometry)
    print("template of", int((values > 0).sum()), "voxels; labels", np.bincount(labels.ravel()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
