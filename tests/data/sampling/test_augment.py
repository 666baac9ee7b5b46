import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_cases import bits_of, toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling import appearance
from omentum.data.sampling.augment import augmented
from omentum.data.sampling.augmentation import NONE, Augmentation
from omentum.data.sampling.class_sets import Truth
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.train.config.toml_file import load_config
from omentum.volume import PADDING_HU
from reference import augment as reference

KEYS = STRUCTURES.keys
WINDOW = (-1024.0, 1024.0)
RECIPE = load_config("published", data=[Path()])
PUBLISHED = dataclasses.replace(RECIPE.augmentation, magnify=RECIPE.datasets["msd-liver"].magnify)
EVERYTHING = Augmentation(**{**vars(Augmentation()), "quarter_turn": 0.3, "flip": 0.5, "intensity_shift": (0.5, 0.1)})


def sampler(how, size=(24, 28, 26)):
    return PatchSampler((PatchSource("toys", (toy_case(0), toy_case(1))),), KEYS, size, WINDOW, how, seed=5)


def in_hu(batch):
    low, high = WINDOW
    return batch.images[:, 0] * (high - low) + low


@pytest.mark.parametrize("how", [EVERYTHING, Augmentation(), PUBLISHED])
def test_a_patch_is_the_same_whatever_else_is_in_the_batch(how):
    source = sampler(how)
    together = source.batch(range(8))
    for row, index in enumerate(range(8)):
        alone = source.batch([index])
        assert torch.equal(alone.images[0], together.images[row])
        assert np.array_equal(bits_of(alone.truth)[0], bits_of(together.truth)[row])
        assert torch.equal(alone.annotated[0], together.annotated[row])
    backwards = source.batch([7, 3])
    assert torch.equal(backwards.images, together.images[[7, 3]])


def test_without_augmentation_patches_are_voxels_of_their_cases():
    source = sampler(NONE)
    raw = source.cut(range(6))
    hu = in_hu(augmented(raw, NONE, WINDOW)).numpy()
    cases = {f"toys/toy_{k}": toy_case(k) for k in range(2)}
    for row, name in enumerate(raw.names):
        inner = raw.hu.split([int(np.prod(b)) for b in raw.boxes])[row].view(raw.boxes[row])
        lattice = raw.lattices[row]
        first = lattice[0, 0, 0].int().tolist()
        assert torch.equal(lattice, lattice.round())
        x, y, z = (slice(f, f + n) for f, n in zip(first, raw.size, strict=True))
        expected = np.clip(inner[x, y, z].numpy(), *WINDOW)
        assert np.abs(hu[row] - expected).max() < 0.01
        assert name in cases


def test_the_whole_chain_agrees_with_the_plain_reference():
    """Every effect but noise, in the order of the fast version."""
    how = Augmentation(**{**vars(Augmentation()), "flip": 0.5, "noise": 0, "slab": 0.5, "structure_hu": (0.5, 35.0)})
    source = sampler(how)
    raw = source.cut(range(6))
    batch = augmented(raw, how, WINDOW)
    lengths = [int(np.prod(box)) for box in raw.boxes]
    for row, seed in enumerate(raw.seeds):
        box, labels = (t.split(lengths)[row].view(raw.boxes[row]).numpy() for t in (raw.hu, raw.labels))
        hu, labels, _ = reference.sampled(box, labels, np.zeros(3), raw.lattices[row].numpy(), raw.size)
        bits = bits_of(Truth(labels, raw.sets[row]))
        rng = appearance.stream(seed, "slab")
        if rng.random() < how.slab:
            keep = int(rng.integers(8, 26 + 1))
            seen = raw.slices[row]
            start = int(rng.integers(max(0, seen - keep + 1), min(seen, 26 - keep) + 1))
            hu, bits = reference.slab_of(hu, bits, start, keep)
        unscanned = hu <= PADDING_HU + 1
        rng = appearance.stream(seed, "structures")
        if rng.random() < 0.5:
            hu = reference.with_shifts(hu, bits, rng.normal(0, 35.0, 32))
        plain = {
            "bias": reference.with_bias,
            "blur": reference.blurred,
            "coarse": reference.coarsened,
            "contrast": reference.with_contrast,
            "gamma": reference.bent,
        }
        for effect in appearance.EFFECTS:
            drawn = effect.draw(appearance.stream(seed, effect.name), how)
            hu = hu if drawn is None else plain[effect.name](hu, drawn)
        hu = np.where(unscanned, PADDING_HU, hu)
        image = reference.windowed(hu, *WINDOW)
        agree = bits_of(batch.truth)[row] == bits
        assert agree.mean() > 0.999
        # A label that rounding decides also shifts its neighbours' greys.
        assert np.quantile(np.abs(batch.images[row, 0].numpy() - image), 0.995) < 1e-3


def test_image_and_labels_move_together():
    kidney = KEYS.index("right_kidney")
    how = Augmentation(**{**vars(NONE), "rotation_deg": 12.0, "scale": (0.8, 1.25), "elastic": 1.0})
    batch = sampler(how, (32, 32, 32)).batch(range(8))
    inside = batch.truth.masks()[kidney]
    hu = in_hu(batch)
    assert inside.sum() > 500
    assert hu[inside].median() > 150
    assert ((hu > 170) & inside).sum() / (hu > 170).sum() > 0.5


