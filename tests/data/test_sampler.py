import torch

from omentum.anatomy import STRUCTURES
from omentum.data.augment import Augmentation
from omentum.data.sampler import PatchSampler, Source, flip_annotated
from toy_cases import toy_case

KEYS = STRUCTURES.keys


def sampler(**changes):
    sources = (Source("toys", (toy_case(0), toy_case(1))),)
    return PatchSampler(sources, KEYS, (32, 32, 32), (-175.0, 250.0), Augmentation(**changes), seed=5)


def test_a_step_is_reproducible_and_steps_differ():
    first, again, other = (sampler().batch(step, 2) for step in (7, 7, 8))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.bits, again.bits)
    assert not torch.equal(first.images, other.images)


def test_a_batch_has_the_promised_shapes():
    batch = sampler().batch(0, 3)
    assert batch.images.shape == (3, 1, 32, 32, 32)
    assert batch.bits.shape == (3, 32, 32, 32)
    assert batch.annotated.shape == (3, len(KEYS))
    assert 0 <= float(batch.images.min()) <= float(batch.images.max()) <= 1


def test_patches_show_structures_most_of_the_time():
    shown = sum(bool(sampler().batch(step, 1).bits.any()) for step in range(20))
    assert shown >= 14


def test_only_the_annotated_sides_follow_a_flip():
    annotated = torch.zeros(32, dtype=torch.bool)
    annotated[[KEYS.index("right_kidney"), KEYS.index("kidney_cyst")]] = True
    flipped = flip_annotated(annotated, KEYS)
    assert {KEYS[k] for k in flipped.nonzero().flatten().tolist()} == {"left_kidney", "kidney_cyst"}
