import dataclasses

import numpy as np
import pytest
import torch
from toy_cases import sets_of, toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE, Augmentation
from omentum.data.sampling.patches import Fault
from omentum.data.sampling.sampler import MOST_REDRAWS, PatchSampler, PatchSource
from omentum.errors import InputError

KEYS = STRUCTURES.keys


def sampler(*sources, **changes):
    sources = sources or (PatchSource("toys", (toy_case(0), toy_case(1))),)
    return PatchSampler(sources, KEYS, (32, 32, 32), (-175.0, 250.0), Augmentation(), **{"seed": 5, **changes})


class Broken:
    """A case that the index knows and the disk has lost."""

    def __init__(self, case):
        self.case = case

    def __getattr__(self, name):
        return getattr(self.case, name)

    def box(self, start, size):
        raise InputError("cannot be decoded", source=self.case.name)


def same(a, b):
    return torch.equal(a.images, b.images) and torch.equal(a.truth.masks(), b.truth.masks()) and a.names == b.names


def test_a_patch_is_reproducible_and_patches_differ():
    first, again, other = (sampler().batch([number]) for number in (7, 7, 8))
    assert same(first, again)
    assert not torch.equal(first.images, other.images)
    assert not torch.equal(first.images, sampler(seed=6).batch([7]).images)


def test_a_batch_has_the_promised_shapes():
    batch = sampler().batch(range(3))
    assert batch.images.shape == (3, 1, 32, 32, 32)
    assert batch.images.dtype == torch.float32
    assert batch.truth.labels.shape == (3, 32, 32, 32)
    assert batch.truth.masks().shape == (len(KEYS), 3, 32, 32, 32)
    assert batch.annotated.shape == (3, len(KEYS))
    assert 0 <= float(batch.images.min()) <= float(batch.images.max()) <= 1
    assert batch.names[0].startswith("toys/toy_")


def test_patches_show_structures_most_of_the_time():
    batch = sampler().batch(range(20))
    assert sum(bool(masks.any()) for masks in batch.truth.masks().unbind(1)) >= 14


def test_boxes_go_from_one_place_to_another_whole():
    """What is finished on a GPU is cut by other processes: nothing else is carried."""
    source = sampler()
    raw = source.cut(range(3))
    assert raw.hu.dtype == raw.labels.dtype == torch.int16
    assert raw.hu.shape == raw.labels.shape == (sum(int(np.prod(box)) for box in raw.boxes),)
    assert same(sampler().augmented(raw.to(torch.device("cpu"))), source.batch(range(3)))


def test_structures_are_centred_on_as_often_as_the_table_says():
    toys, others = [PatchSource(f"s{k}", (toy_case(k),), weight) for k, weight in ((0, 3.0), (1, 1.0))]
    source = dataclasses.replace(sampler(toys, others, foreground_probability=0.6), augmentation=NONE)
    chosen = [source._choose(np.random.default_rng(n)) for n in range(3000)]
    assert np.mean([c[0] is toys for c in chosen]) == pytest.approx(0.75, abs=0.03)
    assert np.mean([c[2] is None for c in chosen]) == pytest.approx(0.4, abs=0.03)
    expected = 0.6 * source.structure_shares.sum(0)
    for k, key in enumerate(KEYS):
        assert np.mean([c[2] == k for c in chosen]) == pytest.approx(expected[k], abs=0.03), key
    lesion, liver = KEYS.index("liver_tumour"), KEYS.index("liver")
    assert expected[lesion] == pytest.approx(2 * expected[liver])


def test_the_chosen_structure_is_in_the_patch():
    source = dataclasses.replace(sampler(foreground_probability=1.0), augmentation=NONE)
    for number in range(12):
        _, _, k = source._choose(np.random.default_rng((5, number, 0)))
        assert source.batch([number]).truth.masks()[k].any()


