"""Rules of the vocabulary, where a mistake would give a user the wrong anatomy."""

import pytest

from omentum.anatomy import STRUCTURES
from omentum.anatomy.vocabulary import How, explain_phrase, explain_words, split_phrases

KIDNEYS = ("right_kidney", "left_kidney")


def keys(phrase):
    return explain_phrase(phrase).structures


@pytest.mark.parametrize("row", STRUCTURES, ids=lambda row: row.key)
def test_a_key_and_a_display_name_are_exact(row):
    for name in (row.key, row.display, row.display.upper(), f" {row.key} "):
        found = explain_phrase(name)
        assert (found.structures, found.how) == ((row.key,), How.EXACT), name


@pytest.mark.parametrize("row", STRUCTURES, ids=lambda row: row.key)
def test_every_name_of_the_table_means_its_structure(row):
    collective = {"veins"}  # also what a file calls the portal vein; in words it is all veins
    for name in {*row.names} - collective:
        assert row.key in keys(name), name
        assert len(keys(name)) == 1 or row.pair in keys(name), name


@pytest.mark.parametrize(
    ("phrase", "how"),
    [
        ("liver", How.EXACT),
        ("the liver", How.EXACT),
        ("kidney left", How.SYNONYM),
        ("postcava", How.SYNONYM),
        ("10200004", How.SYNONYM),
        ("kidneys", How.GROUP),
        ("all organs", How.GROUP),
        ("linke Niere", How.LANGUAGE),
        ("Nieren", How.LANGUAGE),
        ("ren sinister", How.LANGUAGE),
        ("livr", How.SPELLING),
        ("renal artery", How.REFUSED),
        ("liver, postcava", How.SYNONYM),
        ("liver and Milz", How.LANGUAGE),
    ],
)
def test_how_it_was_understood(phrase, how):
    assert explain_phrase(phrase).how is how


@pytest.mark.parametrize("pair", ["kidney", "lung", "adrenal gland", "femoral head"])
@pytest.mark.parametrize(
    "form",
    [
        "{side} {noun}",
        "{noun} {side}",
        "{noun}, {side}",
        "{noun} ({side})",
        "{letter} {noun}",
        "{noun}_{letter}",
        "the {noun} on the {side}",
        "{side}-sided {noun}",
        "{SIDE} {noun}s",
        "{noun}_{side}.nii.gz",
    ],
)
def test_a_side_is_kept_however_it_is_written(pair, form):
    for side in ("left", "right"):
        phrase = form.format(side=side, noun=pair, letter=side[0], SIDE=side.upper())
        found = keys(phrase)
        assert [STRUCTURES[key].side for key in found] == [side], phrase
        assert {STRUCTURES[key].pair for key in keys(pair)} >= set(found)


@pytest.mark.parametrize(
    "phrase", ["lift kidney", "rigth kidney", "lef kidney", "kidney lefft", "richt lung", "leftt lung"]
)
def test_a_side_is_never_corrected(phrase):
    assert keys(phrase) == ()


@pytest.mark.parametrize("phrase", ["left liver", "both livers", "left right kidney", "right aorta", "left bladder"])
def test_a_side_that_there_is_not_is_refused(phrase):
    assert keys(phrase) == ()


@pytest.mark.parametrize("phrase", ["kidney on the left side of the image", "lung left of the picture"])
def test_a_side_of_the_image_is_not_one_of_the_patient(phrase):
    found = explain_phrase(phrase)
    assert not found.structures
    assert "side of the image" in found.reason
    assert explain_phrase("left kidney in this CT image").structures == ("left_kidney",)


def test_a_lesion_whose_class_has_no_side_says_so():
    found = explain_phrase("left kidney tumour")
    assert found.structures == ("kidney_tumour",)
    assert "no side" in " ".join(found.notes)
    assert keys("left liver tumour") == ()


@pytest.mark.parametrize(
    ("phrase", "meant"),
    [
        ("left and right kidney", KIDNEYS),
        ("kidney left and right", KIDNEYS),
        ("both kidneys and the liver", (*KIDNEYS, "liver")),
        ("liver, portal vein and splenic vein", ("liver", "portal_splenic_vein")),
        ("kidney tumor and cyst", ("kidney_tumour", "kidney_cyst")),
        ("both kidneys except the left one", ()),
        ("kidneys except the left kidney", ("right_kidney",)),
        ("great vessels except the aorta", ("inferior_vena_cava",)),
        ("urinary tract without kidneys, bladder", ()),
        ("bowel except liver", ()),
        ("liver except spleen", ()),
        ("except the liver", ()),
        ("all organs except", ()),
        ("liver and", ("liver",)),
        ("and", ()),
        ("liver spleen", ()),
        ("no liver", ()),
        ("not kidneys", ()),
        ("liver or spleen", ()),
        ("colorectal cancer", ()),
        ("neuroendocrine tumour", ()),
        ("left hand and liver", ()),
        ("hand and liver", ()),
        ("renal parenchyma", KIDNEYS),
        ("malignant liver masses", ("liver_tumour",)),
    ],
)
def test_lists_and_exclusions(phrase, meant):
    assert set(keys(phrase)) == set(meant)


