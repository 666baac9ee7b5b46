from __future__ import annotations

import pickle

import pytest
from own_structures import included

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, UsageError
from omentum.evaluate.metrics.rules import Rules
from omentum.evaluate.metrics.tolerances import load_tolerances, packaged_tolerances


def test_every_structure_has_a_tolerance_and_a_source():
    table = packaged_tolerances()
    assert set(table) == set(STRUCTURES.keys)
    assert all(0.5 <= row.mm <= 10 and row.source for row in table.values())


def test_sides_of_a_pair_are_judged_alike():
    table = packaged_tolerances()
    assert all(table[row.key].mm == table[row.pair].mm for row in STRUCTURES if row.pair)


def test_one_number_is_for_all():
    assert {row.mm for row in load_tolerances("3").values()} == {3.0}


def test_a_file_changes_what_it_names_by_any_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('"Liver" = 1\nesophagus = 2.5\n')
    found = load_tolerances(path)
    assert (found["liver"].mm, found["oesophagus"].mm, found["liver"].source) == (1.0, 2.5, "mine.toml")
    assert found["spleen"] == packaged_tolerances()["spleen"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("liver = -1", InputError, "-1 is no tolerance"),
        ("liver = true", InputError, "True is no tolerance"),
        ("liver = nan", InputError, "nan is no tolerance"),
        ("livver = 1", UsageError, "did you mean 'liver'"),
        ("liver", InputError, "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(tmp_path, text, error, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(error, match=message) as fault:
        load_tolerances(path)
    assert fault.value.source == path


@pytest.mark.parametrize("number", ["0", "-2", "inf", "nan"])
def test_a_number_must_be_a_distance(number):
    with pytest.raises(InputError, match="no tolerance"):
        load_tolerances(number)


def test_a_missing_file_says_what_is_wanted(tmp_path):
    with pytest.raises(InputError, match=r"liver = 3\.0"):
        load_tolerances(tmp_path / "none.toml")


def test_a_structure_of_a_user_has_a_tolerance_too(tmp_path):
    included(tmp_path)
    assert Rules().tolerances["vertebra_L1"].mm == 3.0
    assert Rules(load_tolerances("1.5")).tolerances["vertebra_L1"].mm == 1.5
    (tmp_path / "mine.toml").write_text("vertebra_L1 = 2\n")
    assert Rules(load_tolerances(tmp_path / "mine.toml")).tolerances["vertebra_L1"].mm == 2.0


def test_a_table_goes_to_another_process_whole():
    copy = pickle.loads(pickle.dumps(load_tolerances("1.5")))
    assert copy["anything"].mm == copy["liver"].mm == 1.5
