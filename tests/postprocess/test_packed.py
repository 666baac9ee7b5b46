"""Islands of blocks against the whole volume looked at directly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from omentum.errors import UsageError
from omentum.postprocess.components import pieces_of
from omentum.postprocess.packed import Workbench
from omentum.segmentation import Segmentation

KEYS = ("liver", "spleen", "colon")


@st.composite
def sparse(draw: st.DrawFn) -> Segmentation:
    """Scattered voxels and small boxes on a grid of some blocks and a bit."""
    shape = tuple(draw(st.integers(1, 35)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    masks = {}
    for key in KEYS:
        masks[key] = rng.random(shape) < draw(st.sampled_from([0.0, 0.001, 0.02]))
        at = [rng.integers(0, n) for n in shape]
        masks[key][tuple(slice(a, a + int(rng.integers(0, 12))) for a in at)] = True
    return Segmentation.from_masks(masks, np.eye(4))


@settings(max_examples=80, deadline=None)
@given(sparse(), st.sampled_from([("liver",), ("liver", "colon")]))
def test_the_islands_are_the_mask_in_parts_that_do_not_touch(seg, keys):
    union = np.logical_or.reduce([seg.mask(key) for key in keys])
    seen = np.zeros(seg.shape, int)
    pieces = pieces_of(Workbench(seg).islands(*keys))
    for box, mask in pieces.selected(np.ones(len(pieces) + 1, bool)):
        seen[box] += mask
    np.testing.assert_array_equal(seen, union.astype(int))
    labels, n = ndimage.label(union, np.ones((3, 3, 3)))
    assert sorted(pieces.voxels[1:]) == sorted(np.bincount(labels.ravel())[1:])
    for number in range(1, n + 1):
        found = labels[pieces.boxes[number]]
        assert pieces.voxels[number] in np.bincount(found.ravel())[1:]
    centres = np.array(ndimage.center_of_mass(union, labels, range(1, n + 1))).reshape(-1, 3)
    both = [np.array(sorted(np.round(c, 4).tolist())).reshape(-1, 3) for c in (pieces.centres[1:], centres)]
    np.testing.assert_allclose(*both, atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(sparse(), st.data())
def test_changes_are_seen_and_counted(seg, data):
    bench, liver, spleen = Workbench(seg), seg.mask("liver"), seg.mask("spleen")
    starts = [data.draw(st.integers(0, n - 1)) for n in seg.shape]
    box = tuple(slice(a, data.draw(st.integers(a + 1, n))) for a, n in zip(starts, seg.shape, strict=True))
    voxels = np.ones([s.stop - s.start for s in box], bool)
    bench.remove("liver", "test", box, voxels)
    bench.add("spleen", "test", box, voxels)
    removed, added = int(liver[box].sum()), int((~spleen[box]).sum())
    changes = {c.structure: (round(c.removed_ml * 1000), round(c.added_ml * 1000)) for c in bench.changes()}
    assert changes == ({"liver": (removed, 0)} if removed else {}) | ({"spleen": (0, added)} if added else {})
    liver[box], spleen[box] = False, True
    for key, expected in (("liver", liver), ("spleen", spleen)):
        found = np.zeros(seg.shape, bool)
        for where, mask in bench.islands(key):
            found[where] |= mask
        np.testing.assert_array_equal(found, expected)
        assert bench.has(key) == expected.any()


def test_what_two_share_lies_in_the_box():
    masks = {key: np.zeros((30, 30, 30), bool) for key in KEYS}
    masks["liver"][2:12, 2:12, 2:12] = True
    masks["spleen"][10:20, 10:20, 10:20] = True
    bench = Workbench(Segmentation.from_masks(masks, np.eye(4)))
    box = bench.shared_box("liver", "spleen")
    assert (bench.mask(box, "liver") & bench.mask(box, "spleen")).sum() == 8
    assert bench.shared_box("liver", "colon") is None


def test_the_others_are_all_but_some():
    masks = {key: np.zeros((4, 4, 4), bool) for key in KEYS}
    masks["liver"][0], masks["spleen"][1], masks["colon"][2] = True, True, True
    bench = Workbench(Segmentation.from_masks(masks, np.eye(4)))
    box = (slice(0, 4),) * 3
    np.testing.assert_array_equal(bench.others({"liver"}, box), masks["spleen"] | masks["colon"])


def test_too_many_classes_are_refused():
    bits = np.zeros((2, 3, 3, 3), np.uint64)
    with pytest.raises(UsageError, match="at most 64 classes"):
        Workbench(Segmentation(bits, np.eye(4), tuple(f"class {n}" for n in range(65))))
