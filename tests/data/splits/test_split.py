import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.data.splits.split import FOLDS, Split, SplitCase, split_groups
from omentum.errors import InputError, UsageError

GROUPS = [[f"a_{n}", f"b_{n}"] if n % 3 == 0 else [f"a_{n}"] for n in range(600)]


def test_groups_stay_together_and_shares_are_about_kept():
    parts = split_groups(GROUPS)
    where = {name: part for part, names in parts.items() for name in names}
    assert len(where) == sum(map(len, GROUPS))
    assert all(len({where[name] for name in group}) == 1 for group in GROUPS)
    groups_in = {part: len({name[2:] for name in names}) for part, names in parts.items()}
    assert groups_in == pytest.approx({"train": 480, "validation": 60, "test": 60}, abs=30)


@given(st.permutations(GROUPS[:30]))
def test_the_order_of_groups_does_not_matter(groups):
    assert split_groups(groups) == split_groups(GROUPS[:30])


def test_a_new_patient_moves_nobody():
    before, after = split_groups(GROUPS[:-1]), split_groups(GROUPS)
    assert all(set(before[part]) <= set(after[part]) for part in before)


def test_another_seed_is_another_split():
    assert split_groups(GROUPS, seed=1) != split_groups(GROUPS)


def test_shares_must_add_up():
    with pytest.raises(UsageError, match="add up"):
        split_groups(GROUPS, {"train": 0.5, "test": 0.4})


CASES = {n: SplitCase(n, "zoo", f"p{n}", {"liver_tumour": n < "c"}, (f"{n}1", "", f"{n}2")) for n in "abcdef"}
FOLDED = Split({"test": ("a",), "fold-0": ("b", "c"), "fold-1": ("d",), "fold-10": ("e", "f")}, CASES)
PLAIN = Split({"train": ("a", "b"), "validation": ("c",), "test": ("d",)})


def test_a_file_is_read_as_it_was_written(tmp_path):
    FOLDED.write(tmp_path / "s.json")
    read = Split.read(tmp_path / "s.json")
    assert (read.parts, read.cases, read.sha256) == (FOLDED.parts, FOLDED.cases, FOLDED.sha256)


def test_a_fold_is_validated_on_the_others_are_trained_on_and_the_test_part_is_neither():
    roles = FOLDED.roles(fold=0)
    assert (roles.train, roles.validation, roles.others) == ({"d", "e", "f"}, {"b", "c"}, {"a"})
    assert roles.held_out == {"a", "b", "c"}
    assert FOLDED.folds == ("fold-0", "fold-1", "fold-10")
    every = FOLDED.roles(part=FOLDS)
    assert (every.train, every.validation, every.others) == (set("bcdef"), set(), {"a"})


def test_a_plain_split_is_trained_on_by_its_parts():
    roles = PLAIN.roles()
    assert (roles.train, roles.validation, roles.others) == ({"a", "b"}, {"c"}, {"d"})
    assert PLAIN.roles(part="validation").train == {"c"}
    assert PLAIN.roles(part="validation").validation == set()


@pytest.mark.parametrize(
    ("split", "asked", "message"),
    [
        (FOLDED, {}, "has folds, and none is named"),
        (FOLDED, {"fold": 2}, "has no part 'fold-2' .it has test, fold-0, fold-1, fold-10, folds"),
        (PLAIN, {"fold": 0}, "has no fold 0"),
        (PLAIN, {"part": "test"}, "keeps its test part from every training"),
        (FOLDED, {"part": "test"}, "keeps its test part from every training"),
        (PLAIN, {"part": "folds"}, "has no part 'folds' .it has train, validation, test"),
    ],
)
def test_what_a_split_does_not_have_is_refused(split, asked, message):
    with pytest.raises(UsageError, match=message):
        split.roles(**asked)


def test_a_file_of_an_earlier_version_knows_names_only(tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"train": ["a"], "test": ["b"]}))
    read = Split.read(tmp_path / "s.json")
    assert (read.names("test"), read.cases) == (("b",), {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "is no split"),
        ("{", "is no split"),
        ('{"train": "a"}', "is no split"),
        ('{"format": 3, "parts": {}}', "of format 3, this version reads 2"),
        ('{"format": 2, "parts": {"test": ["a"]}, "cases": {"a": {}}}', "is no split"),
        ('{"train": ["a", "b"], "test": ["b"]}', "has 'b' twice"),
        ('{"parts": {"train": ["a", "b", "b"]}}', "has 'b' twice"),
    ],
)
def test_what_is_no_split_is_told_with_its_file(tmp_path, content, message):
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(InputError, match=rf"s.json: .*{message}"):
        Split.read(tmp_path / "s.json")


def test_the_hash_is_of_who_is_where_and_not_of_the_order():
    turned = Split({"fold-1": ("d",), "fold-10": ("f", "e"), "test": ("a",), "fold-0": ("c", "b")}, CASES)
    assert turned.sha256 == FOLDED.sha256
    moved = Split(FOLDED.parts | {"test": ("a", "d"), "fold-1": ()}, CASES)
    other = Split(FOLDED.parts, CASES | {"a": SplitCase("a", hashes=("x",))})
    assert len({FOLDED.sha256, moved.sha256, other.sha256}) == 3
