"""Clicks correct a mask where they are, on any grid, and change nothing else."""

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid
from small_models import small_model
from threshold_model import BANDS_HU, SPEC, ThresholdModel

import omentum
from omentum.annotate.click import correct as click_module
from omentum.annotate.click.correct import Click, Corrector, _with_mask, correct
from omentum.cli import main
from omentum.errors import UsageError
from omentum.io.nifti import write_volume
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def flipped(ct):
    """The same body, stored from left to right and from head to foot."""
    affine = ct.affine.copy()
    affine[:3, 3] = ct.grid.to_world([ct.shape[0] - 1, 0, ct.shape[2] - 1])
    affine[:3, 0] *= -1
    affine[:3, 2] *= -1
    return Volume(np.ascontiguousarray(ct.voxels[::-1, :, ::-1]), affine)


def turned(ct):
    """The same voxels in a patient who lies obliquely: 12 degrees about the long axis."""
    angle = np.radians(12)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Volume(ct.voxels, turn @ ct.affine)


GRIDS = {
    "as it is": lambda: banded_ct(ras_grid()),
    "flipped": lambda: flipped(banded_ct(ras_grid())),
    "anisotropic": lambda: banded_ct(ras_grid((3.0, 3.0, 5.0))),
    "oblique": lambda: turned(banded_ct(ras_grid())),
}


def truth_of(ct, key):
    low, high = BANDS_HU[key]
    return (ct.voxels > low) & (ct.voxels < high)


def centre_mm(ct, mask):
    """The middle voxel of a mask, in mm."""
    index = np.argwhere(mask)
    nearest = index[np.abs(index - index.mean(0)).sum(1).argmin()]
    return tuple(float(mm) for mm in ct.grid.to_world(nearest))


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("grid", GRIDS)
def test_a_missing_structure_comes_back_where_the_click_is(grid):
    ct = GRIDS[grid]()
    right, left = truth_of(ct, "right_kidney"), truth_of(ct, "left_kidney")
    masks = Segmentation.from_masks({"right_kidney": np.zeros_like(right), "left_kidney": left}, ct.affine)
    found = correct(ct, masks, "right kidney", [Click(centre_mm(ct, right))], weights=ThresholdModel(SPEC))
    mask = found.segmentation.mask("right_kidney")
    assert (mask & right).sum() > 0.5 * right.sum()
    assert (mask & ~right).sum() < 0.2 * right.sum()
    assert not (mask & left).any()
    assert np.array_equal(found.segmentation.mask("left_kidney"), left)
    assert (found.added, found.removed) == (mask.sum(), 0)


@pytest.mark.parametrize("grid", GRIDS)
def test_what_was_added_by_mistake_is_removed_where_the_click_is(grid):
    ct = GRIDS[grid]()
    liver, kidney = truth_of(ct, "liver"), truth_of(ct, "left_kidney")
    masks = Segmentation.from_masks({"liver": liver | kidney}, ct.affine)
    click = Click(centre_mm(ct, kidney), inside=False)
    found = correct(ct, masks, "liver", [click], weights=ThresholdModel(SPEC))
    mask = found.segmentation.mask("liver")
    assert (mask & kidney).sum() < 0.5 * kidney.sum()
    assert np.array_equal(mask & liver, liver)


def test_every_click_is_met_and_the_input_stays_as_it_was():
    ct = banded_ct(ras_grid())
    liver = truth_of(ct, "liver")
    masks = Segmentation.from_masks({"liver": liver}, ct.affine)
    before = masks.bits.copy()
    rng = np.random.default_rng(0)
    indices = rng.integers(0, ct.shape, (12, 3))
    clicks = [Click.at_voxel(ct.grid, index, inside=bool(n % 2)) for n, index in enumerate(indices)]
    mask = correct(ct, masks, "liver", clicks, weights=ThresholdModel(SPEC)).segmentation.mask("liver")
    for n, index in enumerate(indices):
        assert mask[tuple(index)] == bool(n % 2)
    assert np.array_equal(masks.bits, before)


def test_a_click_that_is_right_already_changes_nothing():
    ct = banded_ct(ras_grid())
    liver = truth_of(ct, "liver")
    masks = Segmentation.from_masks({"liver": liver}, ct.affine)
    clicks = [Click(centre_mm(ct, liver)), Click(centre_mm(ct, truth_of(ct, "left_kidney")), inside=False)]
    found = correct(ct, masks, "liver", clicks, weights=ThresholdModel(SPEC))
    assert np.array_equal(found.segmentation.mask("liver"), liver)
    assert (found.added, found.removed) == (0, 0)


def test_nothing_changes_beyond_the_reach_of_a_click():
    ct = banded_ct(ras_grid())
    masks = Segmentation.from_masks({"liver": np.zeros(ct.shape, bool)}, ct.affine)
    place = centre_mm(ct, truth_of(ct, "liver"))
    found = Corrector(ct, ThresholdModel(SPEC), length_mm=5.0).correct(masks, "liver", [Click(place)])
    changed = np.argwhere(found.segmentation.mask("liver"))
    assert len(changed)
    assert np.linalg.norm(ct.grid.to_world(changed) - place, axis=1).max() <= 3 * 5.0


