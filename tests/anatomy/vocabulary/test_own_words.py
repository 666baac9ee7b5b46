"""Own structures in the vocabulary: their names count, and win over packaged words."""

import pytest

from omentum.anatomy import STRUCTURES, include_structures
from omentum.anatomy.vocabulary import How, explain_phrase

OWN = """
[vertebra_L1]
noun = "first lumbar vertebra"
synonyms = ["vertebrae_L1", "L1"]

[gluteus_maximus_left]
side = "left"
pair = "gluteus_maximus_right"

[gluteus_maximus_right]
side = "right"
pair = "gluteus_maximus_left"

[gluteus_sarcoma]
kind = "tumour"
hosts = ["gluteus_maximus_left", "gluteus_maximus_right"]

[heart]
synonyms = ["Herz"]

[abdominal_aorta]
kind = "vessel"

[left_atrial_appendage]
synonyms = ["atrial_appendage_left"]
"""


@pytest.fixture(autouse=True)
def own(tmp_path):
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    include_structures(tmp_path / "own.toml")
    yield
    STRUCTURES.reset()


@pytest.mark.parametrize(
    ("phrase", "meant"),
    [
        ("vertebra L1", ["vertebra_L1"]),
        ("vertebrae_L1", ["vertebra_L1"]),
        ("first lumbar vertebra", ["vertebra_L1"]),
        ("gluteus maximus", ["gluteus_maximus_right", "gluteus_maximus_left"]),
        ("left gluteus maximus", ["gluteus_maximus_left"]),
        ("gluteus maximus l", ["gluteus_maximus_left"]),
        ("gluteus sarcoma", ["gluteus_sarcoma"]),
        ("tumour of the gluteus maximus", ["gluteus_sarcoma"]),
        ("heart and liver", ["heart", "liver"]),
        ("Herz", ["heart"]),
        ("vertebra L2", []),
        ("atrial appendage left", ["left_atrial_appendage"]),
        ("left atrial appendage", ["left_atrial_appendage"]),
        ("right atrial appendage", []),
        ("atrial appendage", []),
    ],
)
def test_their_names_are_understood(phrase, meant):
    assert sorted(explain_phrase(phrase).structures) == sorted(meant)


def test_they_win_over_a_packaged_word_and_say_so():
    found = explain_phrase("abdominal aorta")
    assert (found.structures, found.how) == (("abdominal_aorta",), How.EXACT)
    assert "aorta" in " ".join(found.notes)
    assert explain_phrase("aorta").structures == ("aorta",)


def test_they_belong_to_the_groups_of_their_kind():
    assert "gluteus_sarcoma" in explain_phrase("all tumours").structures
    assert "heart" in explain_phrase("all organs").structures
    STRUCTURES.reset()
    assert "heart" not in explain_phrase("all organs").structures
    assert not explain_phrase("heart")
