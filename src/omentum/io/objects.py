"""In-memory images of other libraries (nibabel, SimpleITK, ITK, MONAI), accepted only with their geometry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from omentum.errors import UsageError
from omentum.volume import Volume

_GEOMETRY = "omentum.Volume(array, affine), affine 4x4 from voxel indices to RAS+ millimetres"


def as_volume(image: Any, *, volume: int | None = None) -> Volume:
    """Convert an in-memory image to a `Volume`.

    Args:
        image: A `Volume`, a nibabel image, or a pair of array and affine.
        volume: Index of the volume in a 4D image, from 0.

    Raises:
        UsageError: The type is not supported; the remedy names a conversion.
        GeometryError: The affine is invalid, or the image does not have three axes.
    """
    if isinstance(image, Volume):
        return image
    if hasattr(image, "affine") and hasattr(image, "dataobj"):
        if image.affine is None:
            raise UsageError("this image has no affine", remedy=_GEOMETRY)
        return Volume(_one_of(np.asanyarray(image.dataobj), volume), image.affine)
    if isinstance(image, tuple) and len(image) == 2 and np.shape(image[1]) == (4, 4):
        return Volume(image[0], image[1])
    raise UsageError(_refusal(image), remedy=_remedy(image))


def _one_of(voxels: Any, volume: int | None) -> Any:
    if voxels.ndim != 4:
        return voxels
    if volume is None and voxels.shape[3] > 1:
        raise UsageError(f"this image is 4D with {voxels.shape[3]} volumes", remedy="choose one: volume=0")
    if not 0 <= (volume or 0) < voxels.shape[3]:
        raise UsageError(f"this image has no volume {volume}", remedy=f"it has 0 to {voxels.shape[3] - 1}")
    return voxels[..., volume or 0]


def _refusal(image: Any) -> str:
    if isinstance(image, Sequence):
        return f"a {type(image).__name__} of {len(image)} is no CT"
    if hasattr(image, "__array__") or hasattr(image, "shape"):
        return f"a bare array ({_kind(image)}) does not say where its voxels are"
    return f"cannot segment a {_kind(image)}"


def _remedy(image: Any) -> str:
    if isinstance(image, Sequence) and all(isinstance(one, (str, os.PathLike)) for one in image):
        return "one by one: s = omentum.Segmenter(); results = [s.segment(path) for path in paths]"
    if hasattr(image, "__array__") or hasattr(image, "shape"):
        return _GEOMETRY
    if hasattr(image, "GetSpacing"):
        return "write it: SimpleITK.WriteImage(image, 'ct.nii.gz')"
    return f"give a path, an image of nibabel, or {_GEOMETRY}"


def _kind(image: Any) -> str:
    return f"{type(image).__module__.partition('.')[0]}.{type(image).__name__}".removeprefix("builtins.")
