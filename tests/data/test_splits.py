import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.data.splits import split_groups
from omentum.errors import UsageError

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
