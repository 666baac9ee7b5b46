"""Pseudo-labels: only where the parent is sure, never instead of the truth, and the same when a run goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from threshold_model import ThresholdModel
from toy_cases import toy_volume

from omentum.data.sampling.cases import labelled_case
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.train.extend.pseudo_labels import predicted, with_pseudo_labels

SPEC = PreprocessSpec((3.0, 3.0, 3.0), (-1024.0, 1024.0), (32, 32, 32))
CLASSES = ("right_kidney", "left_kidney", "liver", "aorta")
BANDS_HU = {"right_kidney": (170, 230), "left_kidney": (-90, -30), "liver": (90, 130)}


class Sharp(ThresholdModel):
    """Sure of what it says, unless told to be unsure of a class."""

    def __init__(self, unsure: str = "") -> None:
        super().__init__(SPEC, BANDS_HU)
        self.sharpness = torch.tensor([0.001 if key == unsure else 1.0 for key in BANDS_HU])
        self.register_buffer("text_embeddings", torch.zeros(3, 1))

    def forward(self, x, classes=None):
        return super().forward(x, classes) * self.sharpness[list(classes or range(3))].view(1, -1, 1, 1, 1)


def case_of(*annotated: str):
    ct, truth = toy_volume()
    masks = {key: truth.mask(key) for key in CLASSES}
    labels = Segmentation.from_masks({key: masks[key] for key in annotated}, ct.affine)
    return labelled_case("toy", ct, labels, CLASSES, np.random.default_rng(0)), masks


def test_sure_structures_are_labelled_and_unsure_ones_stay_unknown(tmp_path):
    case, masks = case_of("aorta")
    found, said = with_pseudo_labels(case, CLASSES, Sharp("left_kidney"), 0.8, tmp_path / "a.npz")
    assert said == {"right_kidney", "liver"}
    assert found.annotated.tolist() == [True, False, True, True]
    overlap = (found.mask(0) & masks["right_kidney"]).sum() / masks["right_kidney"].sum()
    assert overlap > 0.9
    assert np.array_equal(found.mask(3), masks["aorta"])


def test_truth_is_never_replaced_and_excludes_what_the_parent_says_there(tmp_path):
    case, masks = case_of("right_kidney", "aorta")
    wrong = Sharp()
    wrong.bands_hu[2] = torch.tensor([130.0, 230.0])  # takes aorta and right kidney for liver
    found, said = with_pseudo_labels(case, CLASSES, wrong, 0.0, tmp_path / "a.npz")
    assert said == {"left_kidney", "liver"}
    assert np.array_equal(found.mask(0), masks["right_kidney"])
    assert np.array_equal(found.mask(3), masks["aorta"])
    assert not (found.mask(2) & (masks["aorta"] | masks["right_kidney"])).any()


def test_a_run_that_goes_on_sees_the_same_labels(tmp_path):
    case, _ = case_of("aorta")
    first, _ = with_pseudo_labels(case, CLASSES, Sharp(), 0.8, tmp_path / "a.npz")
    silent = Sharp()
    silent.bands_hu[:] = 5000.0
    again, _ = with_pseudo_labels(case, CLASSES, silent, 0.8, tmp_path / "a.npz")
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.sets, again.sets)


def test_kept_labels_are_used_for_the_same_case_and_classes_only(tmp_path):
    kept = tmp_path / "a.npz"
    case, masks = case_of("aorta")
    with_pseudo_labels(case, CLASSES, Sharp(), 0.8, kept)
    case, _ = case_of("right_kidney", "aorta")  # fewer classes are asked for now, in other places
    found, said = with_pseudo_labels(case, CLASSES, Sharp(), 0.8, kept)
    assert said == {"left_kidney", "liver"}
    assert (found.mask(1) & masks["left_kidney"]).sum() > 0.9 * masks["left_kidney"].sum()
    other = replace(case, hu=case.hu[::-1].copy(), labels=case.labels[::-1].copy())
    turned, _ = with_pseudo_labels(other, CLASSES, Sharp(), 0.8, kept)
    assert np.array_equal(turned.mask(2), found.mask(2)[::-1])


@pytest.mark.parametrize(("scale", "low", "high"), [(10.0, 0.99, 1.0), (0.0, 0.0, 0.7)])
def test_expected_dice_says_how_sure_a_model_is(scale, low, high):
    case, _ = case_of("aorta")
    model = Sharp()
    model.sharpness[:] = scale
    dice, masks = predicted(model, case.hu, [0, 2])
    assert ((low <= dice) & (dice <= high)).all()
    assert masks.shape == (2, *case.shape)


def test_a_sure_absence_is_a_label_too():
    case, _ = case_of("aorta")
    absent = Sharp()
    absent.bands_hu[:] = torch.tensor([900.0, 901.0])
    absent.sharpness[:] = 20.0
    dice, masks = predicted(absent, case.hu, [0])
    assert dice[0] == pytest.approx(1.0)
    assert not masks.any()
