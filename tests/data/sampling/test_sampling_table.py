import pytest
from toy_cases import toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.data.sampling.sampling_table import sampling_table

KEYS = STRUCTURES.keys


def table():
    sources = (PatchSource("many", tuple(toy_case(k) for k in range(4))), PatchSource("one", (toy_case(9),), 2.0))
    return sampling_table(PatchSampler(sources, KEYS, (16,) * 3, (0, 1), NONE, foreground_probability=0.8))


def test_it_counts_cases_and_shares():
    found = table()
    assert [(row.name, row.cases, row.weight) for row in found.datasets] == [("many", 4, 1.0), ("one", 1, 2.0)]
    assert [row.share for row in found.datasets] == pytest.approx([0.5, 0.5])
    rows = {row.key: row for row in found.structures}
    assert (rows["liver"].annotated, rows["liver"].present) == (5, 5)
    assert (rows["aorta"].annotated, rows["aorta"].present, rows["aorta"].share) == (0, 0, 0)
    assert rows["liver_tumour"].share == pytest.approx(2 * rows["liver"].share)
    assert found.body == pytest.approx(0.2)
    assert sum(row.share for row in found.structures) + found.body == pytest.approx(1)


def test_its_lines_line_up():
    lines = [line for line in table().lines() if line]
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == 2 + 2 + len(KEYS) + 1
    assert any(line.split() == ["liver", "5", "5", "16.00%"] for line in lines)
