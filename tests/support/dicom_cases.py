"""Series of the catalogue: a stack of noise of a patient, and what is done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from catalogue import PATIENT
from dicom_files import AXIAL, save, slice_of, stack_affine, write_stack
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from omentum.volume import Volume

HU = np.random.default_rng(57).integers(-1000, 1500, (7, 6, 8)).astype(np.int16)


def stack(folder: Path, hu: NDArray = HU, **tags: Any) -> list[Path]:
    """An axial series; see `write_stack`."""
    return write_stack(folder, hu, **PATIENT | tags)


def whole(volume: Volume) -> None:
    """Assert that a volume is what `stack` wrote."""
    np.testing.assert_array_equal(volume.voxels, HU)
    np.testing.assert_allclose(volume.affine, stack_affine())


def placed(
    folder: Path, positions: Sequence[tuple[float, ...]], directions: tuple[float, ...] = AXIAL, **tags: Any
) -> list[Path]:
    """The first slices of `HU` at any positions, under names in no order."""
    series = generate_uid()
    known = PATIENT | {"ImageOrientationPatient": list(directions)} | tags
    slices = [
        slice_of(HU[:, :, k].T.astype(int) + 1024, tuple(map(float, position)), k, series, **known)
        for k, position in enumerate(positions)
    ]
    return [save(one, folder / f"{(3 * k + 1) % 8}_{k}") for k, one in enumerate(slices)]


def edited(folder: Path, k: int, tags: Mapping[str, Any], **of_all: Any) -> list[Path]:
    """A stack in which slice `k` has other tags; None removes one."""
    paths = stack(folder, **of_all)
    header = pydicom.dcmread(paths[k])
    for name, value in tags.items():
        if value is None:
            delattr(header, name)
        else:
            setattr(header, name, value)
    save(header, paths[k])
    return paths
