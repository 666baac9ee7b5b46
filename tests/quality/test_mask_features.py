import edt
import numpy as np
from organ_body import assessed, ct_of, grid_in, masks_on
from scipy import ndimage

from omentum.quality import assess as quality
from omentum.quality import mask_features as module


def test_slabs_decide_as_the_whole_would():
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = (
            ndimage.gaussian_filter(rng.random((rng.integers(1, 3 * module.SLAB), 20, 30)), rng.uniform(0.5, 4)) > 0.5
        )
        spacing_mm, mm = tuple(rng.uniform(0.5, 5, 3)), rng.uniform(1, 12)
        whole = edt.edt(np.add(mask, 1, dtype=np.uint8, order="C"), anisotropy=spacing_mm, black_border=False)
        np.testing.assert_array_equal(module._deeper(mask, mm, spacing_mm), whole > mm)


def test_alone_or_side_by_side_is_the_same(monkeypatch):
    masks = masks_on(grid_in())
    side_by_side = assessed(ct_of(masks, grid_in()), masks)
    monkeypatch.setattr(quality, "LARGE_VOXELS", 50_000)
    assert assessed(ct_of(masks, grid_in()), masks) == side_by_side
