"""Dice on held-out cases: what counts, what does not, and that windows change nothing."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from threshold_model import ThresholdModel
from torch import Tensor
from toy_run import CONFIG

from omentum.data.sampling.cases import LabelledCase, labelled_case
from omentum.schemas import unstamped
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.train.distributed import join_processes
from omentum.train.validate import Validation, case_dice, validate
from omentum.volume import Volume

SPEC = PreprocessSpec(spacing_mm=(3.0, 3.0, 3.0), window_hu=(-1024, 1024), patch=(16, 16, 16))
BANDS_HU = {"liver": (90, 110), "left_kidney": (140, 160), "right_kidney": (190, 210), "liver_tumour": (50, 70)}
KEYS = tuple(BANDS_HU)
SHAPE = (24, 20, 36)


class Banded(ThresholdModel):
    """Finds what lies in a band of HU, by its own keys."""

    text_embeddings: Tensor

    def __init__(self) -> None:
        super().__init__(SPEC, BANDS_HU)
        self.register_buffer("text_embeddings", torch.zeros(len(KEYS), 4))


def case_of(
    annotated: set[str], *, shown: dict[str, slice], true: dict[str, slice], name: str = "case"
) -> LabelledCase:
    """Structures as blocks of slices: where the CT shows them, and where the truth has them."""
    hu = np.zeros(SHAPE, np.int16)
    for key, where in shown.items():
        hu[4:12, 4:12, where] = sum(BANDS_HU[key]) // 2
    masks = {}
    for key in KEYS:
        masks[key] = np.zeros(SHAPE, bool)
        if key in true:
            masks[key][4:12, 4:12, true[key]] = True
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    truth = Segmentation.from_masks(masks, affine, annotated)
    return labelled_case(name, Volume(hu, affine), truth, KEYS, np.random.default_rng(0))


def test_what_is_found_exactly_has_dice_one_and_half_of_it_two_thirds():
    case = case_of(
        {"liver", "left_kidney"},
        shown={"liver": slice(0, 10), "left_kidney": slice(20, 24)},
        true={"liver": slice(0, 10), "left_kidney": slice(20, 28)},
    )
    found = case_dice(Banded(), case, bf16=False)
    assert found == {"liver": 1.0, "left_kidney": pytest.approx(2 * 4 / (4 + 8))}


def test_a_structure_that_is_annotated_and_absent_has_no_dice():
    """Neither where nothing is found of it, nor where something is."""
    nothing = case_of({"liver", "left_kidney"}, shown={"liver": slice(0, 10)}, true={"liver": slice(0, 10)})
    something = case_of(
        {"liver", "left_kidney"},
        shown={"liver": slice(0, 10), "left_kidney": slice(20, 24)},
        true={"liver": slice(0, 10)},
    )
    for case in (nothing, something):
        assert case_dice(Banded(), case, bf16=False) == {"liver": 1.0}


def test_a_structure_that_is_present_and_missed_has_dice_zero():
    case = case_of({"liver"}, shown={}, true={"liver": slice(3, 9)})
    assert case_dice(Banded(), case, bf16=False) == {"liver": 0.0}


def test_what_nobody_annotated_has_no_dice():
    case = case_of({"liver"}, shown={"liver": slice(0, 10)}, true={"liver": slice(0, 10)})
    also = dataclasses.replace(case, annotated=np.array([key in ("liver", "liver_tumour") for key in KEYS]))
    assert case_dice(Banded(), also, bf16=False) == {"liver": 1.0}
    unknown = dataclasses.replace(case, annotated=np.array([key == "right_kidney" for key in KEYS]))
    assert case_dice(Banded(), unknown, bf16=False) == {}


def test_a_structure_counts_over_all_windows_and_slabs():
    """One that runs through the whole case, which is more than two windows long."""
    case = case_of({"liver"}, shown={"liver": slice(0, 36)}, true={"liver": slice(0, 36)})
    assert case_dice(Banded(), case, bf16=False) == {"liver": 1.0}
    shifted = case_of({"liver"}, shown={"liver": slice(0, 34)}, true={"liver": slice(2, 36)})
    assert case_dice(Banded(), shifted, bf16=False)["liver"] == pytest.approx(32 / 34)


def test_the_mean_is_over_the_cases_that_have_the_structure():
    whole, where = slice(0, 10), slice(20, 30)
    cases = [
        case_of({"liver"}, shown={"liver": whole}, true={"liver": whole}),
        case_of({"liver", "left_kidney"}, shown={"left_kidney": where}, true={"liver": whole, "left_kidney": where}),
        case_of({"left_kidney"}, shown={"left_kidney": slice(20, 25)}, true={"left_kidney": where}),
        case_of({"right_kidney"}, shown={"liver": whole}, true={}),
    ]
    told = []
    found = validate(
        Banded(), cases, join_processes(CONFIG), bf16=False, progress=lambda done, of: told.append((done, of))
    )
    assert found == {"liver": pytest.approx(0.5), "left_kidney": pytest.approx((1 + 2 / 3) / 2)}
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_the_best_validation_is_the_first_with_the_highest_mean(tmp_path):
    validation = Validation()
    for step, dice in ((10, 0.5), (20, 0.7), (30, 0.7), (40, 0.6)):
        validation = validation.after(step, {"liver": dice, "aorta": dice - 0.2})
    assert validation == Validation(40, pytest.approx(0.5), {"liver": 0.6, "aorta": pytest.approx(0.4)}, 20, 0.6)
    validation.write(tmp_path / "validation.json")
    assert Validation.read(tmp_path / "validation.json") == validation
    assert Validation.read(tmp_path / "none.json") == Validation()


def test_before_the_first_validation_none_is_the_best():
    assert (Validation().step, Validation().best_step, Validation().dice) == (0, 0, {})


def test_even_a_mean_of_nothing_is_a_first_validation():
    """A run that finds nothing yet has a best checkpoint all the same."""
    assert Validation().after(5, {}).best_step == 5
    assert Validation().after(5, {"liver": 0.0}).best_step == 5


def test_a_validation_is_read_back_also_from_before_there_were_schemas():
    validation = Validation().after(10, {"liver": 0.5})
    written = json.loads(json.dumps(validation.to_json()))
    assert Validation.from_json(written) == validation
    assert Validation.from_json(unstamped(written)) == validation
    with pytest.raises(TypeError, match="wrong kind"):
        Validation.from_json(written | {"step": "ten"})
