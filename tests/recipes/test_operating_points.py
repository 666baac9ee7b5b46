"""The operating points that a recipe chooses."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from omentum.segmentation import Segmentation

FILE = Path(__file__).parents[2] / "recipes/default/operating_points.py"
SPEC = importlib.util.spec_from_file_location("operating_points", FILE)
points = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(points)


class Found:
    """What a segmenter found: a tumour of 1 ml at 0.75, and elsewhere 0.2 ml at 0.55 and 2 ml at 0.45.

    The liver is the same: there are 512 voxels of it.
    """

    classes = ("liver", "liver_tumour")

    def segment(self, ct):
        return self

    def probability(self, key):
        made = np.zeros((30, 30, 30))
        made[2:12, 2:12, 2:12] = 0.75
        made[20:26, 20:26, 2:8] = 0.55
        made[15:28, 5:18, 15:27] = 0.45
        return made


class Case:
    """Two tumours: one that is found, one that is not. A third is too small to count."""

    ct = None

    def __init__(self):
        mask = np.zeros((30, 30, 30), bool)
        mask[3:11, 3:11, 3:11] = True
        mask[2:12, 20:29, 20:29] = True
        mask[29, 29, 0] = True
        liver = np.zeros_like(mask)
        liver[3:11, 3:11, 3:11] = True
        self.truth = Segmentation.from_masks({"liver_tumour": mask, "liver": liver}, np.eye(4))


def at(counts, threshold, least):
    place = points.THRESHOLDS.index(threshold) * len(points.SMALLEST_ML) + points.SMALLEST_ML.index(least)
    return counts["liver_tumour"][place]


def test_lesions_are_counted_at_every_threshold_and_smallest_volume():
    counts, _ = points.counted(Found(), Case())
    assert list(counts) == ["liver_tumour"]
    assert at(counts, 0.4, 0.065) == [1, 2, 2]
    assert at(counts, 0.4, 0.25) == [1, 1, 2]
    assert at(counts, 0.5, 0.13) == [1, 1, 2]
    assert at(counts, 0.6, 0.065) == [1, 0, 2]
    assert at(counts, 0.6, 2.0) == [0, 0, 2]
    assert at(counts, 0.8, 0.065) == [0, 0, 2]


def test_the_points_with_the_most_lesions_within_the_limit_are_chosen():
    counts, _ = points.counted(Found(), Case())
    twice = points.joined(counts, counts)
    ((key, threshold, least, found),) = points.best(twice, most_false=0)
    assert (key, found) == ("liver_tumour", [2, 0, 4])
    assert (threshold, least) == (0.5, 0.25)  # nothing false from there on


def test_a_false_lesion_has_the_same_price_in_every_class():
    """One class finds 3 lesions for 1 false one, the other 2 for 2: with room for two, the first takes its one."""
    usual = [[0, 0, 5] for _ in range(len(points.THRESHOLDS) * len(points.SMALLEST_ML))]
    dear, cheap = [*usual[:-1], [2, 2, 5]], [*usual[:-1], [3, 1, 5]]
    found = {key: counts for key, *_, counts in points.best({"a": dear, "b": cheap}, most_false=2)}
    assert found == {"a": [0, 0, 5], "b": [3, 1, 5]}
    assert [one[3] for one in points.best({"a": dear, "b": cheap}, most_false=3)] == [[2, 2, 5], [3, 1, 5]]
    assert [one[3] for one in points.best({"a": dear, "b": cheap}, most_false=0)] == [[0, 0, 5], [0, 0, 5]]


def test_an_organ_has_the_threshold_and_smallest_volume_with_the_best_dice():
    _, dices = points.counted(Found(), Case())
    ((row,),) = dices.values()
    places = list(itertools.product(points.ORGAN_THRESHOLDS, points.ORGAN_SMALLEST_ML))
    by_place = dict(zip(places, row, strict=True))
    assert by_place[0.5, 0.0] == pytest.approx(2 * 512 / (512 + 1000 + 216))
    assert by_place[0.5, 0.25] == by_place[0.65, 0.0] == pytest.approx(2 * 512 / (512 + 1000))
    assert by_place[0.5, 2.0] == 0
    ((key, threshold, least, (usual, best)),) = points.better_points({"liver": [row, row]})
    assert (key, threshold, least) == ("liver", 0.5, 0.25)
    assert (usual, best) == (by_place[0.5, 0.0], by_place[0.5, 0.25])
    assert not list(points.better_points({"liver": [], "spleen": [[0.9] * len(row)]}))


def test_an_organ_that_is_invented_counts_and_one_that_is_absent_does_not():
    case = Case()
    case.truth = Segmentation.from_masks({key: np.zeros((30, 30, 30), bool) for key in Found.classes}, np.eye(4))
    _, dices = points.counted(Found(), case)
    assert dices["liver"][0][points.USUAL] == 0
    assert dices["liver"][0][points.USUAL + points.ORGAN_SMALLEST_ML.index(2.0)] == points.NOTHING
    empty = Found()
    empty.probability = lambda key: np.zeros((30, 30, 30))
    assert points.counted(empty, case)[1] == {"liver": []}


def test_the_command_is_printed_and_counts_are_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(points, "Segmenter", lambda weights, options: Found())
    monkeypatch.setattr(points, "phantom", lambda seed, number: Case())
    monkeypatch.setattr("sys.argv", ["", "mine.safetensors", "-n", "2", "--work", str(tmp_path / "kept")])
    points.main()
    told = capsys.readouterr()
    assert told.out.startswith(
        "omentum weights set-threshold mine.safetensors liver_tumour=0.5 liver=0.5 "
        "--minimum-ml liver_tumour=0.25 --minimum-ml liver=0.25"
    )
    assert "2 of 4 found, 0 false" in told.err
    monkeypatch.setattr(points, "phantom", lambda seed, number: pytest.fail("counted again"))
    points.main()
    assert capsys.readouterr().out == told.out