def test_clicks_far_from_each_other_are_all_met_and_windows_are_kept(monkeypatch):
    ct = banded_ct(ras_grid())
    kidneys = [truth_of(ct, key) for key in ("left_kidney", "right_kidney")]
    masks = Segmentation.from_masks({"liver": np.zeros(ct.shape, bool)}, ct.affine)
    calls = []
    real = click_module.window_features
    monkeypatch.setattr(click_module, "window_features", lambda *given: calls.append(given) or real(*given))
    corrector = Corrector(ct, ThresholdModel(SPEC), length_mm=4.0)
    clicks = [Click(centre_mm(ct, kidney)) for kidney in kidneys]
    mask = corrector.correct(masks, "liver", clicks).segmentation.mask("liver")
    assert all((mask & kidney).any() for kidney in kidneys)
    windows = len(calls)
    corrector.correct(masks, "liver", clicks)
    assert len(calls) == windows


def test_a_real_network_gives_its_features():
    model = small_model("residual_unet")
    ct = banded_ct(ras_grid((3.0, 3.0, 3.0)))
    masks = Segmentation.from_masks({"liver": np.zeros(ct.shape, bool)}, ct.affine)
    place = centre_mm(ct, truth_of(ct, "liver"))
    found = correct(ct, masks, "liver", [Click(place)], weights=model)
    index = np.rint(np.linalg.solve(ct.affine[:3, :3], np.subtract(place, ct.affine[:3, 3]))).astype(int)
    assert found.segmentation.mask("liver")[tuple(index)]


def test_a_structure_that_grows_takes_the_place_of_others_and_its_host_comes_along():
    x = np.arange(10)[:, None, None] * np.ones((1, 4, 4))
    masks = Segmentation.from_masks({"liver": x < 4, "spleen": x >= 6, "liver_tumour": x < 1}, np.eye(4))
    liver = _with_mask(masks, "liver", x < 8)
    np.testing.assert_array_equal(liver.mask("spleen"), x >= 8)
    np.testing.assert_array_equal(liver.mask("liver_tumour"), x < 1)
    tumour = _with_mask(masks, "liver_tumour", x < 7)
    np.testing.assert_array_equal(tumour.mask("liver"), x < 7)
    np.testing.assert_array_equal(tumour.mask("spleen"), x >= 7)
    np.testing.assert_array_equal(_with_mask(masks, "liver", x < 2).mask("liver"), x < 2)


def test_what_cannot_be_corrected_is_said():
    ct = banded_ct(ras_grid())
    masks = Segmentation.from_masks({"liver": truth_of(ct, "liver"), "spleen": truth_of(ct, "liver")}, ct.affine)
    corrector = Corrector(ct, ThresholdModel(SPEC))
    click = Click(centre_mm(ct, truth_of(ct, "liver")))
    for given, message in (
        ((masks, "liver", []), "no click"),
        ((masks, "pancreas", [click]), "no mask of pancreas"),
        ((masks, "kidneys", [click]), "'kidneys' is 2 structures: right_kidney, left_kidney"),
        ((masks, "spleen", [click]), "the weights do not know spleen"),
        ((masks, "liver", [Click((9999.0, 0.0, 0.0))]), r"lies outside the CT"),
        ((masks, "liver", [Click((float("nan"), 0.0, 0.0))]), r"lies outside the CT"),
        ((masks.part((slice(0, 9), slice(0, 9), slice(0, 9))), "liver", [click]), "not on the grid of the CT"),
    ):
        with pytest.raises(UsageError, match=message):
            corrector.correct(*given)
    with pytest.raises(UsageError, match="length_mm"):
        Corrector(ct, ThresholdModel(SPEC), length_mm=0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    ct = banded_ct(ras_grid())
    write_volume("ct.nii.gz", ct)
    write_seg_nrrd("masks.seg.nrrd", Segmentation.from_masks({"liver": np.zeros(ct.shape, bool)}, ct.affine))
    return ct


@pytest.mark.parametrize("unit", ["mm", "voxels"])
def test_the_command_takes_millimetres_or_voxels(here, unit, capsys):
    liver = truth_of(here, "liver")
    place = centre_mm(here, liver)
    if unit == "voxels":
        place = np.rint(np.linalg.solve(here.affine[:3, :3], np.subtract(place, here.affine[:3, 3])))
    words = ["--structure", "liver", "--inside", ",".join(f"{x:g}" for x in place), "-o", "fixed.seg.nrrd"]
    words += ["--voxels"] if unit == "voxels" else []
    assert main(["annotate", "click", "ct.nii.gz", "masks.seg.nrrd", *words]) == 0
    assert "fixed.seg.nrrd: liver: " in capsys.readouterr().out
    found = omentum.read_segmentation("fixed.seg.nrrd")
    assert found.grid.same_as(here.grid)
    assert dice(found.mask("liver"), liver) > 0.3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--inside", "1,2"], "'1,2' is no place"),
        (["--inside", "a,b,c"], "'a,b,c' is no place"),
        ([], "no click"),
        (["--inside", "9999,0,0"], "lies outside the CT"),
        (["--inside", "1,2,3", "-o", "masks.seg.nrrd", "--overwrite"], "is also the input"),
        (["--inside", "1,2,3", "-o", "fixed.nii.gz"], "the output is a .seg.nrrd file"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(here, tmp_path, words, message, capsys):
    before = sorted(tmp_path.iterdir())
    given = ["annotate", "click", "ct.nii.gz", "masks.seg.nrrd", "--structure", "liver"]
    assert main([*given, "-o", "fixed.seg.nrrd", *words]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert sorted(tmp_path.iterdir()) == before
