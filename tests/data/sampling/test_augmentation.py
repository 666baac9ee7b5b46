import pytest

from omentum.data.sampling.augmentation import Augmentation
from omentum.errors import UsageError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"noise": 1.2}, "noise: a probability is at most 1"),
        ({"structure_hu": (1.1, 20)}, "structure_hu: a probability"),
        ({"scale": (1.2, 0.8)}, "scale: a range goes up"),
        ({"scale": (0.0, 1.0)}, "scale: a range goes up"),
        ({"scale": 1.0}, r"scale takes 2 number\(s\)"),
        ({"blur": (0.1, 0.2)}, r"blur takes 1 number\(s\)"),
        ({"rotation_deg": -3}, "rotation_deg takes numbers from 0 on"),
        ({"flip": "often"}, "flip takes numbers from 0 on"),
        ({"magnify": (0.3, 1.5, 1.3)}, "magnify: a range goes up"),
    ],
)
def test_what_makes_no_sense_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        Augmentation(**change)
