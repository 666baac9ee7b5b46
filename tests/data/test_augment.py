import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from omentum.anatomy import STRUCTURES
from omentum.data import augment
from omentum.data.augment import AIR_HU, Augmentation
from toy_cases import toy_case

STILL = Augmentation(rotation_deg=0, scale=(1.0, 1.0), elastic_voxels=0, slab=0)
KEYS = STRUCTURES.keys


class NoRandomness:
    """A generator whose draws are all in the middle: no rotation, no zoom."""

    def uniform(self, low=0.0, high=1.0, size=None):
        middle = (low + high) / 2
        return middle if size is None else np.full(size, middle)

    def normal(self, mean=0.0, sd=1.0, size=None):
        return mean if size is None else np.full(size, mean)

    def random(self):
        return 1.0


def test_an_unvaried_patch_is_the_case_itself():
    case = toy_case()
    centre = [(n - 1) / 2 for n in case.hu.shape]
    hu, bits = augment.patch_at(case, centre, case.hu.shape, NoRandomness(), STILL)
    assert np.abs(hu.numpy() - case.hu).max() < 0.01
    assert np.array_equal(bits.numpy(), case.bits)


def test_outside_the_scan_is_air_without_labels():
    case = toy_case()
    hu, bits = augment.patch_at(case, [-100, -100, -100], (16, 16, 16), NoRandomness(), STILL)
    assert (hu == AIR_HU).all()
    assert not bits.any()


def test_image_and_labels_move_together():
    case = toy_case()
    rng = np.random.default_rng(3)
    kidney = KEYS.index("right_kidney")
    hu, bits = augment.patch_at(case, [30, 12, 14], (32, 32, 32), rng, Augmentation(slab=0, elastic_voxels=2))
    inside = augment.unpack(bits, 32)[kidney]
    assert inside.sum() > 100
    assert hu[inside].median() > 150
    assert ((hu > 170) & inside).sum() / (hu > 170).sum() > 0.5


def test_flip_exchanges_sides_and_mirrors():
    case = toy_case()
    bits = torch.from_numpy(case.bits)
    _, flipped = augment.flip_left_right(torch.zeros(bits.shape), bits, KEYS)
    before, after = augment.unpack(bits, 32), augment.unpack(flipped, 32)
    right, left, liver = (KEYS.index(k) for k in ("right_kidney", "left_kidney", "liver"))
    assert torch.equal(after[right], before[left].flip(0))
    assert torch.equal(after[left], before[right].flip(0))
    assert torch.equal(after[liver], before[liver].flip(0))


@given(st.lists(st.integers(0, 31), unique=True))
@settings(deadline=None)
def test_swapping_sides_twice_is_nothing(set_bits):
    value = sum(1 << k for k in set_bits)
    bits = torch.tensor([value - (1 << 32) if value >= 1 << 31 else value], dtype=torch.int32)
    assert torch.equal(augment.swap_sides(augment.swap_sides(bits, KEYS), KEYS), bits)
    assert augment.unpack(bits, 32)[:, 0].nonzero().flatten().tolist() == sorted(set_bits)


def test_appearance_stays_finite_and_keeps_the_unscanned():
    case = toy_case()
    hu = torch.from_numpy(case.hu.astype(np.float32))
    hu[:, :, :5] = AIR_HU
    for seed in range(12):
        rng = np.random.default_rng(seed)
        varied = augment.vary_appearance(hu, torch.from_numpy(case.bits), sorted(case.points), rng, Augmentation())
        assert torch.isfinite(varied).all()
        assert (varied[:, :, :5] == AIR_HU).all()


def test_a_slab_keeps_the_middle_only():
    case = toy_case()
    how = Augmentation(rotation_deg=0, scale=(1, 1), elastic_voxels=0, slab=1.0, slab_voxels=(4, 8))
    hu, bits = augment.patch_at(case, [20, 18, 17], (32, 32, 32), np.random.default_rng(0), how)
    scanned = (hu != AIR_HU).any(0).any(0)
    assert 4 <= int(scanned.sum()) <= 8
    assert not bits[:, :, ~scanned].any()