def one_structure(number, middle):
    """A case with nothing but a spleen of 3 x 3 x 3 voxels, and the number of its class."""
    case, k = toy_case(number), KEYS.index("spleen")
    labels = np.zeros(case.shape, np.int16)
    labels[tuple(slice(m - 1, m + 2) for m in middle)] = 1
    points = np.argwhere(labels).astype(np.int16)
    sets = sets_of({"spleen"})
    return dataclasses.replace(case, labels=labels, sets=sets, voxels={k: 27}, points={k: points}), k


IN_SPACE = {
    "as trained": {},
    "turned and zoomed": {"rotation_deg": 12.0, "elastic": 0.0},
    "bent": {"rotation_deg": 0.0, "scale": (1.0, 1.0), "elastic": 1.0},
    "flipped": {"rotation_deg": 0.0, "scale": (1.0, 1.0), "elastic": 0.0, "flip": 1.0},
    "quarter turns": {"quarter_turn": 1.0},
}


@pytest.mark.parametrize("how", IN_SPACE.values(), ids=IN_SPACE.keys())
def test_the_chosen_structure_is_in_the_patch_however_it_is_varied(how):
    """But for a slab, which is another test's: three voxels in the middle or at an edge of a case."""
    for middle in ((20, 18, 17), (2, 2, 31)):
        case, k = one_structure(0, middle)
        augmentation = Augmentation(**{"slab": 0.0, **how})
        source = dataclasses.replace(
            sampler(PatchSource("toys", (case,)), foreground_probability=1.0), augmentation=augmentation
        )
        shown = source.batch(range(150)).truth.masks()[k].flatten(1).any(1)
        assert shown.all()


def test_a_case_that_cannot_be_read_is_named_and_another_one_shown():
    good, bad = toy_case(0), Broken(toy_case(1))
    source = sampler(PatchSource("toys", (good, bad)))
    batch = source.batch(range(12))
    assert set(batch.names) == {"toys/toy_0"}
    assert set(batch.faults) == {Fault("toys/toy_1", "toy_1: cannot be decoded")}


def test_excluding_it_gives_the_same_patches_without_trying():
    good, bad = toy_case(0), Broken(toy_case(1))
    met = sampler(PatchSource("toys", (good, bad))).batch(range(12))
    excluded = sampler(PatchSource("toys", (good, bad)), excluded=frozenset({"toys/toy_1"})).batch(range(12))
    assert same(met, excluded)
    assert not excluded.faults
    # Patches that never were of the bad case are what they would be if it were good.
    whole = sampler(PatchSource("toys", (good, toy_case(1)))).batch(range(12))
    untouched = [row for row, name in enumerate(whole.names) if name == "toys/toy_0"]
    assert 2 < len(untouched) < 12
    assert torch.equal(whole.images[untouched], met.images[untouched])


def test_data_that_is_gone_ends_the_run():
    with pytest.raises(InputError, match=rf"patch 3 in {MOST_REDRAWS} attempts, the last one toys/toy_0: .*decoded"):
        sampler(PatchSource("toys", (Broken(toy_case(0)),))).batch([3])


def test_a_dataset_without_any_structure_is_shown_as_background():
    case = toy_case(0)
    empty = dataclasses.replace(case, voxels={}, points={}, labels=np.zeros_like(case.labels))
    source = sampler(PatchSource("toys", (case,)), PatchSource("blank", (empty,)))
    chosen = [source._choose(np.random.default_rng(n)) for n in range(600)]
    assert np.mean([c[0].name == "blank" for c in chosen]) == pytest.approx(0.5, abs=0.07)
    assert all(c[2] is None for c in chosen if c[0].name == "blank")


def test_a_structure_can_be_shown_more_often():
    lesion = KEYS.index("liver_tumour")
    plain, more = sampler(temperature=np.inf), sampler(temperature=np.inf, structure_weights={"liver_tumour": 6.0})
    shares = [one.structure_shares.sum(0) for one in (plain, more)]
    assert shares[0].sum() == pytest.approx(shares[1].sum()) == pytest.approx(1)
    assert shares[1][lesion] > 1.8 * shares[0][lesion]
