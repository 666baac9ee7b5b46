"""HU window."""

import torch

from omentum.preprocess.intensity import window
from omentum.spec import PreprocessSpec


def test_the_window_maps_to_0_and_1_and_clips():
    hu = torch.tensor([-3024.0, -175.0, 37.5, 250.0, 3071.0, 1e30])
    before = hu.clone()
    assert window(hu, PreprocessSpec()).tolist() == [0, 0, 0.5, 1, 1, 1]
    assert torch.equal(hu, before)
