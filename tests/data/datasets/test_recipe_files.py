"""Recipes that users write: what is read, what is found, and what is said of mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.data.datasets.recipe_catalogue import (
    CaseRule,
    FileLayout,
    Target,
    bundled_recipes,
    find_recipe,
    load_recipe,
)
from omentum.errors import InputError, UsageError

GOOD = """
[layout]
image = "img/{id}.nii.gz"
labels = "lab/{id}.nii.gz"
[values]
1 = "liver"
2 = ["Liver", "hepatic tumor"]
3 = "kidney"
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "mine.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_small_recipe(write):
    recipe = load_recipe(write(GOOD))
    assert recipe.key == recipe.title == "mine"
    assert recipe.patient_of("a") == "mine-a"
    assert recipe.layout == (FileLayout("img/{id}.nii.gz", "nifti", "lab/{id}.nii.gz", "map"),)
    assert recipe.values[2] == Target(frozenset({"liver", "liver_tumour"}))
    assert recipe.values[3] == Target(frozenset(), frozenset({"kidneys"}))
    assert recipe.annotated == {"liver", "liver_tumour", "right_kidney", "left_kidney"}


def test_healthy_of_all_cases_and_of_some(write):
    recipe = load_recipe(
        write('healthy = "lung tumour"\n' + GOOD + '[[rules]]\nids = "1-5"\nhealthy = "pancreas tumour"\n')
    )
    assert recipe.healthy_in("7") == {"lung_tumour"}
    assert recipe.healthy_in("3") == {"lung_tumour", "pancreas_tumour"}
    assert recipe.annotated_in("3") == recipe.annotated


