"""Plausibility checks of the voxels and grid of a CT, before inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError, warn_of_case
from omentum.io.hu_scale import FAT_HU, doubt
from omentum.volume import PADDING_HU, Volume

LARGEST_HU = 32767
"""Beyond any CT number a 16-bit scanner can store; larger ones are clipped."""
PADDING_SHARE = 0.001
"""One number beyond all CT numbers in more of the voxels than this is padding around the field of view."""
THICK_SLICE_MM = 6.0

_FORCE = "if it is a CT in HU all the same, pass --force"


def check_ct(volume: Volume, *, source: str | Path | None = None, force: bool = False) -> Volume:
    """Refuse images that cannot be a CT in HU; repair minor problems with a warning.

    Args:
        volume: The image as read.
        source: File name for messages.
        force: Downgrade doubts about intensities (see `omentum.io.hu_scale`) to warnings.

    Returns:
        The same volume; a copy if voxels were not finite (replaced by air, -1024) or outside 16 bits (clipped, or
            replaced
        by air if they are padding).

    Raises:
        InputError: There is no finite voxel, all voxels are equal, or the intensities are not HU.
    """
    _refuse_nothing(volume.voxels, source)
    doubted = doubt(volume.voxels)
    if doubted is not None:
        if doubted.refuses and not force:
            raise InputError(doubted.reason, source=source, remedy=_FORCE)
        _warn(doubted.reason, source)
    volume = _mended(volume, source)
    _warn_of_grid(volume, source)
    return volume


def _refuse_nothing(voxels: NDArray[Any], source: str | Path | None) -> None:
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        voxels = voxels[np.isfinite(voxels)]
    if not voxels.size:
        raise InputError("no voxel is a finite number", source=source)
    if (low := voxels.min()) != voxels.max():
        return
    if low < FAT_HU:
        _warn(f"every voxel is {low:g}, air; nothing will be found", source)
    else:
        raise InputError(f"every voxel is {low:g}: there is no image in it", source=source, remedy="export it again")


def _mended(volume: Volume, source: str | Path | None) -> Volume:
    voxels = volume.voxels
    if voxels.min() >= -LARGEST_HU and voxels.max() <= LARGEST_HU:  # not so with a single NaN
        return volume
    is_bad: Any = ~np.isfinite(voxels) if voxels.dtype.kind == "f" else np.zeros((), np.bool_)
    n_bad = int(np.count_nonzero(is_bad))
    beyond = ((voxels > LARGEST_HU) | (voxels < -LARGEST_HU)) & ~is_bad
    n_beyond = int(np.count_nonzero(beyond))
    if n_bad:
        _warn(f"{n_bad} voxels non-finite, treated as {PADDING_HU}", source)
    if n_beyond:
        padding, said = _padding(voxels[beyond], voxels.size)
        _warn(f"{n_beyond} voxels beyond +/-{LARGEST_HU}, {said}", source)
        is_bad = is_bad | (voxels == padding) if padding is not None else is_bad
    mended = np.where(is_bad, PADDING_HU, voxels).clip(-LARGEST_HU, LARGEST_HU).astype(voxels.dtype)
    return Volume(mended, volume.affine, volume.header)


def _padding(beyond: NDArray[Any], n_voxels: int) -> tuple[float | None, str]:
    """The value that marks voxels outside the field of view, if there is one; and a description of the repair."""
    values, counts = np.unique(beyond, return_counts=True)
    if counts.max() < max(PADDING_SHARE * n_voxels, len(beyond) / 2):
        return None, "clipped"
    padding = float(values[counts.argmax()])
    return padding, f"most of them {padding:g}: padding, treated as {PADDING_HU}"


def _warn_of_grid(volume: Volume, source: str | Path | None) -> None:
    if min(volume.shape) <= 2:
        _warn(f"only {min(volume.shape)} slice(s) thick; results are unreliable", source)
    if max(volume.spacing_mm) > THICK_SLICE_MM:
        _warn(f"slices are {max(volume.spacing_mm):.3g} mm apart; tumour detection is less reliable", source)


def _warn(reason: str, source: str | Path | None) -> None:
    warn_of_case(reason, source, stacklevel=3)
