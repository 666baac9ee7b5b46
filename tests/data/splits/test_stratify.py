from collections import Counter

import numpy as np
import pytest

from omentum.data.splits.split import SplitCase
from omentum.data.splits.stratify import stratified
from omentum.errors import UsageError

SHARES = {"test": 0.2, **{f"fold-{k}": 0.16 for k in range(5)}}


def cases(seed=0, number=300):
    """Three datasets of unequal size, one lesion that is rare, one that is looked for in a single dataset."""
    rng = np.random.default_rng(seed)
    datasets = rng.choice(["big", "middle", "small"], number, p=[0.7, 0.2, 0.1])
    made = []
    for n, dataset in enumerate(datasets):
        lesions = {"liver_tumour": bool(rng.random() < 0.1)} if dataset != "small" else {}
        lesions |= {"lung_tumour": bool(rng.random() < 0.5)} if dataset == "middle" else {}
        made.append(SplitCase(f"{dataset}_{n}", str(dataset), f"p{n}", lesions))
    return made


def grouped(made, size):
    return [made[n : n + size] for n in range(0, len(made), size)]


def shares_of(parts, made, labels):
    """Part -> its share of the cases with each label."""
    by_name = {case.name: case for case in made}
    total = Counter(label for case in made for label in labels(case))
    return {
        part: {k: sum(k in labels(by_name[n]) for n in names) / of for k, of in total.items()}
        for part, names in parts.items()
    }


def labels(case):
    return [case.dataset, *((key, there) for key, there in case.lesions.items())]


@pytest.mark.parametrize("size", [1, 2])
def test_every_part_has_its_share_of_each_dataset_and_lesion(size):
    made = cases()
    parts = stratified(grouped(made, size), SHARES)
    assert sorted(n for names in parts.values() for n in names) == sorted(case.name for case in made)
    of = Counter(label for case in made for label in labels(case))
    for part, found in shares_of(parts, made, labels).items():
        for label, share in found.items():
            # As close as whole groups allow, and a few more: what is rarest is dealt out first.
            assert abs(share - SHARES[part]) * of[label] <= 2 * size + 0.5, (part, label)


def test_groups_are_never_torn_apart():
    groups = grouped(cases(1), 3)
    parts = stratified(groups, SHARES)
    where = {name: part for part, names in parts.items() for name in names}
    assert all(len({where[case.name] for case in group}) == 1 for group in groups)


def test_the_order_of_cases_does_not_matter_and_the_seed_does():
    groups = grouped(cases(2, 60), 2)
    turned = [group[::-1] for group in groups[::-1]]
    assert stratified(turned, SHARES) == stratified(groups, SHARES)
    assert stratified(groups, SHARES, seed=1) != stratified(groups, SHARES)


def test_the_same_on_every_machine():
    """Written down once: a change of these names would move patients of everybody's splits."""
    parts = stratified(grouped(cases(3, 12), 1), {"test": 0.25, "fold-0": 0.375, "fold-1": 0.375})
    assert {part: len(names) for part, names in parts.items()} == PINNED_SIZES
    assert parts["test"] == PINNED_TEST


@pytest.mark.parametrize(("datasets", "each"), [(1, 6), (3, 2), (3, 6), (14, 2)])
def test_small_datasets_leave_no_part_empty(datasets, each):
    made = [[SplitCase(f"{d}_{n}", str(d), lesions={"cyst": n % 2 == 0})] for d in range(datasets) for n in range(each)]
    sizes = [len(names) for names in stratified(made, SHARES).values()]
    assert min(sizes) >= 1
    assert all(abs(size - share * datasets * each) < 2 for size, share in zip(sizes, SHARES.values(), strict=True))


def test_a_part_without_a_share_gets_nobody():
    parts = stratified(grouped(cases(4, 20), 1), {"train": 0.9, "validation": 0.1, "test": 0.0})
    assert parts["test"] == ()
    with pytest.raises(UsageError, match="add up"):
        stratified(grouped(cases(4, 20), 1), {"train": 0.9})


PINNED_SIZES = {"test": 3, "fold-0": 5, "fold-1": 4}
PINNED_TEST = ("big_0", "big_3", "big_5")