def test_rules_together_leave_what_all_of_them_leave(write):
    rules = '[[rules]]\nids = "1-5"\nannotated = ["liver", "kidneys"]\n[[rules]]\nids = 5\nannotated = "kidneys"\n'
    recipe = load_recipe(write(GOOD + rules))
    assert recipe.annotated_in("4") == {"liver", "right_kidney", "left_kidney"}
    assert recipe.annotated_in("5") == {"right_kidney", "left_kidney"}
    assert recipe.annotated_in("6") == recipe.annotated


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 =", "no valid TOML"),
        ('[values]\n1 = "liver"\n1 = "spleen"', "no valid TOML"),
        ('[values]\n1 = "liver"\n01 = "spleen"', r"the same number twice"),
        ('[values]\n1 = "livr"', r"values\.1: unknown structure 'livr' \(did you mean 'liver'\?\)"),
        ('[values]\n1 = "bowel"', r"values\.1: 'bowel' is 2 structures \(name one of colon, small_bowel\)"),
        ('[values]\n1 = ""', r"values\.1 has no meaning"),
        ("[values]\n1 = []", r"values\.1 has no meaning"),
        ("[values]\n1 = 7", r"values\.1: 7 is not a text"),
        ('[values]\n0 = "liver"', "0 is background"),
        ('[values]\none = "liver"', "'one' is no label value"),
        ("values = 3", "values is not a table"),
        ("", r"\[values\] is missing or empty"),
        ('healthy = "spleen"\n' + GOOD, "healthy names spleen, which is no lesion"),
        ('healthy = "liver tumour"\n' + GOOD, "healthy names liver_tumour, which the labels tell already"),
        (GOOD + '[[rules]]\nids = 1\nhealthy = "liver tumour"\n', r"rules\[1\].healthy names liver_tumour, which"),
        ('licens = "x"\n' + GOOD, r"unknown field licens \(did you mean 'licence'\?\)"),
        ('zzz = "x"\n' + GOOD, r"unknown field zzz \(known are title"),
        ("licence = 4\n" + GOOD, "licence is not a text in quotes, but 4"),
        ("cases = -1\n" + GOOD, "cases is not a number of cases, but -1"),
        ("ignored = [3]\n" + GOOD, "3 has a meaning and is ignored too"),
        ("ignored = [0]\n" + GOOD, "ignored names 0"),
        ("ignored = [true]\n" + GOOD, "ignored: True is not"),
        ('uncertain = { 3 = "a lesion" }\n' + GOOD, "3 has a meaning and is uncertain too"),
        ('ignored = [9]\nuncertain = { 9 = "a lesion" }\n' + GOOD, "9 has a meaning and is ignored too"),
        ("not_annotated = [3]\n" + GOOD, "3 has a meaning and is not_annotated too"),
        ("not_annotated = [0]\n" + GOOD, "not_annotated names 0, which is background"),
        ('not_annotated = ["x"]\n' + GOOD, "not_annotated: 'x' is not a whole number"),
        ("ignored = [-1]\nnot_annotated = -1\n" + GOOD, "-1 has a meaning and is ignored too"),
        ("hu_offset = 1e9\n" + GOOD, "hu_offset is a whole number of HU within"),
        ("hu_offset = -100000\n" + GOOD, "hu_offset is a whole number of HU within"),
        ('uncertain = { 9 = "" }\n' + GOOD, r"uncertain\.9 does not say what it is"),
        ('uncertain = { "les*" = "a lesion" }\n' + GOOD, r"no layout has labels that \[masks\] is for"),
        ('annotated = ["spleen"]\n' + GOOD, "annotated names spleen, but no value or mask gives it"),
        ("annotated = []\n" + GOOD, "nothing is annotated"),
        ('annotated = ["spleeen"]\n' + GOOD, "annotated: unknown structure 'spleeen'.*did you mean 'spleen'"),
        ('annotated = "liver"\nannotated_if_present = "kidneys"\n' + GOOD, "annotated_if_present names right_kidney"),
        ('[values]\n1 = "liver"\n2 = "liver tumour"', r'values\.2: a liver tumour is part of the liver.*"liver", "l'),
        ('[values]\n1 = "kidneys"\n2 = "kidney cyst"', r'values\.2: a kidney cyst is part of the kidneys'),
        ('patient = "one"\n' + GOOD, r'patient = \'one\' \(write "lits-\{id\}"'),
        ('patient = "{name}-{id}"\n' + GOOD, "patient = "),
        (GOOD.replace('image = "img/{id}.nii.gz"', ""), "layout.image is missing"),
        (GOOD.replace("img/{id}", "img/"), r"layout.image = .* has no \{id\}"),
        (GOOD.replace("img/{id}", "{img,im}/{id}"), r"\{id\} is the only thing in braces"),
        (GOOD.replace("img/{id}", "/data/{id}"), "leaves the dataset's folder"),
        (GOOD.replace("img/{id}", "../{id}"), "leaves the dataset's folder"),
        (GOOD.replace("img/{id}", "img**/{id}"), r"\*\* stands alone"),
        (GOOD.replace("[values]", 'image_kind = "nrrd"\n[values]'), "image_kind = 'nrrd' is none of nifti, dicom"),
        (GOOD.replace("[values]", 'kind = "nifti"\n[values]'), "unknown field layout.kind"),
        (GOOD.replace("[values]", 'label_kind = "masks"\n[values]'), r"\[masks\] is missing or empty"),
        (GOOD + '[masks]\nliver = "liver"\n', r"no layout has labels that \[masks\] is for"),
        (GOOD + '[[rules]]\nids = "1-3"\n', r"rules\[1\] needs ids and one of"),
        (GOOD + "[[rules]]\nids = 1\nannotated = []\n", r"rules\[1\]: nothing is annotated \(to leave.*write skip"),
        (GOOD + '[[rules]]\nskip = "bad"\n', r"rules\[1\] needs ids and one of"),
        (GOOD + '[[rules]]\nids = 1\nskpi = "bad"\n', r"unknown field rules\[1\].skpi \(did you mean 'skip'"),
        (GOOD + '[[rules]]\nids = 1\nannotated = ["spleen"]\n', r"rules\[1\].annotated names spleen, but the recipe's"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_remedy(write, text, message):
    path = write(text)
    with pytest.raises(InputError, match=message) as fault:
        load_recipe(path)
    assert fault.value.source == path


def test_a_recipe_is_found_by_key_file_or_folder(write, tmp_path):
    assert find_recipe("lits") is bundled_recipes()["lits"]
    assert find_recipe(write(GOOD)).key == "mine"
    write(GOOD, "recipe.toml")
    assert find_recipe(tmp_path).key == tmp_path.name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("litz", r"unknown dataset 'litz' \(did you mean 'lits'\?\)"),
        ("zzzzzz", "unknown dataset 'zzzzzz' .*omentum data list"),
        ("none.toml", "no such recipe"),
        (".", "says nowhere what it holds"),
    ],
)
def test_an_unknown_dataset_says_what_was_meant(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((InputError, UsageError), match=message):
        find_recipe(name)


def test_a_template_that_counts_needs_a_number(write):
    recipe = load_recipe(write('patient = "lits-{id+27}"\n' + GOOD))
    assert recipe.patient_of("001") == "lits-28"
    with pytest.raises(InputError, match=r"'a' is no number, but patient = 'lits-\{id\+27\}' counts"):
        recipe.patient_of("a")


def test_the_first_mask_pattern_that_fits_counts(write):
    layout = '[layout]\nimage = "{id}/ct.nii"\nlabels = "{id}/masks"\nlabel_kind = "masks"\n'
    text = layout + '[masks]\n"liver_*" = ["liver", "liver tumour"]\n"l*" = "liver"\n'
    recipe = load_recipe(write('ignored = ["liver_cyst*"]\n' + text))
    assert recipe.mask_target("Liver_Lesion3").gives == {"liver", "liver_tumour"}
    assert recipe.mask_target("left_lobe").gives == {"liver"}
    assert recipe.mask_target("liver_cyst1") is None


def test_a_file_from_windows_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert len(load_recipe(path).values) == 3


@given(first=st.integers(0, 9999), length=st.integers(0, 99), number=st.integers(0, 9999), digits=st.integers(1, 6))
def test_a_range_holds_what_lies_between_its_ends(first, length, number, digits):
    last = first + length
    inside = first <= number <= last
    assert CaseRule((f"{first}-{last}",)).covers(f"{number:0{digits}d}") is inside
    assert CaseRule((f"{first}-",)).covers(f"{number:0{digits}d}") is (first <= number)
