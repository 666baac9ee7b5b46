"""A body whose organs touch: its lesions grown by a known amount, lying and stored otherwise, partly imaged."""

import numpy as np
import pytest
from scipy import ndimage
from two_scans import motion

from omentum.follow_up.compare import follow_up
from omentum.phantom import LesionOptions, build_body, insert_lesions
from omentum.segmentation import Segmentation


@pytest.mark.slow
def test_lesions_of_a_phantom_are_found_again():
    rng = np.random.default_rng(5)
    odds = {"liver_tumour": 1.0, "kidney_tumour": 1.0, "pancreas_tumour": 1.0, "lung_tumour": 1.0}
    truth = insert_lesions(build_body(rng, (4.0, 4.0, 4.0)), rng, LesionOptions(odds=odds, size=1.3)).truth
    types = [key for key in odds if truth.mask(key).any()]
    masks = {key: truth.mask(key) for key in truth.classes if key != "hepatic_vessel_tumour"}
    before = Segmentation.from_masks(masks, truth.affine)
    for key in types:
        masks[key] = ndimage.binary_dilation(masks[key]) & ndimage.binary_dilation(truth.mask(key))
    grown_ml = {key: np.count_nonzero(masks[key]) * 0.064 for key in types}
    affine = motion((6, 4, -12), (35, 20, -400)) @ truth.affine
    after = Segmentation.from_masks(
        {key: mask[::-1].transpose(2, 0, 1) for key, mask in masks.items()}, turned(affine, truth.shape)
    )
    result = follow_up(before, after)
    matched = [one for one in result.lesions if one.status in ("same", "merged", "split")]
    assert matched == list(result.lesions)
    for key in types:
        assert sum(one.volumes_ml[1] for one in matched if one.any.key == key) == pytest.approx(grown_ml[key])
    inverse = np.linalg.inv(motion((6, 4, -12), (35, 20, -400)))
    np.testing.assert_allclose(result.alignment.motion.rotation, inverse[:3, :3], atol=0.005)
    pieces, _ = ndimage.label(np.logical_or.reduce([after.mask(key) for key in types]))
    below_the_highest = max(piece[0].start for piece in ndimage.find_objects(pieces))
    lower_part = Segmentation(after.bits[:, :below_the_highest], after.affine, after.classes)
    shown = follow_up(before, lower_part)
    assert {one.status for one in shown.lesions} <= {"same", "merged", "split", "not imaged now"}
    assert "not imaged now" in {one.status for one in shown.lesions}
    np.testing.assert_allclose(shown.alignment.motion.rotation, inverse[:3, :3], atol=0.02)


def turned(affine, shape):
    """Of voxels stored with the first axis reversed and the last one first."""
    turn = np.zeros((4, 4))
    turn[2, 0] = turn[1, 2] = turn[3, 3] = 1
    turn[0, 1], turn[0, 3] = -1, shape[0] - 1
    return affine @ turn