def test_a_flip_mirrors_image_labels_and_what_is_known():
    how = dataclasses.replace(NONE, flip=1.0)
    flipped, plain = sampler(how).batch(range(6)), sampler(NONE).batch(range(6))
    before, after = plain.truth.masks(), flipped.truth.masks()
    right, left, liver = (KEYS.index(k) for k in ("right_kidney", "left_kidney", "liver"))
    assert before[right].any()
    assert torch.equal(after[right], before[left].flip(1))
    assert torch.equal(after[left], before[right].flip(1))
    assert torch.equal(after[liver], before[liver].flip(1))
    assert (flipped.images - plain.images.flip(2)).abs().max() < 1e-4


@pytest.mark.parametrize(("known", "mirror"), [("right_kidney", "left_kidney"), ("left_lung", "right_lung")])
def test_a_flip_exchanges_what_was_annotated_on_either_side(known, mirror):
    """A case with one side annotated is, in a mirror, one with the other side annotated."""
    annotated = np.isin(KEYS, (known, "liver"))
    case = dataclasses.replace(toy_case(), annotated=annotated)
    source = dataclasses.replace(sampler(NONE), sources=(PatchSource("toys", (case,)),))
    flipping = dataclasses.replace(source, augmentation=dataclasses.replace(NONE, flip=0.5))
    seen = set()
    for row in flipping.batch(range(12)).annotated.numpy():
        keys = {key for key, there in zip(KEYS, row, strict=True) if there}
        assert keys in ({known, "liver"}, {mirror, "liver"})
        seen |= keys
    assert seen == {known, mirror, "liver"}
    assert set(np.array(KEYS)[source.batch([0]).annotated[0].numpy()]) == {known, "liver"}


def test_what_was_never_scanned_stays_air():
    case = toy_case()
    case.hu[:, :, :12] = PADDING_HU
    source = dataclasses.replace(sampler(NONE), sources=(PatchSource("toys", (case,)),))
    seen = {"structure_hu": (1.0, 35.0), "contrast": 1, "gamma": 1, "bias": 1, "noise": 1, "blur": 1, "coarse": 1}
    varied = dataclasses.replace(source, augmentation=Augmentation(**{**vars(NONE), **seen})).batch(range(6))
    air = source.batch(range(6)).images == 0
    assert air.any()
    assert (varied.images[air] == 0).all()
    assert (varied.images[~air] > 0).float().mean() > 0.8


def test_a_slab_is_as_thick_as_asked_for_and_empty_around():
    how = Augmentation(**{**vars(NONE), "slab": 1.0, "slab_voxels": (4, 8)})
    batch = sampler(how, (32, 32, 32)).batch(range(40))
    thick = set()
    for hu, bits in zip(in_hu(batch), bits_of(batch.truth), strict=True):
        scanned = (hu > PADDING_HU + 1).any(0).any(0).nonzero().flatten().tolist()
        thick.add(scanned[-1] + 1 - scanned[0])
        assert thick <= {1, 2, 3, 4, 5, 6, 7, 8}  # less where it reaches beyond the case
        assert not bits[:, :, : scanned[0]].any()
        assert not bits[:, :, scanned[-1] + 1 :].any()
    assert {4, 8} <= thick


EVERY_TURN = {"rotation_deg": 25.0, "scale": (0.6, 1.6), "elastic": 0.7, "elastic_voxels": 4.0, "flip": 0.5}


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (1.5, 1.5, 5.0)])
@pytest.mark.parametrize("slab", [0.0, 1.0])
def test_the_voxel_a_patch_was_drawn_for_is_in_it_however_it_lies(slab, spacing_mm):
    """A lesion of one voxel, in every patch of 200, slabs of down to one slice among them."""
    case = toy_case()
    (x, y, z), k = (25, 23, 20), KEYS.index("colon_tumour")
    labels = case.labels.copy()
    labels[x, y, z] = len(case.sets)
    case = dataclasses.replace(
        case,
        labels=labels,
        sets=np.append(case.sets, [np.arange(len(KEYS)) == k], axis=0),
        voxels={k: 1},
        points={k: np.array([[x, y, z]], np.int16)},
    )
    how = Augmentation(**{**vars(NONE), **EVERY_TURN, "slab": slab, "slab_voxels": (1, 10), "quarter_turn": 0.3})
    source = dataclasses.replace(
        sampler(how), sources=(PatchSource("one", (case,)),), foreground_probability=1.0, spacing_mm=spacing_mm
    )
    places = set()
    for index in range(200):
        raw = source.cut([index])
        found = augmented(raw, how, WINDOW).truth.masks()[k, 0].nonzero()
        assert len(found)
        assert raw.slices[0] in found[:, 2]
        places.add(raw.slices[0])
    assert len(places) > 12  # anywhere in the patch but near its ends


def test_the_published_shift_moves_the_whole_image():
    how = Augmentation(**{**vars(NONE), "intensity_shift": (1.0, 0.1)})
    shifted, plain = sampler(how).batch(range(5)), sampler(NONE).batch(range(5))
    difference = (shifted.images - plain.images).flatten(1)
    assert torch.allclose(difference.amin(1), difference.amax(1), atol=1e-6)
    assert difference.abs().max() <= 0.1
    assert len({round(float(d), 4) for d in difference[:, 0]}) == 5


def test_autocast_around_it_changes_nothing():
    raw = sampler(Augmentation()).cut(range(2))
    plain = augmented(raw, Augmentation(), WINDOW)
    with torch.autocast("cpu", torch.bfloat16):
        inside = augmented(raw, Augmentation(), WINDOW)
    assert torch.equal(plain.images, inside.images)
    assert inside.images.dtype == torch.float32
