"""Boxes around organs, pieces in them, and crops: where they should be, on any grid."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from second_pass_run import put_cases
from toy_cases import toy_volume

from omentum.errors import InputError, OutputError
from omentum.preprocess.grid import model_grid, nearest_on_model_grid
from omentum.preprocess.organ_crop import box_around, organ_crop
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec, RegionSpec
from omentum.train.second_pass import crops
from omentum.train.second_pass.cases import Where, load_cases, organ_case
from omentum.train.second_pass.crops import Candidate, CropSampler, crop_around
from omentum.volume import Volume

SPEC = PreprocessSpec((3.0, 3.0, 3.0), (-600.0, 600.0), (16, 16, 16), "RAS", True)
LIVER = RegionSpec(("liver",), ("liver_tumour", "hepatic_vessel"), 6.0)
KIDNEYS = RegionSpec(("right_kidney", "left_kidney"), ("kidney_tumour",), 3.0, apart=True)
WHERE = Where((LIVER, KIDNEYS), ("liver_tumour", "hepatic_vessel", "kidney_tumour"), SPEC, SPEC)
FLIPS = [(), (0,), (1, 2), (0, 1, 2)]


def flipped(volume, truth, axes):
    """The same body, stored with some axes the other way round."""
    affine = volume.affine.copy()
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (volume.shape[axis] - 1)
        affine[:3, axis] *= -1
    voxels = np.ascontiguousarray(np.flip(volume.voxels, axes))
    bits = np.ascontiguousarray(np.flip(truth.bits, [axis + 1 for axis in axes]))
    return Volume(voxels, affine), Segmentation(bits, affine, truth.classes, truth.annotated)


def case_of(axes=(), where=WHERE):
    ct, truth = flipped(*toy_volume(), axes)
    return organ_case("toy", ct, truth, truth, where)


@pytest.mark.parametrize("axes", FLIPS)
def test_boxes_are_the_same_however_the_ct_is_stored(axes):
    straight, other = case_of(), case_of(axes)
    assert [box.region for box in other.boxes] == [0]  # kidney tumours are not annotated
    (one,), (same,) = straight.boxes, other.boxes
    assert np.array_equal(one.relative, same.relative)
    assert np.array_equal(one.bits, same.bits)


def test_a_box_has_its_organ_in_it_and_only_annotated_channels():
    (box,) = case_of().boxes
    _, truth = toy_volume()
    assert box.channels == (0,)
    assert box.truth(0).sum() == truth.mask("liver_tumour").sum()
    assert (box.bits & 1).sum() == truth.mask("liver").sum()
    assert np.median(box.relative[(box.bits & 1) == 1]) == 0
    assert -60 < np.median(box.relative[box.truth(0)]) < -40  # 60 HU in a liver of 110
    assert ((box.bits & 1) == 1)[tuple(box.organ.T)].all()
    ((piece,),) = box.pieces
    assert box.truth(0)[tuple(piece.T)].all()


def test_a_crop_without_augmentation_is_what_inference_sees(monkeypatch):
    monkeypatch.setattr(crops, "NOISE_HU", 0.0)
    monkeypatch.setattr(crops, "SHIFT_HU", 0.0)
    monkeypatch.setattr(crops, "FLIP", 0.0)
    monkeypatch.setattr(crops, "GAIN", (1.0, 1.0))
    monkeypatch.setattr(crops, "PART_LOST", 0.0)
    monkeypatch.setattr(crops, "PART_ADDED", 0.0)
    ct, truth = toy_volume()
    (box,) = case_of().boxes
    whole = model_grid(ct.grid, SPEC)
    liver = Segmentation(nearest_on_model_grid(truth.bits, truth.grid, SPEC), whole.affine, truth.classes).mask("liver")
    place = box_around(liver, 2, SPEC.patch)
    seen = organ_crop(ct, liver[place], whole, place, SPEC).tensor[0]
    size = tuple(box.bits.shape)
    crop = crop_around("toy", box, np.array(size) // 2, size, SPEC, np.random.default_rng(0))
    assert torch.allclose(crop.image, seen, atol=0.51 / 600)  # HU are kept as whole numbers
    larger = crop_around("toy", box, np.zeros(3), tuple(n + 8 for n in size), SPEC, np.random.default_rng(0))
    assert torch.equal(larger.image[:, 4:-4, 4:-4, 4:-4], crop.image)
    assert larger.image[:, :4].abs().max() == 0
    assert not larger.near[:4].any()


@pytest.mark.parametrize(("lost", "added"), [(1.0, 0.0), (0.0, 1.0)])
def test_the_mask_of_an_organ_is_now_and_then_in_error_but_not_the_truth(monkeypatch, lost, added):
    monkeypatch.setattr(crops, "FLIP", 0.0)
    (box,) = case_of().boxes
    size = tuple(box.bits.shape)
    organ, near = (torch.from_numpy((box.bits >> bit & 1).astype(bool)) for bit in (0, 1))
    differ = set()
    monkeypatch.setattr(crops, "PART_LOST", lost)
    monkeypatch.setattr(crops, "PART_ADDED", added)
    for seed in range(6):
        crop = crop_around("toy", box, np.array(size) // 2, size, SPEC, np.random.default_rng(seed))
        hint = crop.image[1] > 0.5
        assert not (hint & ~organ).any() if lost else (hint | ~organ).all()
        assert not (hint & ~near).any()
        assert torch.equal(crop.near, near)
        assert crop.truth[0].sum() == box.truth(0).sum()
        differ.add(int((hint != organ).sum()))
    assert len(differ) > 3


def test_crops_lie_around_pieces_and_repeat_themselves():
    (box,) = case_of().boxes
    sampler = CropSampler([Candidate("toy", box, 1.0)], (1.0, 1.0), 1.0, (12, 12, 12), (SPEC, SPEC), seed=3)
    drawn = [sampler.draw(step, 0) for step in range(20)]
    assert all(crop.near.any() for crop in drawn)
    shown = [crop.truth.any() for crop in drawn]
    assert sum(map(bool, shown)) >= 15
    organ = [crop.image[1] > 0.5 for crop in drawn]
    assert all((crop.image[0][crop.truth[0] & inside] < 0).all() for crop, inside in zip(drawn, organ, strict=True))
    again = sampler.draw(7, 0)
    assert torch.equal(again.image, drawn[7].image)
    assert not torch.equal(sampler.draw(7, 1).image, again.image)


def test_gas_does_not_count_for_the_median_where_a_region_says_so():
    ct, truth = toy_volume()
    inside = np.argwhere(truth.mask("liver"))
    gas = tuple(inside[: 2 * len(inside) // 3].T)
    ct.voxels[gas] = -1000
    wheres = (replace(WHERE, regions=(replace(LIVER, median_above_hu=hu),)) for hu in (-np.inf, -200.0))
    ((with_gas,), (without,)) = (organ_case("toy", ct, truth, truth, where).boxes for where in wheres)
    organ = (without.bits & 1) == 1
    assert abs(np.median(with_gas.relative[organ])) < 1
    assert abs(np.median(without.relative[organ & (without.relative > -300)])) < 1
    assert (with_gas.relative - without.relative).min() > 1000


def test_an_organ_drawn_again_in_a_region_of_two_is_looked_for_in_its_own_box_alone():
    ct, truth = toy_volume()
    pair = RegionSpec(("liver", "right_kidney"), ("right_kidney", "liver", "liver_tumour"), 3.0, apart=True)
    annotated = Segmentation(truth.bits, truth.affine, truth.classes, {"liver", "right_kidney", "liver_tumour"})
    liver, kidney = organ_case("toy", ct, annotated, annotated, Where((pair,), pair.classes, SPEC, SPEC)).boxes
    assert (liver.channels, kidney.channels) == ((1, 2), (0, 2))
    assert replace(pair, apart=False).classes_around(pair.organs) == pair.classes


def test_a_region_has_its_own_window(monkeypatch):
    monkeypatch.setattr(crops, "GAIN", (1.0, 1.0))
    (box,) = case_of().boxes
    wide = replace(LIVER, window_hu=(-2000.0, 2000.0)).preprocess(SPEC)
    narrow, broad = (
        CropSampler([Candidate("toy", box, 1.0)], (1.0,), 1.0, (12, 12, 12), (spec,), seed=3).draw(0, 0)
        for spec in (LIVER.preprocess(SPEC), wide)
    )
    inside = narrow.image[0].abs() < 1
    low, high = SPEC.window_hu
    assert torch.allclose(
        broad.image[0][inside] * 2000, (narrow.image[0][inside] + 1) / 2 * (high - low) + low, atol=0.1
    )


def test_regions_and_collections_are_drawn_by_weight():
    (box,) = case_of().boxes
    often, seldom = Candidate("often", box, 9.0), Candidate("seldom", box, 1.0)
    sampler = CropSampler(
        [often, seldom], (0.5, 100.0), 0.5, (12, 12, 12), (SPEC, SPEC), seed=0
    )  # the second has no box
    # the second region has no box
    names = [sampler.draw(step, 0).case for step in range(100)]
    assert 80 < names.count("often") < 98


def test_folders_are_read_and_unusable_cases_told(tmp_path):
    put_cases(tmp_path / "cases")
    (tmp_path / "cases/toy_1/ct.nii.gz").write_bytes(b"")
    _, truth = toy_volume()
    told = []

    def read(find_organs):
        return load_cases(tmp_path / "cases", WHERE, find_organs, lambda *done: told.append(done))

    with pytest.warns(match="left out of training: .*toy_1"):
        (case,) = read(lambda ct: truth)
    assert (case.name, told) == ("toy_0", [(0, 2), (1, 2)])
    assert len(case.hashes) == 34
    shutil.rmtree(tmp_path / "cases/toy_1")
    nothing = Segmentation(np.zeros_like(truth.bits), truth.affine, truth.classes)
    with pytest.warns(match="no organ with an annotated class"), pytest.raises(InputError, match="no usable cases"):
        read(lambda ct: nothing)

    def full(ct):
        raise OutputError("the disk is full")

    with pytest.raises(OutputError, match="the disk is full"):
        read(full)
    with pytest.raises(InputError, match="no usable cases"):
        load_cases(tmp_path / "none", WHERE, full, lambda *_: None)


def test_the_checksum_says_what_training_sees():
    (box,) = case_of().boxes
    other = case_of(where=Where((LIVER,), ("hepatic_vessel", "liver_tumour"), SPEC, SPEC))
    assert case_of().checksum == case_of((0,)).checksum
    assert other.boxes[0].channels == (1,)
    assert other.checksum != case_of().checksum
    assert box.bits.dtype == np.uint8