@pytest.mark.parametrize(
    "phrase",
    ["liver and kidney tumours", "spleen and liver lesions", "left lung and kidney", "tumours of the liver and lungs"],
)
def test_what_can_be_read_in_two_ways_is_refused_with_a_reason(phrase):
    found = explain_phrase(phrase)
    assert not found
    assert "may" in found.reason


@pytest.mark.parametrize("organ", ["spleen", "stomach", "bladder", "adrenal", "gallbladder", "brain", "bone"])
@pytest.mark.parametrize("lesion", ["tumour", "cancer", "metastasis", "cyst"])
def test_a_lesion_without_a_class_is_not_the_organ(organ, lesion):
    for phrase in (f"{organ} {lesion}", f"{lesion} of the {organ}"):
        assert keys(phrase) == (), phrase


@pytest.mark.parametrize("organ", ["liver", "kidney", "pancreas", "aorta", "lung", "colon", "stomach", "prostate"])
@pytest.mark.parametrize(
    "more",
    ["artery", "vein thrombosis", "stone", "wall", "segment", "lobe", "biopsy", "stent", "near", "transplant", "fat"],
)
def test_a_word_that_is_not_understood_refuses_the_whole_phrase(organ, more):
    for phrase in (f"{organ} {more}", f"{more} {organ}"):
        if more != "segment" or phrase.startswith(organ):  # "segment liver" is a request
            assert keys(phrase) == (), phrase


@pytest.mark.parametrize(
    "phrase", ["", "   ", "\t\n", "?!", ",", "left", "x" * 5000, "the of", "\u0000", "🫁", "肝硬化"]
)
def test_what_is_no_phrase_is_refused(phrase):
    found = explain_phrase(phrase)
    assert not found
    assert found.query == phrase
    assert found.reason
    assert "\n" not in str(found)


@pytest.mark.parametrize(
    "word", ["river", "lover", "hart", "colony", "gangster", "lounge", "lesson", "master", "rectus"]
)
def test_an_ordinary_word_is_not_corrected_to_an_organ(word):
    assert keys(word) == ()


@pytest.mark.parametrize("phrase", ["hepatic vein", "vena cava superior", "renal artery", "splenic artery", "portal"])
def test_a_neighbour_is_not_even_suggested(phrase):
    assert explain_phrase(phrase).suggestions == ()


@pytest.mark.parametrize(
    ("phrase", "whole"),
    [
        ("sigmoid colon", "colon"),
        ("head of the pancreas", "pancreas"),
        ("liver segment", "liver"),
        ("stomach wall", "stomach"),
    ],
)
def test_for_a_part_the_whole_is_suggested(phrase, whole):
    assert explain_phrase(phrase).suggestions == (whole,)


def test_unicode_is_compared_by_its_meaning():
    assert keys("Zwo\u0308lffingerdarm") == keys("Zwölffingerdarm") == keys("ZWOELFFINGERDARM") == ("duodenum",)
    assert keys("ｌｉｖｅｒ") == keys("肝臟") == keys("肝脏") == ("liver",)
    assert keys("œsophage") == keys("oesophage") == ("oesophagus",)


def test_commas_separate_phrases_unless_something_is_excluded():
    assert split_phrases("liver, both kidneys,, ") == ("liver", "both kidneys")
    assert split_phrases("all organs except liver, spleen") == ("all organs except liver, spleen",)
    assert split_phrases("kidney, left") == ("kidney, left",)
    assert [one.structures for one in explain_words("liver, heart")] == [("liver",), ()]


def test_groups_follow_the_table():
    organs = tuple(row.key for row in STRUCTURES if row.kind == "organ")
    assert keys("all organs") == organs
    assert keys("everything") == STRUCTURES.keys
    assert explain_phrase("all organs").collective == organs
    assert explain_phrase("kidneys").collective == ()


def test_the_nearest_name_is_a_last_resort_and_says_its_distance():
    asked = []

    def nearest(phrase):
        asked.append(phrase)
        return ("spleen",), 0.12

    found = explain_phrase("sanguinary filtration body-part", nearest)
    assert asked == []  # "body" is known to be something else
    found = explain_phrase("sanguinary filtration thing", nearest)
    assert (found.structures, found.how, found.distance) == (("spleen",), How.NEAREST, 0.12)
    assert "0.12" in str(found)
    for phrase in ("near the liver", "no sanguinary thing", "renal artery", "liver", "livr", "xyzzy"):
        assert explain_phrase(phrase, nearest).how is not How.NEAREST
    assert asked == ["sanguinary filtration thing"]
