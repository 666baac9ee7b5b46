from __future__ import annotations

from pathlib import Path

import pytest
from raw_folders import lay_out

from omentum.data.datasets.raw_case import find_cases
from omentum.data.datasets.recipe_catalogue import load_recipe
from omentum.errors import InputError


@pytest.fixture
def recipe(tmp_path):
    def recipe(layout: str = ""):
        path = tmp_path / "mine.toml"
        path.write_text(f'{layout}\n[values]\n1 = "liver"\n')
        return load_recipe(path)

    return recipe


@pytest.mark.parametrize(
    "names",
    [
        ("images/{}.nii.gz", "labels/{}.nii"),
        ("{}/image.nii.gz", "{}/label.nii.gz"),
        ("{}/ct.nii.gz", "{}/segmentation.nii.gz"),
        ("{}_image.nii.gz", "{}_label.nii.gz"),
    ],
)
def test_a_recipe_without_a_layout_finds_the_usual_ones(recipe, tmp_path, names):
    root = lay_out(tmp_path / "data", [name.format(case_id) for name in names for case_id in ("a", "b")])
    cases = find_cases(recipe(), root).cases
    assert [(case.id, case.image, case.labels[0]) for case in cases] == [
        (i, root / names[0].format(i), root / names[1].format(i)) for i in ("a", "b")
    ]


def test_natural_order_whatever_the_order_of_the_files(recipe, tmp_path):
    ids = ["10", "9", "2a", "2", "x10", "x9", "1"]
    root = lay_out(tmp_path / "data", [f"{kind}/{n}.nii.gz" for n in ids for kind in ("labels", "images")])
    assert [case.id for case in find_cases(recipe(), root).cases] == ["1", "2", "2a", "9", "10", "x9", "x10"]


def test_what_has_no_partner_is_reported(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["images/1.nii.gz", "labels/1.nii.gz", "images/3.nii.gz", "labels/2.nii.gz"])
    found = find_cases(recipe(), root)
    assert [case.id for case in found.cases] == ["1"]
    assert found.unpaired == (root / "labels/2.nii.gz", root / "images/3.nii.gz")


def test_hidden_and_foreign_files_are_not_seen(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["images/1.nii.gz", "labels/1.nii.gz", "images/._1.nii.gz", "labels/.2.nii.gz"])
    lay_out(root, ["images/1.nii.gz.part", "images/2.nii.txt", "images/3.nii/", ".cache/images/4.nii.gz"])
    found = find_cases(recipe(), root)
    assert [case.id for case in found.cases] == ["1"]
    assert found.unpaired == ()


def test_two_files_for_one_case_are_not_guessed_between(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["images/1.nii.gz", "images/1.nii", "labels/1.nii.gz"])
    lay_out(root, ["images/2.nii", "labels/2.nii"])
    found = find_cases(recipe(), root)
    assert [case.id for case in found.cases] == ["2"]
    assert "more than one file or folder is its image" in found.skipped["1"]
    assert str(root / "images/1.nii.gz") in found.skipped["1"]


def test_a_link_to_the_same_file_is_no_second_one(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["a/ct_1.nii.gz", "a/seg_1.nii.gz"])
    (root / "b").symlink_to(root / "a")
    layout = '[layout]\nimage = "**/ct_{id}.nii.gz"\nlabels = "**/seg_{id}.nii.gz"'
    found = find_cases(recipe(layout), root)
    assert [case.id for case in found.cases] == ["1"]
    assert found.skipped == {}


def test_a_link_that_leads_back_up_ends(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["a/ct_1.nii.gz", "a/seg_1.nii.gz"])
    (root / "a/up").symlink_to(root)
    layout = '[layout]\nimage = "**/ct_{id}.nii.gz"\nlabels = "**/seg_{id}.nii.gz"'
    assert [case.image for case in find_cases(recipe(layout), root).cases] == [root / "a/ct_1.nii.gz"]


def test_a_linked_folder_is_followed(recipe, tmp_path):
    lay_out(tmp_path / "elsewhere", ["images/1.nii.gz", "labels/1.nii.gz"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/set").symlink_to(tmp_path / "elsewhere")
    layout = '[layout]\nimage = "**/images/{id}.nii.gz"\nlabels = "**/labels/{id}.nii.gz"'
    assert len(find_cases(recipe(layout), tmp_path / "data").cases) == 1


@pytest.mark.parametrize(
    ("image", "labels", "files"),
    [
        ("{id}_0000.nii.gz", "{id}.nii.gz", ("p1_0000.nii.gz", "p1.nii.gz")),
        ("{id}.nii.gz", "{id}_seg.nii.gz", ("p1.nii.gz", "p1_seg.nii.gz")),
        ("**/{id}.nii.gz", "**/truth/{id}.nii.gz", ("ct/p1.nii.gz", "truth/p1.nii.gz")),
    ],
)
def test_a_file_that_fits_both_globs_belongs_to_the_one_that_says_more(recipe, tmp_path, image, labels, files):
    root = lay_out(tmp_path / "data", files)
    found = find_cases(recipe(f'[layout]\nimage = "{image}"\nlabels = "{labels}"'), root)
    assert [(c.id, c.image.name, c.labels[0].name) for c in found.cases] == [("p1", *(Path(f).name for f in files))]
    assert found.unpaired == ()


def test_an_id_that_stands_twice_is_the_same_one(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["p1/p1_ct.nii.gz", "p1/seg.nii.gz", "p1/p2_ct.nii.gz"])
    layout = '[layout]\nimage = "{id}/{id}_ct.nii.gz"\nlabels = "{id}/seg.nii.gz"'
    assert [case.image.name for case in find_cases(recipe(layout), root).cases] == ["p1_ct.nii.gz"]


def test_names_are_safe_and_distinct(recipe, tmp_path):
    ids = ["a b", "a%20b", "ä", "a:b"]
    root = lay_out(tmp_path / "data", [f"{kind}/{n}.nii.gz" for n in ids for kind in ("labels", "images")])
    names = [case.name for case in find_cases(recipe(), root).cases]
    assert len(set(names)) == 4
    assert all(name.isascii() and not set(name) & set(' :/\\"') for name in names)


def test_nothing_found_says_where_was_looked(recipe, tmp_path):
    root = lay_out(tmp_path / "data", ["scans/1.nii.gz", "truth/2.nii.gz"])
    layout = '[layout]\nimage = "scans/{id}.nii.gz"\nlabels = "truth/{id}_seg.nii.gz"'
    with pytest.raises(InputError) as fault:
        find_cases(recipe(layout), root)
    assert str(fault.value) == (
        f"{root}: no case of 'mine' in it: looked for scans/{{id}}.nii.gz (1 found) "
        "with truth/{id}_seg.nii.gz (0 found)"
    )


def test_a_root_that_is_no_folder(recipe, tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        find_cases(recipe(), tmp_path / "none")
