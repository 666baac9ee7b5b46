"""The model that is known exactly, and what it finds on its own grid."""

import pytest
from banded_phantom import banded_ct, ras_grid
from threshold_model import SPEC, ThresholdModel

from omentum.pipeline import segment


@pytest.fixture(scope="module")
def model():
    return ThresholdModel(SPEC)


@pytest.fixture(scope="module")
def straight(model):
    return segment(banded_ct(ras_grid()), weights=model, device="cpu")
