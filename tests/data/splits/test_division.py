from dataclasses import dataclass

import pytest

from omentum.data.splits.division import by_split, copies, drawn
from omentum.data.splits.split import Split, SplitCase
from omentum.errors import UsageError


@dataclass(frozen=True)
class Case:
    name: str
    dataset: str = ""
    patient: str = ""
    hashes: tuple[str, ...] = ()


def scan(name, slices=8):
    return tuple(f"{name}-{n}" for n in range(slices))


def cases(dataset, number):
    return [Case(f"{dataset}_{n}", dataset, f"{dataset}-{n}", scan(f"{dataset}{n}")) for n in range(number)]


def datasets_of(names):
    return sorted(name.partition("_")[0] for name in names)


def test_validation_is_drawn_from_all_datasets_in_turn():
    every = [*cases("lits", 30), *cases("lung", 10), *cases("word", 3)]
    assert datasets_of(drawn(every, 3).validation) == ["lits", "lung", "word"]
    assert datasets_of(drawn(every, 12).validation) == ["lits"] * 5 + ["lung"] * 4 + ["word"] * 3
    division = drawn(every, 12)
    assert division.train == {case.name for case in every} - division.validation
    assert drawn(every[::-1], 12) == division
    assert drawn(every, 0).train == {case.name for case in every}


def test_what_is_drawn_is_not_simply_the_last_by_name():
    chosen = {max(drawn(cases(f"set{n}", 20), 1).validation) for n in range(10)}
    assert len({name.partition("_")[2] for name in chosen}) > 4


@pytest.mark.parametrize("number", [1, 5, 10])
def test_patients_and_scans_are_on_one_side_only(number):
    """Two scans of each patient in one dataset, and the first of them again in another."""
    first = [Case(f"a_{n}", "a", f"p{n // 2}", scan(f"{n}")) for n in range(40)]
    again = [Case(f"b_{n}", "b", f"q{n}", scan(f"{n}")[:-3]) for n in range(0, 40, 4)]
    division = drawn([*first, *again], number)
    assert len(division.validation) == number

    def of_patient(names):
        return {int(name[2:]) // 2 for name in names}

    assert not of_patient(division.validation) & of_patient(division.train)


SPLIT = Split(
    {"test": ("a_0",), "fold-0": ("a_1", "b_0"), "fold-1": ("a_2", "b_1", "a_3")},
    {c.name: SplitCase(c.name, c.dataset, c.patient, hashes=c.hashes) for c in [*cases("a", 4), *cases("b", 2)]},
    source="s.json",
)


def test_a_split_decides_and_what_it_does_not_know_is_left_out():
    roles = SPLIT.roles(fold=0)
    division = by_split([*cases("a", 6), *cases("b", 2)], SPLIT, roles, 0, "store")
    assert (division.train, division.validation) == ({"a_2", "a_3", "b_1"}, {"a_1", "b_0"})
    assert division.unknown == 2
    assert len(by_split(cases("a", 6), SPLIT, SPLIT.roles(fold=1), 1, "store").validation) == 1


def test_a_collection_without_a_case_of_the_split_is_more_material():
    assert by_split(cases("c", 3), SPLIT, SPLIT.roles(fold=0), 0, "store").train == {"c_0", "c_1", "c_2"}
    numbered = Split({"fold-0": ("case_0",), "fold-1": ("case_1",)}, {"case_0": SplitCase("case_0", hashes=scan("x"))})
    others = [Case(f"case_{n}", hashes=scan(f"y{n}")) for n in range(2)]
    assert by_split(others[:1], numbered, numbered.roles(fold=0), 0, "folder").train == {"case_0"}


def test_a_name_that_stands_for_another_scan_is_refused():
    changed = [*cases("a", 3), Case("a_3", "a", "a-3", scan("new"))]
    with pytest.raises(UsageError, match=r"store: 'a_3' is another scan than the 'a_3' of the split s.json"):
        by_split(changed, SPLIT, SPLIT.roles(fold=0), 0, "store")
    renewed = [Case(c.name, "a", c.patient, scan(f"new{c.name}")) for c in cases("a", 3)]
    with pytest.raises(UsageError, match="is another scan"):  # names in stores are unique: the store was made anew
        by_split(renewed, SPLIT, SPLIT.roles(fold=0), 0, "store")


def test_copies_are_found_by_scan_and_by_patient():
    held = [Case("h", patient="ann", hashes=scan("1")), Case("i", hashes=scan("2"))]
    others = [
        Case("x", hashes=scan("3")),
        Case("y", hashes=scan("2")[1:7]),
        Case("z", patient="ann", hashes=scan("4")),
        Case("nothing known"),
    ]
    assert copies(held, others) == [(0, 2, 0), (1, 1, 6)]
    assert copies(held, others[:1]) == []
