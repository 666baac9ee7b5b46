from __future__ import annotations

import json

import pytest
from raw_folders import lay_out

from omentum.data.datasets.find import find_dataset
from omentum.data.datasets.raw_case import find_cases
from omentum.errors import InputError

PLAIN = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "liver": 1, "Pancreas": 2, "bone": 3, "kidney_left": 4},
    "numTraining": 2,
    "file_ending": ".nii.gz",
    "name": "Two organs",
    "licence": "CC0",
    "reference": "somebody",
}


@pytest.fixture
def dataset(tmp_path):
    def dataset(**changes):
        folder = tmp_path / "Dataset007_Two"
        folder.mkdir(exist_ok=True)
        (folder / "dataset.json").write_text(json.dumps(PLAIN | changes))
        return folder

    return dataset


def meanings(recipe) -> dict[int, set[str]]:
    return {value: set(target.gives) for value, target in recipe.values.items()}


def test_labels_are_found_by_name(dataset):
    recipe = find_dataset(dataset())
    assert recipe.key == "Dataset007_Two"
    assert meanings(recipe) == {1: {"liver"}, 2: {"pancreas"}, 4: {"left_kidney"}}
    assert recipe.ignored == {3}
    assert recipe.annotated == {"liver", "pancreas", "left_kidney"}
    assert (recipe.title, recipe.licence, recipe.citation, recipe.cases) == ("Two organs", "CC0", "somebody", 2)


def test_the_json_itself_may_be_given(dataset):
    assert find_dataset(dataset() / "dataset.json") == find_dataset(dataset())


def test_cases_are_paired_and_mac_twins_skipped(dataset):
    folder = lay_out(
        dataset(),
        [
            "imagesTr/liver_0_0000.nii.gz",
            "imagesTr/liver_10_0000.nii.gz",
            "imagesTr/liver_2_0000.nii.gz",
            "imagesTr/._liver_0_0000.nii.gz",
            "labelsTr/._liver_0.nii.gz",
            "imagesTs/liver_7_0000.nii.gz",
            "labelsTr/liver_0.nii.gz",
            "labelsTr/liver_10.nii.gz",
            "labelsTr/liver_2.nii.gz",
        ],
    )
    found = find_cases(find_dataset(folder), folder)
    assert [case.id for case in found.cases] == ["liver_0", "liver_2", "liver_10"]
    assert [case.image.name for case in found.cases][2] == "liver_10_0000.nii.gz"
    assert [case.labels[0].name for case in found.cases][2] == "liver_10.nii.gz"
    assert (found.skipped, found.unpaired) == ({}, ())


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd", ".nii"])
def test_files_may_end_otherwise(ending, dataset):
    folder = lay_out(dataset(file_ending=ending), [f"imagesTr/liver_0_0000{ending}", f"labelsTr/liver_0{ending}"])
    (case,) = find_cases(find_dataset(folder), folder).cases
    assert case.id == "liver_0"


def test_the_ct_is_taken_from_among_the_channels(dataset):
    recipe = find_dataset(dataset(channel_names={"0": "PET", "1": "CT"}))
    assert recipe.layout[0].image == "imagesTr/{id}_0001.nii.gz"


def test_regions_overlap(dataset):
    labels = {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "kidney tumor": 2}
    recipe = find_dataset(dataset(labels=labels, regions_class_order=[1, 3, 2]))
    assert recipe.values[1].pairs == recipe.values[2].pairs == recipe.values[3].pairs == {"kidneys"}
    assert recipe.values[2].structures == {"kidney_tumour"}
    assert recipe.values[3].structures == frozenset()


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"liver": 1, "liver tumor": 2}, {1: {"liver"}, 2: {"liver", "liver_tumour"}}),
        ({"liver tumor": 2}, {2: {"liver_tumour"}}),
        (
            {"right_kidney": 1, "left_kidney": 2, "renal cyst": 3},
            {1: {"right_kidney"}, 2: {"left_kidney"}, 3: {"right_kidney", "left_kidney", "kidney_cyst"}},
        ),
        ({"hepatic vessels": 1, "liver": 2}, {1: {"liver", "hepatic_vessel"}, 2: {"liver"}}),
    ],
)
def test_a_lesion_is_part_of_an_organ_that_is_there(dataset, labels, expected):
    assert meanings(find_dataset(dataset(labels={"background": 0, **labels}))) == expected


def test_the_label_ignore_is_what_nobody_annotated(dataset):
    recipe = find_dataset(dataset(labels={"background": 0, "liver": 1, "ignore": 2}))
    assert recipe.values[2].hides
    assert not recipe.values[2].gives
    assert recipe.annotated == {"liver"}


def test_a_recipe_beside_it_goes_first(dataset):
    folder = dataset()
    (folder / "recipe.toml").write_text('[values]\n3 = "spleen"\n')
    assert meanings(find_dataset(folder)) == {3: {"spleen"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"labels": {"background": 0, "liver": 1, "tumor": 2}},
            r"label 2 \(tumor\) is a lesion, but not said of which",
        ),
        ({"labels": {"background": 0, "bone": 1, "heart": 2}}, "no label is a structure of ours: bone, heart"),
        ({"labels": {"0": "background", "1": "liver"}}, "the form before nnU-Net v2"),
        ({"labels": {"background": 0, "liver": {"a": 1}}}, "not name -> whole number"),
        ({"labels": {"background": 0, "liver": 1.5}}, "not name -> whole number"),
        ({"labels": {"background": 0, "liver": True}}, "not name -> whole number"),
        ({"labels": {"background": 0, "liver": -1}}, "not name -> whole number"),
        ({"labels": {"background": 0, "liver": "one"}}, "not name -> whole number"),
        ({"labels": {"background": 0, "liver": 1, "spleen": 1}}, "'liver' and 'spleen' are both 1"),
        ({"labels": [1]}, "has no table of labels"),
        ({"channel_names": {"0": "T1", "1": "T2"}}, "channels are T1, T2, none CT"),
        ({"channel_names": {}}, "channels are not named, none CT"),
        ({"file_ending": ".tif"}, r"files end in .tif, not .nii.gz, .nii, .nrrd, .mha, .mhd"),
    ],
)
def test_what_cannot_be_told_is_refused(dataset, changes, message):
    folder = dataset(**changes)
    with pytest.raises(InputError, match=message) as fault:
        find_dataset(folder)
    assert fault.value.source == folder / "dataset.json"


def test_broken_json(dataset):
    folder = dataset()
    (folder / "dataset.json").write_text('{"labels": ')
    with pytest.raises(InputError, match=r"cannot be read as nnU-Net's dataset.json"):
        find_dataset(folder)


def test_bundled_names_are_known_here_too():
    assert find_dataset("lits").key == "lits"
