"""Does it look like a CT? Asked of the voxels and the grid before any model sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError, warn_of_case
from omentum.volume import Volume

AIR_HU = -1024
LARGEST_HU = 32767
"""Beyond any CT number a 16-bit scanner can store; larger ones are clipped."""
FAT_HU = -200
"""Every CT with some air or lung in view has voxels darker than fat."""
THICK_SLICE_MM = 6.0

_FORCE = "if it is a CT in HU all the same, pass --force"


def check_ct(volume: Volume, *, source: str | Path | None = None, force: bool = False) -> Volume:
    """Refuse what is surely not a CT in Hounsfield units, mend and tell what can be mended.

    Args:
        volume: As read.
        source: File to name in messages.
        force: Turn the doubts about intensities (0..1, label map, MRI, missing HU offset) into warnings.

    Returns:
        The same volume; a copy where voxels were not finite (now air, -1024) or beyond 16 bits (now clipped).

    Raises:
        InputError: no finite voxel, or intensities that are not HU.
    """
    volume = _finite(volume, source)
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if low == high:
        _warn(f"every voxel is {low:g}; nothing will be found", source)
    elif doubt := _doubt(volume.voxels, low, high):
        if not force:
            raise InputError(doubt, source=source, remedy=_FORCE)
        _warn(doubt, source)
    _warn_of_grid(volume, source)
    return volume


def _finite(volume: Volume, source: str | Path | None) -> Volume:
    voxels = volume.voxels
    if voxels.dtype.kind != "f":
        return volume
    bad = ~np.isfinite(voxels)
    n_bad = int(np.count_nonzero(bad))
    if n_bad == voxels.size:
        raise InputError("no voxel is a finite number", source=source)
    beyond = int(np.count_nonzero(np.abs(voxels) > LARGEST_HU)) - int(np.count_nonzero(np.isinf(voxels)))
    if not n_bad and not beyond:
        return volume
    if n_bad:
        _warn(f"{n_bad} voxels non-finite, treated as {AIR_HU}", source)
    if beyond:
        _warn(f"{beyond} voxels beyond +/-{LARGEST_HU}, clipped", source)
    mended = np.where(bad, AIR_HU, voxels).clip(-LARGEST_HU, LARGEST_HU).astype(voxels.dtype)
    return Volume(mended, volume.affine, volume.header)


def _doubt(voxels: NDArray[Any], low: float, high: float) -> str | None:
    """Why the intensities are not HU, or None."""
    if low < FAT_HU:
        return None
    if low >= 0 and high <= 1:
        return "values lie in 0..1, expected HU (-1024 for air)"
    sample = voxels.ravel(order="K")[:: max(1, voxels.size // 1_000_000)]
    if low >= 0 and high <= 255 and bool((sample == np.rint(sample)).all()):
        return f"values are whole numbers {low:g} to {high:g}: a label map or an 8-bit picture, not HU"
    if low >= 0 and _has_offset_tissue(sample):
        return f"minimum is {low:g}, no air; HU offset missing? (soft tissue lies near 1024 + 40)"
    if low >= 0 or high - low < 50:
        return f"values {low:g} to {high:g} with no air: MRI or another modality, not HU"
    return None


def _has_offset_tissue(sample: NDArray[Any]) -> bool:
    """Fat to enhanced tissue shifted by 1024 makes up a good part of any body."""
    return bool(np.mean((sample > 900) & (sample < 1250)) > 0.05)


def _warn_of_grid(volume: Volume, source: str | Path | None) -> None:
    if min(volume.shape) <= 2:
        _warn(f"only {min(volume.shape)} slice(s) thick; results are unreliable", source)
    if max(volume.spacing_mm) > THICK_SLICE_MM:
        _warn(f"slices are {max(volume.spacing_mm):.3g} mm apart; tumour detection is less reliable", source)


def _warn(reason: str, source: str | Path | None) -> None:
    warn_of_case(reason, source, stacklevel=3)
