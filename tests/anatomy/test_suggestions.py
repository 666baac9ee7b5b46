"""What is suggested for words that name no structure: the organ meant, all of it, and never another one."""

import pytest

from omentum.anatomy import STRUCTURES
from omentum.anatomy.suggestions import UnknownStructureError, slips
from omentum.errors import UsageError


def meant(word):
    with pytest.raises(UnknownStructureError) as fault:
        STRUCTURES.expand_all([word])
    return list(fault.value.meant[0])


@pytest.mark.parametrize(
    ("word", "keys"),
    [
        ("livre", ["liver"]),
        ("eosophagus", ["oesophagus"]),
        ("Splen", ["spleen"]),
        ("kidnys", ["kidneys"]),
        ("adrenal left", ["left_adrenal"]),
        ("adrenal", ["adrenals", "right_adrenal", "left_adrenal"]),
        ("lung", ["lungs", "right_lung", "left_lung"]),
        ("femur head", ["femoral heads", "left_femoral_head", "right_femoral_head"]),
        ("liver metastasis", ["liver_tumour", "hepatic_vessel_tumour"]),
        ("kidney cysts", ["kidney_cyst", "kidney_tumour"]),
        ("lung nodules", ["lung_tumour"]),
        ("portal vein", ["portal_splenic_vein"]),
        ("vena cava", ["inferior_vena_cava"]),
        ("colon cancr", ["colon_tumour"]),
        ("renal", ["right_kidney", "left_kidney", "kidney_tumour"]),
    ],
)
def test_what_was_probably_meant(word, keys):
    assert meant(word) == keys


@pytest.mark.parametrize("word", ["heart", "brain", "spine", "bone", "artery", "lug", "thyroid", "left", "", "x" * 500])
def test_what_is_none_of_them_is_not_taken_for_another(word):
    assert meant(word) == []


def test_a_lesion_of_an_organ_that_has_none_is_not_the_organ():
    assert meant("spleen metastasis") == []


def test_all_unknown_words_are_named_and_those_that_are_known_are_not():
    with pytest.raises(UsageError) as fault:
        STRUCTURES.expand_all(["liver", "livre", "heart", "kidneys", "splen"])
    assert str(fault.value) == (
        "unknown structures 'livre', 'heart', 'splen' "
        "('livre': did you mean 'liver'?; 'splen': did you mean 'spleen'?; see `omentum classes`)"
    )


def test_words_for_several_come_once_and_in_order():
    keys = [row.key for row in STRUCTURES.expand_all(["left kidney", "kidneys", "LIVER", "left_kidney"])]
    assert keys == ["left_kidney", "right_kidney", "liver"]


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [("liver", "liver", 0), ("livre", "liver", 1), ("lver", "liver", 1), ("heart", "hepar", 2), ("", "abc", 3)],
)
def test_slips_are_letters_wrong_missing_too_many_or_swapped(one, other, number):
    assert slips(one, other, 5) == slips(other, one, 5) == number


def test_many_slips_are_not_counted():
    assert slips("a", "b" * 1000, 2) == 3
