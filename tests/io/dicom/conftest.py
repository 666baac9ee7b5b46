"""The voxels of a small series."""

import numpy as np
import pytest


@pytest.fixture
def hu():
    return np.random.default_rng(0).integers(-1000, 1500, (7, 6, 5)).astype(np.int16)
