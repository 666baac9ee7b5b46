import pytest

from omentum.follow_up.recist import recist_response


@pytest.mark.parametrize(
    ("targets_mm", "more", "category"),
    [
        ([(20, 20), (30, 30)], {}, "stable disease"),
        ([(20, 25), (30, 34)], {}, "stable disease"),  # 9 mm, but only 18 %
        ([(20, 25), (30, 35)], {}, "progressive disease"),  # 20 %, 10 mm
        ([(12, 16)], {}, "stable disease"),  # 33 %, but only 4 mm
        ([(20, 14), (30, 21)], {}, "partial response"),  # 30 %
        ([(20, 14), (30, 22)], {}, "stable disease"),
        ([(20, 0), (30, 0)], {}, "complete response"),
        ([(20, 0)], {"lasting": 1}, "partial response"),
        ([(20, 0)], {"new": 1}, "progressive disease"),
        ([(20, 0)], {"unknown": 1}, "not evaluable"),
        ([(20, 30)], {"unknown": 1}, "not evaluable"),
        ([], {}, "no targets"),
        ([], {"new": 2}, "progressive disease"),
    ],
)
def test_categories(targets_mm, more, category):
    response = recist_response(targets_mm, targets=len(targets_mm), **{"new": 0, "lasting": 0, "unknown": 0, **more})
    assert response.category == category
    assert response.reason


def test_the_change_is_of_the_sum():
    response = recist_response([(20, 25), (30, 35)], targets=2, new=0, lasting=0, unknown=0)
    assert response.sums_mm == (50, 60)
    assert response.change == pytest.approx(0.2)
    assert recist_response([], targets=0, new=0, lasting=0, unknown=0).change is None
