"""Islands of blocks against the whole volume looked at directly."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_structures import many
from scipy import ndimage

from omentum.postprocess.components import label_components
from omentum.postprocess.mask_editor import MaskChange, MaskEditor
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


@given(sparse(), st.sampled_from([("liver",), ("liver", "colon")]))
def test_the_islands_are_the_mask_in_parts_that_do_not_touch(seg, keys):
    union = np.logical_or.reduce([seg.mask(key) for key in keys])
    seen = np.zeros(seg.shape, int)
    components = label_components(MaskEditor(seg).islands(*keys))
    for box, mask in components.selected(np.ones(len(components) + 1, bool)):
        seen[box] += mask
    np.testing.assert_array_equal(seen, union.astype(int))
    labels, n = ndimage.label(union, np.ones((3, 3, 3)))
    assert sorted(components.voxels[1:]) == sorted(np.bincount(labels.ravel())[1:])
    for number in range(1, n + 1):
        found = labels[components.boxes[number]]
        assert components.voxels[number] in np.bincount(found.ravel())[1:]
    centres = np.array(ndimage.center_of_mass(union, labels, range(1, n + 1))).reshape(-1, 3)
    both = [np.array(sorted(np.round(c, 4).tolist())).reshape(-1, 3) for c in (components.centres[1:], centres)]
    np.testing.assert_allclose(*both, atol=1e-3)


@given(sparse(), st.data())
def test_changes_are_seen_and_counted(seg, data):
    editor, liver, spleen = MaskEditor(seg), seg.mask("liver"), seg.mask("spleen")
    starts = [data.draw(st.integers(0, n - 1)) for n in seg.shape]
    box = tuple(slice(a, data.draw(st.integers(a + 1, n))) for a, n in zip(starts, seg.shape, strict=True))
    voxels = np.ones([s.stop - s.start for s in box], bool)
    editor.remove("liver", "test", box, voxels)
    editor.add("spleen", "test", box, voxels)
    removed, added = int(liver[box].sum()), int((~spleen[box]).sum())
    changes = {c.structure: (round(c.removed_ml * 1000), round(c.added_ml * 1000)) for c in editor.changes()}
    assert changes == ({"liver": (removed, 0)} if removed else {}) | ({"spleen": (0, added)} if added else {})
    liver[box], spleen[box] = False, True
    for key, expected in (("liver", liver), ("spleen", spleen)):
        found = np.zeros(seg.shape, bool)
        for where, mask in editor.islands(key):
            found[where] |= mask
        np.testing.assert_array_equal(found, expected)
        assert editor.has(key) == expected.any()


def test_what_two_share_lies_in_the_box():
    masks = {key: np.zeros((30, 30, 30), bool) for key in KEYS}
    masks["liver"][2:12, 2:12, 2:12] = True
    masks["spleen"][10:20, 10:20, 10:20] = True
    editor = MaskEditor(Segmentation.from_masks(masks, np.eye(4)))
    box = editor.shared_box("liver", "spleen")
    assert (editor.mask(box, "liver") & editor.mask(box, "spleen")).sum() == 8
    assert editor.shared_box("liver", "colon") is None


def test_the_others_are_all_but_some():
    masks = {key: np.zeros((4, 4, 4), bool) for key in KEYS}
    masks["liver"][0], masks["spleen"][1], masks["colon"][2] = True, True, True
    editor = MaskEditor(Segmentation.from_masks(masks, np.eye(4)))
    box = (slice(0, 4),) * 3
    np.testing.assert_array_equal(editor.others({"liver"}, box), masks["spleen"] | masks["colon"])


def test_classes_of_several_planes_are_one_bench(tmp_path):
    """Class n has voxel n, and the first and the last class have two neighbours in common."""
    keys = many(tmp_path)
    masks = {key: np.arange(27 * 8).reshape(6, 6, 6) == n for n, key in enumerate(keys)}
    masks[keys[0]][5, 5, 4:] = masks[keys[-1]][5, 5, 4:] = True
    seg = Segmentation.from_masks(masks, np.eye(4))
    assert len(seg.bits) == 2
    editor, whole = MaskEditor(seg), (slice(0, 6),) * 3
    for some in (keys[:3], keys[60:70], keys[::40]):
        union = np.logical_or.reduce([masks[key] for key in some])
        assert np.array_equal(editor.mask(whole, *some), union)
        assert np.array_equal(
            editor.others(some, whole), np.logical_or.reduce([masks[k] for k in keys if k not in some])
        )
    shared = editor.shared_box(keys[0], keys[-1])
    assert (editor.mask(shared, keys[0]) & editor.mask(shared, keys[-1])).sum() == 2
    editor.remove(keys[-1], "test", whole, masks[keys[0]])
    editor.add(keys[70], "test", whole, masks[keys[0]])
    assert [(c.structure, c.removed_ml, c.added_ml) for c in editor.changes()] == [
        (keys[-1], pytest.approx(0.002), 0),
        (keys[70], 0, pytest.approx(0.003)),
    ]
    assert np.array_equal(seg.mask(keys[-1]), masks[keys[-1]] & ~masks[keys[0]])
    assert np.array_equal(seg.mask(keys[70]), masks[keys[70]] | masks[keys[0]])
    assert np.array_equal(seg.mask(keys[0]), masks[keys[0]])


def test_a_change_is_read_back_from_the_manifest():
    change = MaskChange("liver", "islands", 1.25, 0.5)
    assert MaskChange.from_json(json.loads(json.dumps(change.to_json()))) == change
