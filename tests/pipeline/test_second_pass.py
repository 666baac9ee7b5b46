"""A second network that looks inside organs: what it finds, where, and what it leaves as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from banded_phantom import banded_ct, ras_grid, rotated, stored, truth_mask
from scipy.ndimage import distance_transform_edt
from threshold_model import ThresholdModel

from omentum.pipeline import Segmenter, SegmentOptions
from omentum.pipeline.inference import _moved
from omentum.segmentation import bits_dtype, first_classes
from omentum.spec import PreprocessSpec, RegionSpec, SecondPassSpec

FIRST = PreprocessSpec(spacing_mm=(3.0, 3.0, 3.0), patch=(32, 32, 32), window_hu=(-175, 250))
SECOND = PreprocessSpec(spacing_mm=(2.0, 2.0, 2.0), patch=(16, 16, 16), window_hu=(-600, 600), antialias=True)
BANDS_HU = {"liver": (50, 70), "left_kidney": (85, 175), "right_kidney": (190, 240), "kidney_cyst": (1000, 1010)}
CYST_MM = ((-30, -14, -16), (6, 6, 8))
GRIDS = {
    "straight": ras_grid(),
    "anisotropic": ras_grid((1.5, 1.5, 4.0)),
    "turned and flipped": stored(ras_grid(), (2, 0, 1), (True, False, True)),
    "oblique": rotated(stored(ras_grid(), (1, 2, 0), (False, True, True)), 20),
}


class DarkerThanTheOrgan(ThresholdModel):
    """A cyst is what lies 30 to 90 HU below the organ's median, inside the organ's mask."""

    def forward(self, x, classes=None):
        relative, inside = x[:, :1] * 600, x[:, 1:]
        number = len(self.spec.classes if classes is None else classes)
        return torch.where(inside > 0.5, (30 - (relative + 60).abs()).clamp(min=-5), -30.0).repeat(1, number, 1, 1, 1)


CYSTS = RegionSpec(("left_kidney", "right_kidney"), ("kidney_cyst",), 0.0, apart=True)
KIDNEY = RegionSpec(("left_kidney",), ("left_kidney",), 0.0)


def model(*regions):
    first, regions = ThresholdModel(FIRST, BANDS_HU), regions or (CYSTS,)
    second = DarkerThanTheOrgan(SECOND, {key: (0, 1) for region in regions for key in region.classes})
    spec = SecondPassSpec(first.spec.model, SECOND, second.spec.classes, regions)
    object.__setattr__(first.spec, "second_pass", spec)
    first.second_pass = second
    return first


def inside(grid, centre, axes):
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return (((grid.to_world(index) - centre) / axes) ** 2).sum(-1) <= 1


def scan(grid):
    """The left kidney (150 HU) has a cyst of 90 HU."""
    ct = banded_ct(grid)
    ct.voxels[truth_mask("liver", grid)] = 60
    ct.voxels[inside(grid, *CYST_MM)] = 90
    return ct


def found(ct, *classes, **options):
    wanted = classes or None
    chosen = SegmentOptions(classes=wanted, device="cpu", postprocess="none", locate=False, **options)
    return Segmenter(model(), chosen).segment(ct)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_a_cyst_is_found_in_its_kidney_on_any_grid(grid):
    result, truth = found(scan(grid)), inside(grid, *CYST_MM)
    assert result.classes == tuple(BANDS_HU)
    cyst = result.mask("kidney_cyst")
    assert result.shape == grid.shape
    assert 2 * (cyst & truth).sum() / (cyst.sum() + truth.sum()) > 0.8
    assert (cyst & truth_mask("left_kidney", grid)).sum() > 0.95 * cyst.sum()
    record = result.manifest["second_pass"]
    assert (record["classes"], record["spacing_mm"]) == (["kidney_cyst"], [2.0, 2.0, 2.0])
    assert 1 <= record["organs"] <= 2  # the right kidney hardly reaches the least volume
    assert record["windows"] >= record["organs"]
    assert 0.5 < result.confidence["kidney_cyst"].mean_probability <= 1


def test_a_region_sees_the_window_it_has():
    """The stub takes inputs of -0.15 to -0.05 for a cyst; in a window four times as wide, 60 HU below are -0.025."""
    wide = model(replace(CYSTS, window_hu=(-2400.0, 2400.0)))
    chosen = SegmentOptions(device="cpu", postprocess="none", locate=False)
    assert not Segmenter(wide, chosen).segment(scan(ras_grid())).mask("kidney_cyst").any()


def test_the_first_pass_is_as_it_was():
    ct = scan(ras_grid())
    whole, first = found(ct), found(ct, "liver", "left kidney", "right kidney")
    assert "second_pass" not in first.manifest
    for key in first.classes:
        assert np.array_equal(whole.mask(key), first.mask(key))


def test_organs_that_nobody_asked_for_help_and_are_not_in_the_result():
    ct = scan(ras_grid())
    whole, alone = found(ct), found(ct, "kidney cyst")
    assert alone.classes == ("kidney_cyst",)
    assert np.array_equal(alone.mask("kidney_cyst"), whole.mask("kidney_cyst"))
    assert set(alone.confidence) == {"kidney_cyst"}
    two = found(ct, "liver", "kidney cyst")
    assert two.classes == ("liver", "kidney_cyst")
    assert np.array_equal(two.mask("liver"), whole.mask("liver"))
    assert np.array_equal(two.mask("kidney_cyst"), whole.mask("kidney_cyst"))


def test_without_the_organ_nothing_is_found_and_nothing_fails():
    grid = ras_grid()
    ct = scan(grid)
    for key in ("left_kidney", "right_kidney"):
        ct.voxels[truth_mask(key, grid)] = -100
    result = found(ct)
    assert not result.mask("kidney_cyst").any()
    record = result.manifest["second_pass"]
    assert (record["organs"], record["windows"]) == (0, 0)


def test_nothing_is_found_farther_away_than_the_margin():
    grid, everywhere = ras_grid(), model(replace(CYSTS, margin_mm=6.0))
    everywhere.second_pass.forward = lambda x, classes=None: torch.full_like(x[:, :1], 5.0)
    options = SegmentOptions(device="cpu", postprocess="none", locate=False)
    cyst = Segmenter(everywhere, options).segment(scan(grid)).mask("kidney_cyst")
    kidneys = truth_mask("left_kidney", grid) | truth_mask("right_kidney", grid)
    away = distance_transform_edt(~kidneys, sampling=grid.spacing_mm)
    assert cyst[kidneys].mean() > 0.95
    assert cyst.any()
    assert away[cyst].max() <= 6.0 + 3.0  # a voxel of the first pass


def test_thresholds_and_probabilities_are_those_of_the_second_pass():
    ct = scan(ras_grid())
    result = found(ct, probabilities="uint8")
    cyst = result.mask("kidney_cyst")
    assert (result.probability("kidney_cyst")[cyst] >= 0.5).all()
    assert result.probability("kidney_cyst").max() > 0.9
    low = found(ct, threshold={"kidney_cyst": 1e-6}).mask("kidney_cyst")
    assert low.sum() > 3 * cyst.sum()  # nearly all of both kidneys


def test_an_organ_drawn_again_is_that_of_the_second_pass():
    """The second pass calls kidney what is darker than its median by 30 to 90 HU: the cyst."""
    grid, options = ras_grid(), SegmentOptions(device="cpu", postprocess="none", locate=False, probabilities="uint8")
    ct, cyst = scan(grid), inside(grid, *CYST_MM)
    once, twice = (Segmenter(one, options).segment(ct) for one in (model(), model(CYSTS, KIDNEY)))
    assert once.mask("left_kidney").sum() > 3 * cyst.sum()
    again = twice.mask("left_kidney")
    assert 2 * (again & cyst).sum() / (again.sum() + cyst.sum()) > 0.8
    assert (twice.probability("left_kidney") >= 0.5).sum() == pytest.approx(again.sum(), rel=0.05)
    for key in ("liver", "right_kidney", "kidney_cyst"):
        assert np.array_equal(once.mask(key), twice.mask(key))
    assert once.confidence["left_kidney"] != twice.confidence["left_kidney"]


def test_both_kidneys_drawn_again_in_one_region_keep_their_sides():
    """The second pass calls kidney what is darker than its median by 30 to 90 HU: the cyst; nothing on the right."""
    grid, options = ras_grid(), SegmentOptions(device="cpu", postprocess="none", locate=False)
    ct = scan(grid)
    ct.voxels[inside(grid, (-30, 14, 0), (8, 8, 8))] = 200  # the right kidney is large enough to be looked at
    organs = ("left_kidney", "right_kidney")
    pair = RegionSpec(organs, (*organs, "kidney_cyst"), 0.0, apart=True)
    once, twice = (Segmenter(one, options).segment(ct) for one in (model(), model(pair)))
    cyst = inside(grid, *CYST_MM)
    assert once.mask("right_kidney").any()
    assert not twice.mask("right_kidney").any()
    again = twice.mask("left_kidney")
    assert 2 * (again & cyst).sum() / (again.sum() + cyst.sum()) > 0.8
    assert twice.manifest["second_pass"]["organs"] == 2


def test_an_organ_too_small_to_be_drawn_again_stays_as_it_was():
    grid, options = ras_grid(), SegmentOptions(device="cpu", postprocess="none", locate=False)
    ct = scan(grid)
    ct.voxels[truth_mask("left_kidney", grid) & ~inside(grid, (-30, -14, -10), (6, 6, 6))] = -100
    once, twice = (Segmenter(one, options).segment(ct) for one in (model(), model(CYSTS, KIDNEY)))
    assert 0 < once.mask("left_kidney").sum() * grid.voxel_volume_ml < 1
    assert np.array_equal(once.mask("left_kidney"), twice.mask("left_kidney"))


def test_an_organ_that_helps_has_the_threshold_of_the_first_pass():
    both, options = model(CYSTS, KIDNEY), SegmentOptions(device="cpu", postprocess="none", locate=False)
    classes = tuple(
        replace(c, threshold=1 - 1e-15 if c.key == "left_kidney" else 0.5) for c in both.spec.second_pass.classes
    )
    object.__setattr__(both.spec, "second_pass", replace(both.spec.second_pass, classes=classes))
    ct = scan(ras_grid())
    usual, strict = (Segmenter(one, options).segment(ct) for one in (model(CYSTS, KIDNEY), both))
    assert np.array_equal(usual.mask("kidney_cyst"), strict.mask("kidney_cyst"))
    assert usual.mask("left_kidney").any()
    assert not strict.mask("left_kidney").any()


def growing(*keys, margin_mm=30.0):
    """A second pass that draws organs again as all that is near them."""
    grown = model(*(RegionSpec((key,), (key,), margin_mm) for key in keys))
    grown.second_pass.forward = lambda x, classes=None: torch.full((len(x), len(keys), *x.shape[2:]), 5.0)
    return grown


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_organs_drawn_by_several_looks_share_no_voxel(grid):
    options = SegmentOptions(classes=("liver", "left kidney", "right kidney"), device="cpu", locate=False)
    options = replace(options, probabilities="uint8")
    ct, weights = scan(grid), growing("liver", "left_kidney")
    raw, result = (Segmenter(weights, replace(options, postprocess=p)).segment(ct) for p in ("none", "omentum"))
    for key in ("left_kidney", "right_kidney"):  # one drawn again, one left from the first pass
        contested = raw.mask("liver") & raw.mask(key)
        assert contested.sum() > 20
        assert not result.mask("liver")[contested].any()
        assert result.mask(key)[contested].mean() > 0.95  # what the other rules leave of it
        assert result.probability("liver")[contested].mean() > 0.5  # still what the network said
    removed = [change for change in result.manifest["cleaned"] if change["rule"] == "exclusive"]
    assert [change["structure"] for change in removed] == ["liver"]
    assert set(result.confidence) == set(raw.confidence) == {"liver", "left_kidney", "right_kidney"}


def test_without_a_second_pass_masks_are_as_the_first_drew_them():
    """Weights that have none, and weights that have one but no organ to look at."""
    ct, options = scan(ras_grid()), SegmentOptions(device="cpu", locate=False)
    bands = {"liver": (50, 70), "stomach": (50, 70)}
    alone = Segmenter(ThresholdModel(FIRST, bands), options).segment(ct)
    assert (alone.mask("liver") & alone.mask("stomach")).sum() > 0.9 * alone.mask("liver").sum() > 0
    ct.voxels[truth_mask("left_kidney", ct.grid)] = -100
    unused = model(replace(CYSTS, organs=("left_kidney",)))
    unused.bands_hu[2] = unused.bands_hu[0]  # all of the liver is right kidney, too
    result = Segmenter(unused, options).segment(ct)
    assert result.manifest["second_pass"]["organs"] == 0
    assert (result.mask("liver") & result.mask("right_kidney")).sum() > 0.9 * result.mask("liver").sum() > 0


@pytest.mark.parametrize("number", [5, 40, 100])
def test_bits_move_to_their_places(number):
    rng = np.random.default_rng(number)
    own = number - 2
    places = sorted(rng.permutation(number)[:own].tolist())
    masks = rng.random((own, 3, 4, 5)) < 0.4
    packed = np.zeros((-(-own // 64), 3, 4, 5), bits_dtype(own))
    for k, mask in enumerate(masks):
        packed[k // 64][mask] |= packed.dtype.type(1 << (k % 64))
    moved = _moved(packed, places, number)
    for k, place in enumerate(places):
        assert np.array_equal((moved[place // 64] >> np.uint8(place % 64)) & 1 == 1, masks[k])
    assert int(np.bitwise_count(moved).sum()) == int(masks.sum())


def test_first_classes_alone():
    bits = np.array([[[[0b10111]]]], np.uint32)
    assert first_classes(bits, 3)[0, 0, 0, 0] == 0b111


def test_a_volume_smaller_than_a_window():
    grid = ras_grid((6.0, 6.0, 5.0))
    assert found(scan(grid)).shape == grid.shape
