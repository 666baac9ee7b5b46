"""Recipes turned round: what each value is drawn for, and what cannot be written."""

import json

import pytest

from omentum.anatomy.numbering import Numbering, NumberingEntry
from omentum.data.datasets.numbering import numbering_of_mapping, numbering_of_recipe
from omentum.data.datasets.recipe import Target
from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.datasets.recipe_toml import parse_recipe
from omentum.errors import InputError, UsageError


def recipe(tmp_path, **raw):
    return parse_recipe(raw, "mine", tmp_path / "mine.toml")


def entries(numbering):
    return {entry.value: entry for entry in numbering.entries}


def test_a_value_is_drawn_for_what_sets_it_apart(tmp_path):
    numbering = numbering_of_recipe(
        recipe(
            tmp_path,
            values={"1": "liver", "2": ["liver", "liver tumour"], "3": "kidneys", "4": ["liver", "hepatic vessel"]},
        )
    )
    assert entries(numbering) == {
        1: NumberingEntry(1, ("liver",)),
        2: NumberingEntry(2, ("liver_tumour",)),
        3: NumberingEntry(3, ("right_kidney", "left_kidney")),
        4: NumberingEntry(4, ("hepatic_vessel",)),
    }
    assert [entry.value for entry in numbering.entries] == [1, 3, 4, 2]  # lesions last
    assert numbering.never == {}


def test_a_lesion_of_one_kidney_is_drawn_in_that_kidney_only():
    labels = {2: ["right_kidney"], 3: ["left_kidney"], 23: ["left_kidney", "kidney_cyst"]}
    numbering = numbering_of_mapping("x", labels, {"left_kidney": ["kidney_tumour"]})
    assert entries(numbering)[23] == NumberingEntry(23, ("kidney_cyst",), (), ("left_kidney",))
    assert entries(numbering)[3] == NumberingEntry(3, ("left_kidney",), ("kidney_tumour",))
    assert entries(numbering)[23].name == "Kidney cyst in the left kidney"


def test_parts_that_are_not_told_apart_are_never_written():
    numbering = numbering_of_mapping("x", {10: ["left_lung"], 11: ["left_lung"], 5: ["liver"]}, {})
    assert numbering.never == dict.fromkeys((10, 11), "10 and 11 are not told apart (Left lung)")
    assert list(entries(numbering)) == [5]


def test_what_several_structures_are_at_once_is_never_written():
    assert numbering_of_mapping("x", {1: ["liver", "spleen"], 2: ["aorta"]}, {}).never == {
        1: "it is spleen and liver at once"
    }


def test_what_the_weights_do_not_know_is_told():
    numbering = numbering_of_recipe(bundled_recipes()["abdomenct-1k"])
    assert numbering.lacking(["liver", "right_kidney", "left_kidney", "spleen", "pancreas", "aorta"]) == {}
    assert numbering.lacking(["liver", "left_kidney", "spleen"]) == {
        2: ("right_kidney",),
        4: ("pancreas",),
    }
    with pytest.raises(UsageError, match="nothing that abdomenct-1k has a number for is looked for"):
        numbering.lacking(["aorta", "colon"])


def test_masks_have_no_numbers():
    with pytest.raises(UsageError, match="3d-ircadb-01 has masks and no numbers"):
        numbering_of_recipe(bundled_recipes()["3d-ircadb-01"])


def test_every_bundled_recipe_with_numbers_can_write_all_of_them():
    for found in bundled_recipes().values():
        if found.values:
            numbering = numbering_of_recipe(found)
            assert {entry.value for entry in numbering.entries} == set(found.values), found.key


def test_written_says_what_the_meaning_does_not(tmp_path):
    found = recipe(
        tmp_path,
        values={"1": "liver"},
        uncertain={"14": "a lesion of some organ", "15": "something"},
        written={"14": ["kidney tumour", "liver tumour"]},
    )
    assert found.values[14] == Target(frozenset(), unknown="a lesion of some organ")
    numbering = numbering_of_recipe(found)
    assert entries(numbering)[14] == NumberingEntry(14, ("kidney_tumour", "liver_tumour"))
    assert numbering.never == {15: "it is something"}


@pytest.mark.parametrize(
    ("written", "match"),
    [
        ({"7": "liver"}, "written.7: no value 7 is read"),
        ({"1": "livr"}, "written.1: unknown structure 'livr'"),
        ({"1": []}, "written.1 has no meaning"),
        ({"one": "liver"}, "'one' is no label value"),
    ],
)
def test_mistakes_in_written_are_told(written, match, tmp_path):
    with pytest.raises(InputError, match=match):
        recipe(tmp_path, values={"1": "liver"}, written=written)


def test_json_tells_apart_what_is_written_differently():
    two = [
        numbering_of_mapping("x", {1: ["liver"]}, unions).to_json() for unions in ({}, {"liver": ["hepatic_vessel"]})
    ]
    assert two[0] != two[1]
    assert two[0] == {"name": "x", "values": {"1": {"name": "Liver", "structures": ("liver",)}}}


@pytest.mark.parametrize("value", [65536, 70000, 10**12, 0, -1])
def test_a_number_that_no_voxel_can_hold_is_refused(value):
    with pytest.raises(UsageError, match=f"x: no voxel can be {value}: the numbers of a label map are 1 to 65535"):
        numbering_of_mapping("x", {value: ["liver"], 2: ["spleen"]}, {})


def test_the_largest_number_is_written():
    assert [s.value for s in numbering_of_mapping("x", {65535: ["liver"], 1: ["spleen"]}, {}).entries] == [65535, 1]


@pytest.mark.parametrize("name", ["btcv", "msd-liver"])
def test_a_numbering_is_read_back_from_the_manifest(name):
    numbering = numbering_of_recipe(bundled_recipes()[name])
    written = json.loads(json.dumps(numbering.to_json()))
    read = Numbering.from_json(written)
    assert (read.name, read.entries) == (numbering.name, numbering.entries)
    assert json.loads(json.dumps(read.to_json())) == written
