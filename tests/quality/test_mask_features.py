from organ_body import assessed, ct_of, grid_in, masks_on

from omentum.quality import assess as quality


def test_alone_or_side_by_side_is_the_same(monkeypatch):
    masks = masks_on(grid_in())
    side_by_side = assessed(ct_of(masks, grid_in()), masks)
    monkeypatch.setattr(quality, "LARGE_VOXELS", 50_000)
    assert assessed(ct_of(masks, grid_in()), masks) == side_by_side
