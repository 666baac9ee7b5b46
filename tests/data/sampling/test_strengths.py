"""How strong each effect is, measured on what comes out; nothing here asks the code what it drew.

Phantoms are chosen so that one number can be read off them: a ramp shows gain and offset, flat grey shows noise, white
noise shows blur.
"""

import numpy as np
import pytest
import torch
from toy_cases import sets_of

from omentum.data.sampling import appearance
from omentum.data.sampling.appearance import coarser
from omentum.data.sampling.augmentation import NONE, Augmentation

SEEDS = range(300)


def varied(hu, seeds=SEEDS, **effects):
    """float64 [n, x, y, z]: a phantom [x, y, z] as each seed varies it."""
    how = Augmentation(**{**vars(NONE), **effects})
    batch = torch.from_numpy(hu.astype(np.float32))[None].repeat(len(seeds), 1, 1, 1)
    return appearance.vary(batch, list(seeds), how).double().numpy()


def flat(value=40.0, shape=(12, 12, 12)):
    return np.full(shape, value)


def ramp():
    return np.linspace(-800, 1200, 1000).reshape(10, 10, 10)


def white_noise(shape=(40, 40, 40)):
    return np.random.default_rng(0).normal(0, 100, shape)


def test_contrast_is_a_gain_about_soft_tissue_and_an_offset():
    out = varied(ramp(), contrast=1.0)
    fits = np.array([np.polyfit(ramp().ravel() - 40, one.ravel() - 40, 1) for one in out])
    gain, offset = fits.T
    assert 0.75 <= gain.min() < 0.77
    assert 1.28 < gain.max() <= 1.3001
    assert gain.mean() == pytest.approx(1.025, abs=0.02)
    assert offset.mean() == pytest.approx(0, abs=3)
    assert offset.std() == pytest.approx(15, rel=0.12)
    assert np.abs(out - (fits[:, 0, None] * (ramp().ravel() - 40) + fits[:, 1, None] + 40).reshape(out.shape)).max() < 1


def test_gamma_bends_soft_tissue_and_leaves_the_rest():
    out, before = varied(ramp(), gamma=1.0), ramp()
    outside = (before < -200) | (before > 300)
    assert np.abs(out - before)[:, outside].max() < 0.01
    at_half = np.abs(before - 50).argmin()  # the middle of what is bent: 0.5 ** gamma
    bent = (out.reshape(len(out), -1)[:, at_half] + 200) / 500
    gamma = np.log(bent) / np.log((before.ravel()[at_half] + 200) / 500)
    assert 0.7 - 1e-3 < gamma.min() < 0.73
    assert 1.37 < gamma.max() < 1.4 + 1e-3
    assert gamma.mean() == pytest.approx(1.05, abs=0.03)


def test_noise_is_of_2_to_45_hu_and_half_of_it_is_correlated():
    out = varied(flat(shape=(24, 24, 24)), noise=1.0)[:, 3:-3, 3:-3, 3:-3]
    sd = out.std((1, 2, 3))
    assert 1.8 < sd.min() < 4
    assert 42 < sd.max() < 48
    assert sd.mean() == pytest.approx(23.5, rel=0.06)
    assert out.mean() == pytest.approx(40, abs=0.3)
    centred = out - out.mean((1, 2, 3), keepdims=True)
    neighbours = (centred[:, 1:] * centred[:, :-1]).mean((1, 2, 3)) / sd**2
    assert (neighbours > 0.3).mean() == pytest.approx(0.5, abs=0.1)
    assert (np.abs(neighbours) < 0.1).mean() == pytest.approx(0.5, abs=0.1)


def test_a_bias_field_is_smooth_and_of_5_to_30_hu():
    out = varied(flat(0.0, (9, 9, 9)), bias=1.0)
    # At its 27 nodes a field has 1.5 times its nominal strength.
    strength = np.sqrt((out[:, ::4, ::4, ::4] ** 2).mean((1, 2, 3))) / 1.5
    assert strength.mean() == pytest.approx(17.5, rel=0.07)
    assert strength.min() > 3
    assert strength.max() < 50
    assert np.abs(np.diff(out, 2, axis=1)[:, [0, 1, 2, 4, 5, 6]]).max() < 1e-3  # straight between nodes


