import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, rotated, stored, truth_mask
from threshold_model import BANDS_HU, ThresholdModel

from omentum.pipeline import Segmenter, SegmentOptions, segment
from omentum.pipeline import region_of_interest as locating
from omentum.spec import PreprocessSpec

FINE = PreprocessSpec(spacing_mm=(2.0, 2.0, 2.0), patch=(16, 16, 16))
COARSE = PreprocessSpec(spacing_mm=(6.0, 6.0, 6.0), patch=(32, 32, 32), window_hu=(-1024, 1024))
GRIDS = {
    "straight": ras_grid(),
    "turned and flipped": stored(ras_grid(), (2, 0, 1), (True, False, True)),
    "oblique": rotated(ras_grid(), 10),
    "oblique, turned": rotated(stored(ras_grid(), (1, 2, 0), (False, True, True)), -10),
}


@pytest.fixture
def locator(monkeypatch):
    """Makes a band of HU what locates; the phantom's organs are too small to be trusted as those of a person."""
    monkeypatch.setattr(locating, "MIN_VOLUME_FRACTION", 0.0)
    monkeypatch.setattr(locating, "MARGIN_MM", 6.0)

    def use(**bands_hu):
        model = ThresholdModel(COARSE, bands_hu or BANDS_HU)
        monkeypatch.setattr(locating, "load_model", lambda *_: model)

    use()
    return use


def seen(ct, *classes, **options):
    model = ThresholdModel(FINE, {**BANDS_HU, "left_kidney": (140, 170)})
    return segment(ct, weights=model, classes=classes, device="cpu", postprocess="none", **options)


def halved(grid):
    """The phantom with the lower half of its left kidney a little brighter: too bright for a narrow band."""
    ct = banded_ct(grid)
    index = np.argwhere(truth_mask("left_kidney", grid))
    lower = index[grid.to_world(index)[:, 2] < -16]
    ct.voxels[tuple(lower.T)] = 165
    return ct


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_what_is_located_is_found_as_in_a_whole_scan(grid, locator):
    ct = banded_ct(grid)
    some, whole = seen(ct, "left kidney", "liver"), seen(ct, "left kidney", "liver", locate=False)
    record = some.manifest["locate"]
    assert (record["used"], record["growths"], record["model"], record["margin_mm"]) == (True, 0, "default", 6.0)
    assert record["windows_run"] < record["windows_whole_scan"]
    assert record["skipped_share"] == pytest.approx(1 - record["windows_run"] / record["windows_whole_scan"], abs=1e-3)
    assert whole.manifest["locate"] == {"used": False, "reason": "not wanted"}
    for key in ("left_kidney", "liver"):
        low, high = np.array(record["boxes_ct_voxels"][key])
        index = np.argwhere(truth_mask(key, grid))
        near = tuple(slice(max(a - 2, 0), b + 3) for a, b in zip(index.min(0), index.max(0), strict=True))
        np.testing.assert_array_equal(some.mask(key, near), whole.mask(key, near))
        assert some.mask(key, near).any()
        assert (index.min(0) >= low).all()
        assert (index.max(0) < high).all()
        assert (high - low < np.ptp(index, axis=0) + 1 + 2 * (6 + 6 + 6) / np.array(grid.spacing_mm)).all()


@pytest.mark.parametrize("degrees", [30, -45])
def test_what_is_stood_up_first_is_located_too(degrees, locator):
    grid = rotated(ras_grid(), degrees)
    ct = banded_ct(grid)
    some, whole = seen(ct, "liver"), seen(ct, "liver", locate=False)
    assert some.manifest["locate"]["used"]
    ((low, high),) = some.manifest["locate"]["boxes_ct_voxels"].values()
    index = np.argwhere(truth_mask("liver", grid))
    assert (index.min(0) >= low).all()
    assert (index.max(0) < high).all()
    near = tuple(slice(a, b + 1) for a, b in zip(index.min(0), index.max(0), strict=True))
    np.testing.assert_array_equal(some.mask("liver", near), whole.mask("liver", near))
    assert some.mask("liver").any()


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
def test_nothing_that_reaches_the_border_of_the_region_is_cut_off(grid, locator):
    locator(left_kidney=(140, 160))
    ct = halved(grid)
    some, whole = seen(ct, "left kidney"), seen(ct, "left kidney", locate=False)
    assert some.manifest["locate"]["growths"] >= 1
    np.testing.assert_array_equal(some.bits, whole.bits)


