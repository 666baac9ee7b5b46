"""Numbers taken for the wrong ones are noticed by where they lie, and the right ones are named."""

from __future__ import annotations

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.evaluate import load_mapping
from omentum.evaluate.label_value_checks import contradictions, fitting_mappings
from omentum.segmentation import Segmentation

AFFINE = np.diag([-3.0, 3.0, 3.0, 1.0])
KEYS = ("spleen", "right_kidney", "left_kidney", "liver", "pancreas", "right_adrenal", "duodenum", "bladder")
SHAPE = (9 * len(KEYS), 8, 8)


def body(shift: int = 0) -> Segmentation:
    """One block a structure, side by side."""
    masks = {key: np.zeros(SHAPE, bool) for key in KEYS}
    for n, key in enumerate(KEYS):
        masks[key][9 * n + shift : 9 * n + 8 + shift] = True
    return Segmentation.from_masks(masks, AFFINE)


def read_as_template(numbers: dict[str, int]) -> Segmentation:
    """What the template's numbers make of a body that was written in these."""
    named = {row.index: row.key for row in STRUCTURES}
    found = body(1)
    return Segmentation.from_masks({named[value]: found.mask(key) for key, value in numbers.items()}, AFFINE)


def numbers_of(name: str) -> dict[str, int]:
    labels = load_mapping(name).labels
    return {key: value for value, keys in labels.items() for key in keys if key in KEYS and value <= 32}


def test_other_numbers_are_contradicted_and_named():
    found, reference = body(), read_as_template(numbers_of("amos22"))
    told = {(one.name, one.place) for one in contradictions(found, reference)}
    assert ("portal_splenic_vein", "pancreas") in told
    assert ("pancreas", "right_adrenal") in told
    assert not any(name in ("spleen", "right_kidney", "left_kidney") for name, _ in told)
    assert "amos22" in fitting_mappings(found, reference)


def test_our_own_numbers_are_not():
    own = {key: STRUCTURES[key].index for key in KEYS}
    assert contradictions(body(), read_as_template(own)) == []


def test_one_fault_and_swapped_sides_are_the_prediction_s():
    swapped = {key: STRUCTURES[key].index for key in KEYS}
    swapped |= {"right_kidney": swapped["left_kidney"], "left_kidney": swapped["right_kidney"]}
    assert contradictions(body(), read_as_template(swapped)) == []
    one = {key: STRUCTURES[key].index for key in KEYS} | {"bladder": STRUCTURES["prostate"].index}
    assert contradictions(body(), read_as_template(one)) == []


def test_a_single_number_is_doubted_where_no_other_is_borne_out():
    reference = read_as_template({"liver": 1})
    assert [(one.name, one.place) for one in contradictions(body(), reference)] == [("spleen", "liver")]
    assert contradictions(body(), read_as_template({"spleen": 1})) == []


def test_lesions_that_were_overlooked_do_not_hide_the_fitting_numbers():
    found, reference = body(), read_as_template({"liver": 1})
    tumour = np.zeros(SHAPE, bool)
    tumour[9 * KEYS.index("liver") + 2 :][:2] = True
    masks = {"spleen": reference.mask("spleen") & ~tumour, "right_kidney": tumour}
    assert "lits" in fitting_mappings(found, Segmentation.from_masks(masks, AFFINE))


def test_where_nothing_lies_together_nothing_is_said():
    empty = Segmentation.from_masks({"liver": np.zeros(SHAPE, bool)}, AFFINE)
    assert contradictions(empty, body()) == contradictions(body(), empty) == []
    assert fitting_mappings(empty, body()) == fitting_mappings(body(), empty) == []
