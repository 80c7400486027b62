"""Resampling of plain arrays to another size, field of view kept, as nnU-Net does it.

Both grids cover the same extent; voxel centres lie at ``(n + 0.5) * old / new - 0.5`` (the
convention of skimage.transform.resize, which nnU-Net calls). Outside voxels repeat the edge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

Float32Array = npt.NDArray[np.float32]


def resample_values(
    values: Float32Array,
    shape: tuple[int, ...],
    *,
    order: int,
    separate_axis: int | None = None,
    order_z: int = 0,
) -> Float32Array:
    """``values`` on a grid of ``shape``; spline ``order`` 0, 1 or 3.

    ``separate_axis`` is resampled on its own with ``order_z`` after the others (anisotropic
    images). Cubic results are clipped to the range of the input, as skimage does.
    """
    if values.shape == tuple(shape):
        return values
    if separate_axis is None:
        result = _resize(values, shape, order)
    else:
        in_plane = tuple(
            values.shape[axis] if axis == separate_axis else n for axis, n in enumerate(shape)
        )
        result = _resize(values, in_plane, order)
        result = _resize(result, shape, order_z)
    return np.clip(result, values.min(), values.max())


def _resize(values: Float32Array, shape: tuple[int, ...], order: int) -> Float32Array:
    if values.shape == tuple(shape):
        return values
    image = sitk.GetImageFromArray(np.ascontiguousarray(values, dtype=np.float32))
    scale = [old / new for old, new in zip(values.shape[::-1], shape[::-1], strict=True)]
    interpolator = {0: sitk.sitkNearestNeighbor, 1: sitk.sitkLinear, 3: sitk.sitkBSpline}[order]
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize([int(n) for n in shape[::-1]])
    resampler.SetOutputSpacing(scale)
    resampler.SetOutputOrigin([(s - 1) / 2 for s in scale])
    resampler.SetInterpolator(interpolator)
    resampler.SetUseNearestNeighborExtrapolator(True)
    resampled = resampler.Execute(image)
    return np.asarray(sitk.GetArrayFromImage(resampled), dtype=np.float32)
