"""Native values and masks in the words of a user's own structures."""

import numpy as np
from native_labels import AFFINE, GRID, HU, SHAPE, cube, means
from own_structures import TEXT, included, many
from sided_body import LEFT_KIDNEY, RIGHT_KIDNEY, drawn

from omentum.anatomy import STRUCTURES
from omentum.data.harmonise.harmonise import harmonise, harmonise_masks


def test_as_many_structures_as_a_user_has(tmp_path):
    """One value each for 117 of them, and two masks that overlap; TotalSegmentator has as many."""
    keys = many(tmp_path)
    native = (np.arange(np.prod(SHAPE)) % (len(keys) + 1)).reshape(SHAPE).astype(np.uint8)
    found = harmonise(native, AFFINE, {n: means(key) for n, key in enumerate(keys, start=1)}, keys)
    assert found.truth.classes == STRUCTURES.keys
    assert len(found.truth.bits) == 3
    for n in (1, 32, 33, 64, 65, len(keys)):
        assert np.array_equal(found.truth.mask(keys[n - 1]), native == n)
    masks = [(means(keys[0]), cube(1, 1, 1)), (means(keys[-1]), cube(3, 3, 3)), (means("liver_tumour"), cube(2, 2, 2))]
    both = harmonise_masks(masks, SHAPE, AFFINE, {keys[0], keys[-1], "liver_tumour"}).truth
    assert np.array_equal(both.mask(keys[-1]), cube(3, 3, 3))
    assert np.array_equal(both.mask(keys[0]), cube(1, 1, 1) & ~cube(3, 3, 3))
    assert np.array_equal(both.mask("liver_tumour"), cube(2, 2, 2))


def test_a_pair_of_a_user_is_split_and_a_lesion_in_a_lesion_is_in_its_organ(tmp_path):
    included(
        tmp_path,
        TEXT + '[necrosis]\nkind = "cyst"\nhosts = ["gluteus_tumour"]\n'
        '[gluteus_tumour]\nkind = "tumour"\nhosts = ["liver"]\n',
    )
    native = np.zeros(GRID.shape, np.uint8)
    right, left = (drawn(GRID, shape) for shape in (RIGHT_KIDNEY, LEFT_KIDNEY))
    native[right | left] = 1
    found = harmonise(native, GRID.affine, {1: means(pairs=["gluteus_maximus"])}, ["gluteus_maximus"], hu=HU).truth
    assert np.array_equal(found.mask("gluteus_maximus_right"), right)
    assert np.array_equal(found.mask("gluteus_maximus_left"), left)
    inner = harmonise_masks(
        [(means("necrosis"), cube(2, 2, 2))], SHAPE, AFFINE, ["necrosis", "gluteus_tumour", "liver"]
    )
    for key in ("necrosis", "gluteus_tumour", "liver"):
        assert np.array_equal(inner.truth.mask(key), cube(2, 2, 2))
