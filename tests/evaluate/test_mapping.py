from __future__ import annotations

import json

import pytest

from omentum.errors import InputError, UsageError
from omentum.evaluate import load_mapping


def test_totalsegmentator_is_packaged():
    mapping = load_mapping("totalsegmentator")
    assert mapping.labels[1] == ("spleen",)
    assert {mapping.labels[v] for v in (12, 13, 14)} == {("right_lung",)}
    assert set(mapping.labels[23]) == {"left_kidney", "kidney_cyst"}
    assert not {75, 76} & mapping.labels.keys()
    assert "rectum" in mapping.unions["colon"]
    assert not any("rectum" in keys for keys in mapping.labels.values())


def test_a_json_file_may_be_flat_and_use_synonyms(tmp_path):
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps({"1": "Spleen", "10": ["left lung"], "4": ["liver", "liver tumor"]}))
    assert load_mapping(path).labels == {1: ("spleen",), 10: ("left_lung",), 4: ("liver", "liver_tumour")}


def test_a_toml_file_may_declare_unions(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[labels]\n5 = "colon"\n[unions]\ncolon = "rectum"\n')
    assert load_mapping(path).unions == {"colon": ("rectum",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "not a table"),
        ("{}", "no table of label values"),
        ('{"one": "spleen"}', "'one' is no label value"),
        ('{"1": 5}', "5 is no structure name"),
        ('{"1": "spleen"', "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(tmp_path, text, message):
    path = tmp_path / "mapping.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as fault:
        load_mapping(path)
    assert fault.value.source == path


def test_an_unknown_structure_says_what_was_meant(tmp_path):
    path = tmp_path / "mapping.json"
    path.write_text('{"1": "spleeen"}')
    with pytest.raises(UsageError, match=r"mapping.json: unknown structure.*did you mean 'spleen'"):
        load_mapping(path)


def test_an_unknown_name_lists_what_is_packaged(tmp_path):
    with pytest.raises(InputError, match="totalsegmentator"):
        load_mapping(tmp_path / "none")


def test_a_bundled_recipe_is_a_mapping_by_its_key():
    lits = load_mapping("lits")
    assert lits.labels == {1: ("liver",), 2: ("liver", "liver_tumour")}
    assert (lits.name, lits.recipe.key, lits.joined) == ("lits", "lits", frozenset())
    kits = load_mapping("kits23")
    assert set(kits.labels[2]) == {"right_kidney", "left_kidney", "kidney_tumour"}
    assert kits.joined == {"kidneys"}
    assert load_mapping("flare23").unknown == {14}
    assert 14 not in load_mapping("flare23").labels
    with pytest.raises(UsageError, match="3d-ircadb-01: has masks and no numbers"):
        load_mapping("3d-ircadb-01")


def test_a_recipe_of_ones_own_is_a_mapping(tmp_path):
    text = '[values]\n1 = "kidneys"\n2 = ["kidneys", "kidney cyst"]\n'
    (tmp_path / "recipe.toml").write_text(text)
    (tmp_path / "other.toml").write_text(text)
    for path in (tmp_path, tmp_path / "other.toml"):
        assert set(load_mapping(path).labels[2]) == {"right_kidney", "left_kidney", "kidney_cyst"}
        assert load_mapping(path).joined == {"kidneys"}


def test_a_word_without_a_side_is_both(tmp_path):
    path = tmp_path / "mapping.json"
    path.write_text('{"1": "lungs", "2": "left kidney"}')
    mapping = load_mapping(path)
    assert mapping.labels == {1: ("right_lung", "left_lung"), 2: ("left_kidney",)}
    assert mapping.joined == {"lungs"}
