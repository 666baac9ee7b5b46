"""The table of structures is consistent, and every name finds its row."""

import pytest

from omentum.anatomy import GROUPS, STRUCTURES
from omentum.anatomy.prompts import prompt, published_prompt, template_of
from omentum.anatomy.structure import normalise
from omentum.errors import UsageError


def test_the_template_is_complete():
    assert [s.index for s in STRUCTURES] == list(range(1, 33))
    assert sum(s.kind in ("tumour", "cyst") for s in STRUCTURES) == 7
    assert STRUCTURES.at(6).key == "liver"
    with pytest.raises(UsageError, match="run from 1 to 32"):
        STRUCTURES.at(33)


def test_no_name_means_two_structures():
    owner: dict[str, str] = {}
    for row in STRUCTURES:
        for name in (row.key, row.display, row.noun, row.published_noun, *row.synonyms):
            assert owner.setdefault(normalise(name), row.key) == row.key, name


@pytest.mark.parametrize("row", STRUCTURES, ids=lambda row: row.key)
def test_a_row_is_sound(row):
    assert all(host in STRUCTURES for host in row.hosts)
    assert bool(row.side) == bool(row.pair)
    if row.pair:
        assert STRUCTURES[row.pair].pair == row.key
        assert {row.side, STRUCTURES[row.pair].side} == {"left", "right"}
    assert all(0 <= channel <= 255 for channel in row.colour)
    assert 0 <= row.volume_ml[0] < row.volume_ml[1]
    assert all(row.paint > STRUCTURES[host].paint for host in row.hosts)
    assert row.snomed.code.isdigit()


def test_colours_tell_structures_apart():
    assert len({row.colour for row in STRUCTURES}) == len(STRUCTURES)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Liver Tumor", "liver_tumour"),
        ("esophagus", "oesophagus"),
        ("kidney-right", "right_kidney"),
        ("  POSTCAVA ", "inferior_vena_cava"),
        ("Celiac Truck", "coeliac_trunk"),
        ("Gall Bladder", "gallbladder"),
    ],
)
def test_people_spell_differently(said, meant):
    assert STRUCTURES.find(said).key == meant


def test_a_misspelt_name_is_answered_with_the_likely_one():
    with pytest.raises(UsageError, match=r"unknown structure 'splean' .did you mean 'spleen'"):
        STRUCTURES.find("splean")
    with pytest.raises(UsageError, match="omentum classes"):
        STRUCTURES.find("xyzzy")


def test_plurals_mean_several():
    assert [row.key for row in STRUCTURES.expand("Kidneys")] == ["right_kidney", "left_kidney"]
    assert [row.key for row in STRUCTURES.expand("liver")] == ["liver"]
    assert all(key in STRUCTURES for keys in GROUPS.values() for key in keys)


def test_lesions_are_tumours_and_cysts():
    assert {row.kind for row in STRUCTURES if row.is_lesion} == {"tumour", "cyst"}
    assert {row.kind for row in STRUCTURES if not row.is_lesion} == {"organ", "vessel"}


def test_prompts_keep_published_spelling_apart():
    assert prompt(STRUCTURES["aorta"]) == "A computerized tomography of a aorta"
    assert published_prompt(STRUCTURES["aorta"]) == "A computerized tomography of a Arota"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("A CT of {organ} and {noun}", r"has the field '\{organ\}', which nothing fills \(the only one is \{noun\} or"),
        ("A CT of {noun} {}", r"has the field '\{\}'"),
        ("A CT of {{noun}}", r"has the field '\{\}'"),
        ("A CT of {noun", "has no place for the structure"),
        ("A CT of [CLS] {", r"has the field '\{'"),
        ("{noun} {noun}", "has no place for the structure"),
    ],
)
def test_a_prompt_with_a_field_that_nothing_fills_is_refused(template, message):
    with pytest.raises(UsageError, match=message):
        template_of(template)
    assert template_of("A CT of [CLS]") == "A CT of {noun}"