def test_blur_takes_what_a_gaussian_of_its_width_takes_of_white_noise():
    out = varied(white_noise(), range(60), blur=1.0)[:, 4:-4, 4:-4, 4:-4]
    left = out.std((1, 2, 3)) / 100
    # The standard deviation left by a Gaussian of sigma along three axes, at 0.3 and at 1.0 voxel.
    taps = {sigma: np.exp(-0.5 * (np.arange(-2, 3) / sigma) ** 2) for sigma in (0.3, 1.0)}
    most, least = (np.sqrt(np.sum((t / t.sum()) ** 2)) ** 3 for t in taps.values())
    assert least * 0.97 < left.min() < least * 1.3
    assert most * 0.97 < left.max() < most * 1.03


def test_a_coarser_scan_is_mostly_thick_slices():
    out = varied(white_noise(), range(200), coarse=1.0)
    in_plane = np.array([one[:, :, 20].std() / one.std() for one in out])
    smooth_z = np.array([np.corrcoef(one[:, :, 1:].ravel(), one[:, :, :-1].ravel())[0, 1] for one in out])
    smooth_x = np.array([np.corrcoef(one[1:].ravel(), one[:-1].ravel())[0, 1] for one in out])
    assert (smooth_z > 0.2).mean() > 0.97
    assert (smooth_x < 0.05).mean() == pytest.approx(0.7, abs=0.09)
    assert in_plane.mean() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("factor", [1.3, 2.0, 2.7])
def test_a_thick_slice_is_the_mean_over_its_thickness(factor):
    """A thin plate keeps its HU times millimetres wherever it lies; a scan of thin, sparse slices would miss it."""
    matrix = coarser(60, factor).double()
    assert torch.allclose(matrix.sum(1), torch.ones(60, dtype=torch.float64), atol=1e-6)  # flat grey stays
    kept = matrix[:, 6:-6].sum(0)
    assert kept.min() > 0.85
    assert kept.max() < 1.15
    assert torch.allclose(matrix[20:40] @ torch.arange(60.0).double(), torch.arange(20.0, 40).double(), atol=0.6)


def test_a_slice_of_two_voxels_is_the_mean_of_both():
    matrix = coarser(8, 2.0)
    line = torch.tensor([0.0, 0, 10, 30, 0, 0, 0, 0])
    # Slices 0, 20, 0, 0 with middles between two voxels: a quarter of the way there, three quarters back.
    assert torch.allclose(matrix @ line, torch.tensor([0.0, 5, 15, 15, 5, 0, 0, 0]))


def test_each_structure_has_a_shift_of_its_own_of_the_strength_asked_for():
    shape = (16, 16, 16)
    labels = torch.zeros(1, *shape, dtype=torch.int16)
    labels[:, :8], labels[:, 8:] = 1, 2
    sets = [sets_of({"gallbladder"}, {"portal_splenic_vein"})]
    how = Augmentation(**{**vars(NONE), "structure_hu": (1.0, 35.0)})
    shifts = []
    for seed in range(400):
        out = appearance.shift_structures(torch.zeros(1, *shape), labels, sets, [seed], how)[0]
        shifts.append([float(out[3].mean()), float(out[12].mean())])
    assert np.std(shifts, axis=0) == pytest.approx([35, 35], rel=0.1)
    assert np.mean(shifts, axis=0) == pytest.approx([0, 0], abs=5)
    assert abs(np.corrcoef(np.transpose(shifts))[0, 1]) < 0.15


@pytest.mark.parametrize("name", ["contrast", "gamma", "bias", "noise", "blur", "coarse"])
def test_an_effect_comes_as_often_as_asked_for_and_not_otherwise(name):
    hu = np.random.default_rng(1).normal(50, 60, (8, 8, 8))
    changed = np.abs(varied(hu, range(600), **{name: 0.3}) - hu).max((1, 2, 3)) > 1e-3
    assert changed.mean() == pytest.approx(0.3, abs=0.06)
    assert np.array_equal(varied(hu, range(5)), np.broadcast_to(hu.astype(np.float32), (5, *hu.shape)))
