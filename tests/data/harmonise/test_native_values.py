"""Values as they are stored: fractions, strays, and a CT in place of labels."""

import numpy as np
import pytest
from native_labels import AFFINE, LITS, SHAPE, cube, kinds

from omentum.data.harmonise.harmonise import harmonise
from omentum.errors import InputError


def test_float_labels_are_rounded_and_fractions_told():
    native = np.where(cube(1, 1, 1), 0.9999, 0).astype(np.float32)
    assert harmonise(native, AFFINE, LITS, {"liver"}).notes == ()
    native[5, 1, 1], native[5, 2, 1], native[0, 0, 0] = 0.6, 0.3, np.nan
    harmonised = harmonise(native, AFFINE, LITS, {"liver"})
    assert kinds(harmonised) == ["rounded", "rounded"]
    assert "1 voxels are no number" in harmonised.notes[0].text
    assert "2 voxels hold fractions (off by up to 0.4)" in harmonised.notes[1].text
    np.testing.assert_array_equal(harmonised.truth.mask("liver"), np.rint(np.nan_to_num(native)) == 1)


def test_strays_far_off_are_told_and_strays_inside_make_the_case_suspect():
    native = np.where(cube(1, 1, 1, side=9), 1, 0)
    native[15, 13, 2] = 7
    native[16, 3, 3] = -3
    native[17, 3, 3] = 5
    far = harmonise(native, AFFINE, LITS, {"liver"}, ignored=[5])
    assert kinds(far) == ["stray"]
    assert far.notes[0].text.endswith("-3 (1 voxels), 7 (1 voxels)")
    assert not far.notes[0].suspect
    native[cube(4, 4, 4)] = 9
    inside = harmonise(native, AFFINE, LITS, {"liver"}, ignored=[5])
    assert kinds(inside) == ["stray inside", "stray"]
    assert inside.notes[0].suspect
    assert "9 (64 voxels)" in inside.notes[0].text
    assert not inside.truth.mask("liver")[cube(4, 4, 4)].any()
    # Inside something nobody looked for it is no loss.
    assert kinds(harmonise(native, AFFINE, LITS, {"liver_tumour"}, ignored=[5])) == ["stray", "not annotated"]


def test_a_ct_in_place_of_labels_is_refused():
    native = np.random.default_rng(0).integers(-1000, 2000, SHAPE)
    with pytest.raises(InputError, match=r"holds .* values that the recipe does not know"):
        harmonise(native, AFFINE, LITS, {"liver"})
