"""A small CT that looks like one, and short forms of the cases of the catalogue that are made from it."""

from __future__ import annotations

import numpy as np
from catalogue import Case, Outcome
from faulty import write

from omentum.io.detect import load_volume
from omentum.io.sanity import check_ct

HU = np.full((12, 13, 14), -1000, np.int16)
HU[2:10, 2:11, 2:12] = np.random.default_rng(1).normal(40, 15, (8, 9, 10))
HU[4:6, 4:6, 4:9] = 700


def checked(path, **options):
    """As `omentum segment` reads."""
    return check_ct(load_volume(path, **options), source=path)


def same_voxels(volume):
    np.testing.assert_array_equal(volume.voxels, HU)


def refused(row, what, make, says, read=checked):
    return Case(row, what, make, Outcome.ERROR, says, read)


def warned(row, what, make, says, read=checked):
    return Case(row, what, make, Outcome.WARNING, says, read)


def fine(row, what, make, read=checked, right=None):
    return Case(row, what, make, Outcome.OK, "", read, right or same_voxels)


def file_of(make, name="ct.nii"):
    return lambda folder: write(folder, make() if callable(make) else make, name)
