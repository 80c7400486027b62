"""numpy arrays and VTK images over the same memory.

The VTK image keeps the array alive; who writes to the array afterwards says so with ``touch``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkImageData

from app.core.geometry import Float64Array


def image_from_array(
    array_kji: npt.NDArray[Any], spacing_ijk: tuple[float, float, float]
) -> vtkImageData:
    """A VTK image over ``array_kji`` ([k, j, i] or [k, j, i, 3]) in its grid, without a copy.

    Only a non-contiguous or boolean array is copied. Origin and direction stay VTK's defaults: its
    filters disagree about direction matrices (vtkImageReslice of 9.7 shows other voxels once one is
    set, ``tests/render/test_slice_renderer.py``), so the caller turns into the grid's own frame.
    """
    values = np.ascontiguousarray(array_kji)
    components = values.shape[3] if values.ndim == 4 else 1
    flat = values.reshape(-1, components) if components > 1 else values.reshape(-1)
    image = vtkImageData()
    k, j, i = values.shape[:3]
    image.SetDimensions(i, j, k)
    image.SetSpacing(*spacing_ijk)
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=False))
    return image


def touch(image: vtkImageData) -> None:
    """Tell VTK that the array behind ``image`` has new values."""
    image.GetPointData().GetScalars().Modified()
    image.Modified()


def array_from_image(image: vtkImageData) -> npt.NDArray[Any]:
    """The values of a two-dimensional VTK image, [v, u] or [v, u, 3], as an array of its own."""
    width, height, _ = image.GetDimensions()
    scalars = image.GetPointData().GetScalars()
    values = np.asarray(vtk_to_numpy(scalars)).copy()
    components = scalars.GetNumberOfComponents()
    shape = (height, width, components) if components > 1 else (height, width)
    return values.reshape(shape)


def points_from_vtk(points: vtkPoints) -> Float64Array:
    """vtkPoints as an array (n, 3) of its own."""
    return np.asarray(vtk_to_numpy(points.GetData()), dtype=np.float64).copy()
