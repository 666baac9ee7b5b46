"""What counts as annotated: for learning and for judging it is the same."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from omentum.data.datasets.recipe_toml import parse_recipe
from omentum.data.harmonise.annotated import AnnotationScope, contradiction_text
from omentum.data.harmonise.harmonise import harmonise
from omentum.errors import CaseWarning
from omentum.evaluate.foreign_labels import read_reference
from omentum.evaluate.mapping import recipe_mapping
from omentum.io.nifti import write_volume
from omentum.volume import Volume

SHAPE = (24, 16, 16)
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
RECIPE = """
healthy = ["pancreas tumour", "liver tumour"]
annotated_if_present = ["liver tumour", "spleen"]
[values]
1 = "liver"
2 = ["liver", "liver tumour"]
3 = "spleen"
[uncertain]
9 = "a lesion of any organ"
"""


def native(**blocks):
    """Liver, and more values in blocks [from, to) along i."""
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[2:10, 4:12, 4:12] = 1
    for value, (start, stop) in blocks.items():
        voxels[start:stop, 6:8, 6:8] = int(value[1:])
    return voxels


@pytest.mark.parametrize(
    ("voxels", "expected"),
    [
        (native(), {"liver", "liver_tumour"}),
        (native(v3=(14, 16)), {"liver", "liver_tumour", "spleen"}),
        (native(v2=(4, 6)), {"liver"}),
        (native(v9=(10, 12)), set()),
        (native(v9=(18, 20)), {"liver", "liver_tumour"}),
        (native(v9=(16, 18), v3=(14, 16)), {"liver", "liver_tumour"}),
    ],
    ids=["clean", "spleen", "drawn all the same", "unknown at the liver", "unknown far away", "unknown at the spleen"],
)
def test_training_and_judging_agree(voxels, expected, tmp_path, recwarn):
    recipe = parse_recipe(tomllib.loads(RECIPE), "mine", tmp_path / "mine.toml")
    path = tmp_path / "case1.nii.gz"
    write_volume(path, Volume(voxels, AFFINE))
    learned = harmonise(
        voxels,
        AFFINE,
        recipe.values,
        recipe.annotated_in("case1"),
        if_present=recipe.annotated_if_present,
        healthy=recipe.healthy_in("case1"),
    )
    judged = read_reference(path, recipe_mapping(recipe))
    assert judged.annotated == learned.truth.annotated
    # No pancreas was looked for, so an unknown lesion anywhere may be a tumour of it.
    assert judged.annotated - {"pancreas_tumour"} == expected
    assert ("pancreas_tumour" in judged.annotated) == (9 not in voxels)
    assert {w.category for w in recwarn} <= {CaseWarning}
    assert [str(w.message) for w in recwarn] == (
        [f"case1: {contradiction_text(frozenset({'liver_tumour'}))}"] if 2 in voxels else []
    )


def test_a_contradiction_is_told_in_good_grammar():
    assert contradiction_text(frozenset({"a"})).startswith("a is labelled")
    assert contradiction_text(frozenset({"b", "a"})).startswith("a, b are labelled")


def test_what_is_unsure_is_not_claimed():
    sought = AnnotationScope(frozenset({"liver", "spleen"}), healthy=frozenset({"liver_tumour"}))
    assert sought.candidates(frozenset({"liver"}), frozenset({"spleen"})) == {"liver", "liver_tumour"}


@pytest.mark.parametrize(
    ("voxels", "expected"),
    [
        (native(), {"liver", "gallbladder", "spleen"}),
        (native(v200=(18, 20)), {"liver"}),
        (native(v200=(18, 20), v4=(14, 16)), {"liver", "gallbladder"}),
        (native(v200=(10, 12), v3=(14, 16)), {"spleen"}),
    ],
    ids=["clean", "hides what is nowhere", "but not what is there", "nor what it touches"],
)
def test_training_and_judging_agree_on_what_nobody_annotated(voxels, expected, tmp_path):
    text = '[values]\n1 = "liver"\n3 = "spleen"\n4 = "gallbladder"\n'
    recipe = parse_recipe(tomllib.loads(f"not_annotated = [200]\n{text}"), "mine", tmp_path / "mine.toml")
    path = tmp_path / "case1.nii.gz"
    write_volume(path, Volume(voxels, AFFINE))
    learned = harmonise(voxels, AFFINE, recipe.values, recipe.annotated_in("case1"))
    judged = read_reference(path, recipe_mapping(recipe))
    assert judged.annotated == learned.truth.annotated == expected
