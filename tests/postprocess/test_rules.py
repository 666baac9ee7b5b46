from dataclasses import replace

import pytest
from own_structures import LESION, PAIR, included

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.postprocess.rules import RULES, Rule, parse_rules, stricter


def test_every_structure_has_its_rule():
    assert set(RULES) == set(STRUCTURES.keys)


def test_left_and_right_are_treated_alike():
    for structure in STRUCTURES:
        if structure.pair:
            assert RULES[structure.key] == RULES[structure.pair]


@pytest.mark.parametrize("key", ["colon", "small_bowel", "portal_splenic_vein", "hepatic_vessel", "oesophagus"])
def test_what_may_lie_in_pieces_keeps_them(key):
    assert RULES[key].keep is None


def test_lesions_are_never_reduced_to_the_largest():
    assert all(RULES[s.key].keep is None for s in STRUCTURES if s.kind in ("tumour", "cyst"))


def test_no_lesion_as_small_as_is_plausible_is_removed_by_size():
    for structure in STRUCTURES:
        assert RULES[structure.key].minimum_ml <= structure.volume_ml[0]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[livre]\nkeep = 1", "unknown structure 'livre'"),
        ("[liver]\nkep = 1", "liver: unknown rule kep"),
        ("[liver]\nkeep = 0", "limit below"),
        ("[liver]\nholes_ml = -1.0", "limit below"),
        ("[liver]\nnear_mm = 3.0", "liver has no host"),
        ("[spleen]\nsides = true", "its pair has none"),
        ("[left_lung]\nsides = true", "its pair has none"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(text, match):
    with pytest.raises(UsageError, match=match):
        parse_rules(text)


def test_the_default_rule_does_nothing():
    assert parse_rules("[liver]")["liver"] == Rule()


def test_structures_of_a_user_are_cleaned_by_their_kind(tmp_path):
    included(tmp_path)
    assert set(RULES) == set(STRUCTURES.keys)
    right, left = (RULES[key] for key in PAIR)
    assert right == Rule(minimum_ml=5.0, holes_ml=5.0, sides=True, trunk=False)
    assert left.minimum_ml < 1e-3  # nothing is known of its size
    assert RULES[LESION] == Rule(minimum_ml=0.001, near_mm=15.0, trunk=False)
    assert RULES["vertebra_L1"].sides is False
    assert RULES["liver"].trunk


def test_weights_can_ask_for_more_than_the_rules_and_never_for_less():
    changed = stricter({"liver_tumour": 2.0, "liver": 0.001})
    assert changed["liver_tumour"] == replace(RULES["liver_tumour"], minimum_ml=2.0)
    assert changed["liver"] == RULES["liver"]
    assert {key: rule for key, rule in changed.items() if key != "liver_tumour"} == {
        key: RULES[key] for key in RULES if key != "liver_tumour"
    }
