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
