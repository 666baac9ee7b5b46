"""Properties that hold whatever a network says."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import in_storage_order, storage_orders
from torso import SHAPE, block, torso_affine, torso_ct, torso_masks

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, UsageError
from omentum.postprocess import CLEANERS, clean, clean_as_published, find_cleaner
from omentum.segmentation import Segmentation
from omentum.volume import Volume

KEYS = (
    *("right_kidney", "left_kidney", "kidney_tumour", "liver", "liver_tumour", "hepatic_vessel"),
    *("right_lung", "left_lung", "spleen", "colon", "aorta"),
)


@st.composite
def scenes(draw: st.DrawFn) -> Segmentation:
    """A few boxes added to and cut out of every mask: components, cavities, overlaps, emptiness, edges of the image."""
    masks = {}
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True)):
        masks[key] = np.zeros(SHAPE, bool)
        for solid in draw(st.lists(st.sampled_from([True, True, False]), max_size=4)):
            start = [draw(st.integers(0, n - 1)) for n in SHAPE]
            size = [draw(st.integers(1, 9)) for _ in SHAPE]
            masks[key][tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = solid
    return torso_masks(**masks)


def mirrored(seg: Segmentation) -> Segmentation:
    """Left becomes right, in the picture and in the names."""
    masks = {key: seg.mask(key)[::-1] for key in seg.classes}
    return Segmentation.from_masks({STRUCTURES[key].pair or key: m for key, m in masks.items()}, seg.affine)


def same(a: Segmentation, b: Segmentation) -> bool:
    return set(a.classes) == set(b.classes) and all((a.mask(key) == b.mask(key)).all() for key in a.classes)


@pytest.mark.parametrize("exclusive", [False, True])
@given(seg=scenes())
def test_a_second_run_finds_nothing_to_do(seg, exclusive):
    once = clean(seg, torso_ct(), exclusive=exclusive)
    twice = clean(once.segmentation, torso_ct(), exclusive=exclusive)
    assert same(twice.segmentation, once.segmentation)
    assert twice.changes == ()


@pytest.mark.parametrize("exclusive", [False, True])
@given(seg=scenes())
def test_a_mirrored_image_gives_the_mirrored_result(seg, exclusive):
    ct = torso_ct()
    straight = clean(seg, ct, exclusive=exclusive).segmentation
    turned = clean(mirrored(seg), Volume(ct.voxels[::-1], ct.affine), exclusive=exclusive).segmentation
    assert same(turned, mirrored(straight))


@given(scenes())
def test_what_lives_in_a_host_never_grows_outside_it(seg):
    cleaned = clean(seg, torso_ct()).segmentation
    for key in seg.classes:
        grown = cleaned.mask(key) & ~seg.mask(key)
        hosts = [host for host in STRUCTURES[key].hosts if host in seg.classes]
        if STRUCTURES[key].hosts:
            inside = np.logical_or.reduce([cleaned.mask(host) for host in hosts], axis=0) if hosts else False
            assert not (grown & ~inside).any()


@pytest.mark.parametrize("exclusive", [False, True])
@given(seg=scenes(), order=storage_orders)
def test_any_storage_order_gives_the_same_voxels(seg, order, exclusive):
    ct = torso_ct()
    straight = clean(seg, ct, exclusive=exclusive).segmentation
    hu, affine = in_storage_order(ct.voxels, ct.affine, *order)
    masks = {key: in_storage_order(seg.mask(key), ct.affine, *order)[0] for key in seg.classes}
    turned = clean(Segmentation.from_masks(masks, affine), Volume(hu, affine), exclusive=exclusive).segmentation
    for key in seg.classes:
        expected = in_storage_order(straight.mask(key), ct.affine, *order)[0]
        np.testing.assert_array_equal(turned.mask(key), expected)


@pytest.mark.parametrize("exclusive", [False, True])
@given(seg=scenes())
def test_the_order_of_classes_does_not_matter(seg, exclusive):
    one, other = (clean(s, torso_ct(), exclusive=exclusive) for s in (seg, seg.subset(seg.classes[::-1])))
    assert same(one.segmentation, other.segmentation)


@given(scenes())
def test_the_published_rules_survive_everything(seg):
    before = seg.bits.copy()
    once = clean_as_published(seg).segmentation
    np.testing.assert_array_equal(seg.bits, before)
    for key in {"hepatic_vessel"} & set(seg.classes):
        np.testing.assert_array_equal(once.mask(key), seg.mask(key))


@pytest.mark.parametrize("exclusive", [False, True])
@given(seg=scenes())
def test_the_account_is_right(seg, exclusive):
    cleaned = clean(seg, torso_ct(), exclusive=exclusive)
    for key in seg.classes:
        net = sum(c.added_ml - c.removed_ml for c in cleaned.changes if c.structure == key)
        voxels = int(cleaned.segmentation.mask(key).sum()) - int(seg.mask(key).sum())
        assert net == pytest.approx(voxels * seg.grid.voxel_volume_ml)


def test_the_input_is_left_alone_unless_lent():
    seg = torso_masks(spleen=block((3, 9), (3, 9), (3, 9)) | block((20, 22), (3, 5), (3, 5)))
    before = seg.bits.copy()
    cleaned = clean(seg, torso_ct()).segmentation
    np.testing.assert_array_equal(seg.bits, before)
    assert clean(seg, torso_ct(), in_place=True).segmentation is seg
    np.testing.assert_array_equal(seg.bits, cleaned.bits)


def test_nothing_means_nothing():
    seg = torso_masks(spleen=block((3, 9), (3, 9), (3, 9)) | block((20, 22), (3, 5), (3, 5)))
    before = seg.bits.copy()
    assert CLEANERS["none"](seg, torso_ct()).changes == ()
    np.testing.assert_array_equal(seg.bits, before)


def test_an_unknown_cleaner_and_another_grid_are_refused():
    with pytest.raises(UsageError, match="unknown post-processing 'magic'"):
        find_cleaner("magic")
    seg = torso_masks(spleen=block((3, 9), (3, 9), (3, 9)))
    with pytest.raises(GeometryError, match="not on the grid"):
        clean(seg, torso_ct(torso_affine((9.0, 9.0, 9.0))))


@pytest.mark.parametrize("keys", [("liver",), STRUCTURES.keys])
@pytest.mark.parametrize("cleaner", CLEANERS.values(), ids=CLEANERS)
def test_empty_masks_stay_empty(keys, cleaner):
    seg = torso_masks(**dict.fromkeys(keys, np.zeros(SHAPE, bool)))
    assert not cleaner(seg, torso_ct()).segmentation.present()


def test_more_classes_than_fit_one_plane_are_not_needed_but_the_last_bit_of_one_is():
    """Bit 31 of 32: the sign bit of an int32 must not leak."""
    masks = dict.fromkeys(STRUCTURES.keys, np.zeros(SHAPE, bool))
    masks["kidney_cyst"] = block((20, 23), (3, 6), (3, 6))
    masks["right_kidney"] = block((18, 25), (2, 8), (2, 9))
    masks["left_kidney"] = block((5, 11), (2, 8), (2, 9))
    assert same(clean(torso_masks(**masks), torso_ct()).segmentation, torso_masks(**masks))


@settings(max_examples=10, deadline=None)
@given(scenes())
def test_one_by_one_or_side_by_side_is_the_same(seg):
    beside = clean(seg, torso_ct())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("omentum.postprocess.clean"), "LARGE_VOXELS", 0)
        alone = clean(seg, torso_ct())
    assert same(alone.segmentation, beside.segmentation)
    assert alone.changes == beside.changes
