"""HU window."""

import torch

from omentum.preprocess.intensity import window, window_

SOFT = (-175.0, 250.0)


def test_the_window_maps_to_0_and_1_and_clips():
    hu = torch.tensor([-3024.0, -175.0, 37.5, 250.0, 3071.0, 1e30])
    before = hu.clone()
    assert window(hu, SOFT).tolist() == [0, 0, 0.5, 1, 1, 1]
    assert torch.equal(hu, before)


def test_the_window_is_the_plain_formula_to_the_bit():
    hu = torch.randn(10_000, generator=torch.Generator().manual_seed(0)) * 500
    assert torch.equal(window(hu, SOFT), ((hu - SOFT[0]) / (SOFT[1] - SOFT[0])).clamp(0, 1))


def test_the_window_in_place_is_the_same_but_for_rounding():
    hu = torch.randn(10_000, generator=torch.Generator().manual_seed(0)) * 500
    expected = window(hu, SOFT)
    given = hu.clone()
    found = window_(given, SOFT)
    assert found.data_ptr() == given.data_ptr()
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-7)
