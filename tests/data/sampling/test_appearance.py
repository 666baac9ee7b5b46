import numpy as np
import pytest
import torch
from toy_cases import bits_of, toy_case

from omentum.data.sampling import appearance
from omentum.data.sampling.appearance import EFFECTS, stream
from omentum.data.sampling.augmentation import NONE, Augmentation
from reference import augment as reference

ALWAYS = Augmentation(structure_hu=(1, 35), contrast=1, gamma=1, bias=1, noise=1, blur=1, coarse=1)
PLAIN = {
    "bias": reference.with_bias,
    "blur": reference.blurred,
    "coarse": reference.coarsened,
    "contrast": reference.with_contrast,
    "gamma": reference.bent,
}
BY_NAME = {effect.name: effect for effect in EFFECTS}
SHAPE = (20, 23, 26)


def images(number=3):
    rng = np.random.default_rng(0)
    return rng.normal(0, 300, (number, *SHAPE)).astype(np.float32).clip(-1024, 2000)


def test_every_effect_has_a_plain_version_but_noise():
    assert PLAIN.keys() == BY_NAME.keys() - {"noise"}


@pytest.mark.parametrize("name", PLAIN)
def test_it_agrees_with_the_plain_reference(name):
    hu, effect = images(), BY_NAME[name]
    drawn = [effect.draw(stream(seed, name), ALWAYS) for seed in range(len(hu))]
    found = effect.apply(torch.from_numpy(hu.copy()), drawn).numpy()
    for before, after, what in zip(hu, found, drawn, strict=True):
        assert np.abs(after - PLAIN[name](before, what)).max() < 0.02
        assert np.abs(after - before).max() > 1


@pytest.mark.parametrize("name", BY_NAME)
def test_it_happens_as_often_as_asked_for(name):
    effect = BY_NAME[name]
    often = Augmentation(**{**vars(NONE), name: 0.3})
    happened = sum(effect.draw(stream(seed, name), often) is not None for seed in range(400))
    assert 80 < happened < 160
    assert effect.draw(stream(0, name), NONE) is None


@pytest.mark.parametrize("correlated", [False, True])
def test_noise_has_the_strength_that_was_drawn(correlated):
    hu = torch.zeros(1, 40, 40, 40)
    noise = BY_NAME["noise"].apply(hu, [(5, 30.0, correlated)])[0, 3:-3, 3:-3, 3:-3]  # repeated edges vary more
    assert float(noise.std()) == pytest.approx(30, rel=0.03)
    assert float(noise.mean()) == pytest.approx(0, abs=1)
    together = float((noise[1:] * noise[:-1]).mean() / noise.var())
    assert together > 0.3 if correlated else abs(together) < 0.02


def test_the_noise_of_two_samples_differs():
    draw = BY_NAME["noise"].draw
    assert draw(stream(0, "noise"), ALWAYS) != draw(stream(1, "noise"), ALWAYS)


def test_structures_are_shifted_each_on_its_own():
    case, how = toy_case(), Augmentation(**{**vars(NONE), "structure_hu": (1.0, 35.0)})
    hu = np.stack([case.hu, case.hu]).astype(np.float32)
    labels = torch.from_numpy(np.stack([case.labels] * 2).astype(np.int16))
    found = appearance.shift_structures(torch.from_numpy(hu.copy()), labels, [case.sets] * 2, [3, 4], how).numpy()
    for before, after, seed in zip(hu, found, (3, 4), strict=True):
        rng = stream(seed, "structures")
        rng.random()
        expected = reference.with_shifts(before, bits_of(case), rng.normal(0, 35, 32))
        assert np.abs(after - expected).max() < 0.02


def test_changing_one_effect_leaves_the_others_as_they_were():
    hu = torch.from_numpy(images())
    seeds = [1, 2, 3]
    with_noise = Augmentation(**{**vars(NONE), "noise": 1, "contrast": 1})
    without = Augmentation(**{**vars(NONE), "contrast": 1})
    for seed in seeds:
        draws = [BY_NAME["contrast"].draw(stream(seed, "contrast"), how) for how in (with_noise, without)]
        assert draws[0] == draws[1]
    assert torch.equal(appearance.vary(hu.clone(), seeds, NONE), hu)