def test_what_goes_on_and_on_gets_the_whole_scan(locator, monkeypatch):
    monkeypatch.setattr(locating, "MAX_GROWTHS", 0)
    locator(left_kidney=(140, 160))
    ct = halved(ras_grid())
    some, whole = seen(ct, "left kidney"), seen(ct, "left kidney", locate=False)
    np.testing.assert_array_equal(some.bits, whole.bits)
    assert set(some.manifest["locate"]["boxes_ct_voxels"]) == {"everything"}


def test_what_the_coarse_pass_does_not_see_is_looked_for_everywhere(locator):
    locator(liver=BANDS_HU["liver"], left_kidney=(1000, 1001))
    ct = banded_ct(ras_grid())
    some = seen(ct, "left kidney", "liver")
    assert not some.manifest["locate"]["used"]
    assert some.manifest["locate"]["reason"].endswith("needed for left_kidney")
    np.testing.assert_array_equal(some.bits, seen(ct, "left kidney", "liver", locate=False).bits)


def test_what_is_too_small_to_be_trusted_counts_as_not_seen(locator, monkeypatch):
    monkeypatch.setattr(locating, "MIN_VOLUME_FRACTION", 0.5)
    assert "needed for liver" in seen(banded_ct(ras_grid()), "liver").manifest["locate"]["reason"]


def test_a_lesion_is_where_its_organ_is(locator):
    locator(liver=BANDS_HU["liver"], liver_tumour=(1000, 1001))
    ct = banded_ct(ras_grid())
    ct.voxels[truth_mask("liver_tumour", ct.grid)] = -100
    centre = np.argwhere(truth_mask("liver", ct.grid)).mean(axis=0).astype(int)
    ct.voxels[tuple(slice(c - 2, c + 3) for c in centre)] = 60
    some = seen(ct, "liver tumor")
    assert some.manifest["locate"]["used"]
    assert list(some.manifest["locate"]["boxes_ct_voxels"]) == ["liver"]
    assert some.mask("liver_tumour").sum() == 5**3


def test_all_organs_a_lesion_may_live_in_have_to_be_seen(locator):
    model = ThresholdModel(FINE, {"kidney_tumour": (50, 70)})
    locator(left_kidney=BANDS_HU["left_kidney"], right_kidney=(1000, 1001))
    seg = segment(banded_ct(ras_grid()), weights=model, classes=["kidney tumor"], device="cpu")
    assert "needed for kidney_tumour" in seg.manifest["locate"]["reason"]


def test_nothing_is_located_where_it_brings_nothing(locator):
    ct = banded_ct(ras_grid())
    everything = segment(ct, weights=ThresholdModel(FINE), device="cpu")
    assert everything.manifest["locate"] == {"used": False, "reason": "all structures are wanted"}
    same = segment(ct, weights=ThresholdModel(COARSE), classes=["liver"], device="cpu")
    assert same.manifest["locate"] == {"used": False, "reason": "the weights are those that would locate"}
    as_coarse = PreprocessSpec(spacing_mm=(5.0, 5.0, 5.0), patch=(32, 32, 32))
    cheap = segment(ct, weights=ThresholdModel(as_coarse), classes=["liver"], device="cpu")
    assert cheap.manifest["locate"] == {"used": False, "reason": "the whole scan takes 1 windows, locating alone 1"}


def test_the_default_weights_do_not_locate_for_themselves():
    segmenter = Segmenter("default", SegmentOptions(("liver",), device="cpu"))
    assert segmenter.specs.locator is None
