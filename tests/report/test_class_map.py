"""Similarities of classes: cosines after centring, one order for all stages, positions in a plane, pictures."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from omentum.errors import UsageError
from omentum.report.class_map import ClassMap, ClassMapStage
from omentum.report.class_map_picture import class_map_picture, save_class_map

KEYS = ("right_kidney", "liver", "left_kidney", "kidney_tumour", "spleen", "liver_tumour")
PLANTED = np.array([[1, 0, 0.1], [0, 1, 0], [1, 0, 0.2], [0.8, 0, 0.5], [-1, -1, 0], [0, 1, 0.4]])


def planted(keys=KEYS, rows=PLANTED):
    return ClassMap(keys, (ClassMapStage.of("words", rows), ClassMapStage.of("heads", rows[:, ::-1] * 3)), "m", "e")


def test_what_is_nearest_and_how_often_it_is_related():
    found = planted()
    words = found.stages[0]
    assert found.nearest(words)["right_kidney"] == "left_kidney"
    assert found.nearest(words)["liver_tumour"] == "liver"
    assert found.share_nearest(words, found.pairs) == (2, 2)
    assert found.share_nearest(words, found.lesions) == (2, 2)
    assert found.lesions == {"kidney_tumour": {"right_kidney", "left_kidney"}, "liver_tumour": {"liver"}}


def test_classes_that_are_hardly_told_apart_are_named():
    rows = np.vstack([PLANTED[:2], PLANTED[:1] * 1.01, PLANTED[3:]])
    found = planted(rows=rows)
    assert found.nearly_equal(found.stages[0]) == [("right_kidney", "left_kidney")]
    assert len(found.nearly_equal(found.stages[0], above=-2)) == 15


def test_similar_classes_are_side_by_side_in_the_order():
    order = [KEYS[n] for n in planted().order]
    assert sorted(order) == sorted(KEYS)
    kidneys = sorted(order.index(key) for key in ("right_kidney", "left_kidney", "kidney_tumour"))
    assert kidneys[2] - kidneys[0] == 2
    assert abs(order.index("liver") - order.index("liver_tumour")) == 1


@given(st.integers(3, 12), st.integers(1, 9), st.integers(0, 2**31))
def test_positions_are_the_principal_components_of_the_directions(count, width, seed):
    rows = np.random.default_rng(seed).normal(size=(count, width)) + 5
    stage = ClassMapStage.of("x", rows)
    assert np.abs(stage.similarity).max() <= 1
    assert np.allclose(stage.similarity, stage.similarity.T)
    apart = rows - rows.mean(0)
    unit = apart / np.linalg.norm(apart, axis=1, keepdims=True)
    unit = unit - unit.mean(0)
    values = np.linalg.svd(unit, compute_uv=False)
    wanted = np.append(values, [0.0, 0.0])[:2]
    assert np.allclose(np.linalg.norm(stage.positions, axis=0), wanted, atol=1e-6)
    assert np.allclose(ClassMapStage.of("x", rows * 7).positions, stage.positions, atol=1e-6)


def test_classes_without_any_difference_are_no_fault():
    found = planted(rows=np.ones((6, 3)))
    assert np.array_equal(found.stages[0].similarity, np.zeros((6, 6)))
    assert found.stages[0].mean_cosine == pytest.approx(1)
    assert len(class_map_picture(found, "png")) > 1000


def test_two_classes_are_nothing_to_compare():
    with pytest.raises(UsageError, match="m: 2 classes are too few"):
        planted(KEYS[:2], PLANTED[:2])


def test_json_comes_back():
    found = planted()
    again = ClassMap.from_json(found.to_json())
    assert again.keys == found.keys
    assert again.to_json() == found.to_json()


def test_the_picture_is_the_same_each_time(tmp_path):
    found = planted()
    for kind in ("png", "svg"):
        save_class_map(tmp_path / f"a.{kind}", found)
        assert (tmp_path / f"a.{kind}").read_bytes() == class_map_picture(found, kind)
    assert "Right kidney" in (tmp_path / "a.svg").read_text()
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as picture:
        assert min(picture.size) > 500
        assert len(picture.convert("RGB").getcolors(2**24)) > 50
    with pytest.raises(UsageError, match=r"a picture is a .png or .svg file"):
        save_class_map(tmp_path / "a.pdf", found)
