"""In-memory images of other libraries (nibabel, SimpleITK, ITK, MONAI), accepted only with their geometry."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from omentum.errors import GeometryError, UsageError
from omentum.io.nifti_geometry import read_geometry
from omentum.volume import RAS_FROM_LPS, Affine, Volume

_GEOMETRY = "omentum.Volume(array, affine), affine 4x4 from voxel indices to RAS+ millimetres"
_SPACES = {"RAS": np.eye(4), "LPS": RAS_FROM_LPS}


def as_volume(image: Any, *, volume: int | None = None) -> Volume:
    """Convert an in-memory image to a `Volume`.

    Args:
        image: A `Volume`, an image of nibabel or SimpleITK, a MetaTensor of MONAI (with or without channels first), or
            a pair of array (or tensor) and affine.
        volume: Index of the volume in a 4D image or of the channel in a MetaTensor, from 0.

    Raises:
        UsageError: The type is not supported; the remedy names a conversion.
        GeometryError: The affine is invalid, or the image does not have three axes.
    """
    if isinstance(image, Volume):
        return image
    if hasattr(image, "affine") and hasattr(image, "dataobj"):
        return _of_nibabel(image, volume)
    if _library(image) == "SimpleITK" and hasattr(image, "GetDirection"):
        return _of_simpleitk(image, volume)
    if hasattr(image, "affine") and hasattr(image, "meta") and hasattr(image, "detach"):
        return _of_metatensor(image, volume)
    if isinstance(image, tuple) and len(image) == 2 and np.shape(image[1]) == (4, 4):
        return Volume(image[0], image[1])
    raise UsageError(_refusal(image), remedy=_remedy(image))


def _of_nibabel(image: Any, volume: int | None) -> Volume:
    """What a NIfTI header states is judged as in a file; nibabel makes an affine up where nothing is stated."""
    if image.affine is None:
        raise UsageError("this image has no affine", remedy=_GEOMETRY)
    voxels = _one_of(np.asanyarray(image.dataobj), volume, -1)
    nifti, analyze = (_nibabel_class(name) for name in ("Nifti1Pair", "AnalyzeImage"))
    if isinstance(image, analyze) and not isinstance(image, nifti):
        raise GeometryError("an Analyze image states no orientation", remedy=_GEOMETRY)
    if not isinstance(image, nifti) or voxels.ndim != 3:
        return Volume(voxels, image.affine)
    header = image.header.copy()
    if max(header["sform_code"], header["qform_code"]) <= 0:
        raise GeometryError("this image states no orientation (sform and qform codes are 0)", remedy=_GEOMETRY)
    if not np.allclose(header.get_best_affine(), image.affine):
        header.set_sform(image.affine, code=1)  # the affine was changed in place; nibabel would write that one
    affine = read_geometry(header, voxels.shape, None).affine
    # Single precision in the header; the affine itself may have more.
    return Volume(voxels, image.affine if np.allclose(affine, image.affine) else affine)


def _nibabel_class(name: str) -> Any:
    return getattr(importlib.import_module("nibabel"), name)


def _of_simpleitk(image: Any, volume: int | None) -> Volume:
    """World coordinates of ITK are LPS+; its arrays have the slowest axis first."""
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise UsageError(f"this image has {image.GetNumberOfComponentsPerPixel()} numbers a voxel, expected one")
    if (axes := image.GetDimension()) not in (3, 4):
        raise UsageError(f"this image has {axes} axes, expected 3")
    voxels = importlib.import_module("SimpleITK").GetArrayViewFromImage(image).T.copy(order="F")
    directions = np.reshape(image.GetDirection(), (axes, axes)) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions[:3, :3], image.GetOrigin()[:3]
    return Volume(_one_of(voxels, volume, -1), _SPACES["LPS"] @ affine)


def _of_metatensor(image: Any, volume: int | None) -> Volume:
    space = str(image.meta.get("space", "RAS") or "RAS").upper()
    if space not in _SPACES:
        raise UsageError(f"this MetaTensor lies in the space {space!r}, expected RAS or LPS", remedy=_GEOMETRY)
    affine: Affine = np.asarray(image.affine, np.float64)
    if affine.shape != (4, 4):
        raise UsageError(f"this MetaTensor has an affine of shape {affine.shape}, expected 4x4", remedy=_GEOMETRY)
    return Volume(_one_of(image.detach().cpu(), volume, 0), _SPACES[space] @ affine)


def _one_of(voxels: Any, volume: int | None, axis: int) -> Any:
    """One volume of a 4D array, whose volumes lie along the first axis (0) or the last (-1)."""
    if voxels.ndim != 4:
        return voxels
    count = voxels.shape[axis]
    if volume is None and count > 1:
        raise UsageError(f"this image is 4D with {count} volumes", remedy="choose one: volume=0")
    if not 0 <= (volume or 0) < count:
        raise UsageError(f"this image has no volume {volume}", remedy=f"it has 0 to {count - 1}")
    return voxels[volume or 0] if axis == 0 else voxels[..., volume or 0]


def _refusal(image: Any) -> str:
    if isinstance(image, Sequence):
        return f"a {type(image).__name__} of {len(image)} is no CT"
    if hasattr(image, "__array__") or hasattr(image, "shape"):
        return f"a bare array ({_kind(image)}) does not say where its voxels are"
    return f"cannot segment a {_kind(image)}"


def _remedy(image: Any) -> str:
    if isinstance(image, Sequence) and all(isinstance(one, (str, os.PathLike)) for one in image):
        return "one by one: s = omentum.Segmenter(); results = [s.segment(path) for path in paths]"
    if hasattr(image, "GetSpacing"):  # an image of ITK
        return "write it: itk.imwrite(image, 'ct.nii.gz'), or give an image of SimpleITK"
    if hasattr(image, "__array__") or hasattr(image, "shape"):
        return _GEOMETRY
    return f"give a path, an image of nibabel or SimpleITK, a MetaTensor, or {_GEOMETRY}"


def _library(image: Any) -> str:
    return type(image).__module__.partition(".")[0]


def _kind(image: Any) -> str:
    return f"{_library(image)}.{type(image).__name__}".removeprefix("builtins.")
