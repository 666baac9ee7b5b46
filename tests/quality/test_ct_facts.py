"""What is said of a CT does not depend on how its voxels lie in memory."""

import numpy as np
import pytest

from omentum.quality.ct_facts import ct_facts
from omentum.quality.limits import QUALITY_RULES
from omentum.volume import Volume


def a_ct() -> np.ndarray:
    """A body off the middle that one face cuts, with a piece of metal."""
    random = np.random.default_rng(0)
    hu = np.full((40, 30, 20), -1000, np.int16)
    hu[12:40, 4:25] = 40
    hu[20:23, 8:11, 5:9] = 3000
    return hu + random.integers(-10, 11, hu.shape, np.int16)


@pytest.mark.parametrize(
    "laid",
    [
        np.asfortranarray,
        lambda hu: np.ascontiguousarray(hu.transpose(1, 2, 0)).transpose(2, 0, 1),
        lambda hu: np.ascontiguousarray(hu[::-1, :, ::-1])[::-1, :, ::-1],
    ],
    ids=["as files have it", "turned", "flipped"],
)
def test_facts_do_not_depend_on_how_voxels_lie(laid):
    hu, affine = a_ct(), np.diag([2.0, 2.0, 3.0, 1.0])
    expected = ct_facts(Volume(np.ascontiguousarray(hu), affine), QUALITY_RULES.ct)
    assert ct_facts(Volume(laid(hu), affine), QUALITY_RULES.ct) == expected
    assert expected.middle_mm == pytest.approx(2 * 25.5, abs=0.5)
    assert expected.cut_share == pytest.approx(21 / (2 * (30 + 40)), abs=0.01)
    assert expected.metal_ml == pytest.approx(3 * 3 * 4 * 12 / 1000)
