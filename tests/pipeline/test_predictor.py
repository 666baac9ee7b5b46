"""Mirror images and the sides of the body: a side without its pair is not asked in a mirror."""

from types import SimpleNamespace

import torch

from omentum.infer.profiles import Profile
from omentum.pipeline.predictor import predictor, with_paired_classes
from omentum.spec import ClassSpec, ModelSpec, PreprocessSpec

FLIPPED = Profile("", 0.5, "float32", ("x",))
WINDOW = torch.zeros(1, 1, 6, 2, 2)
WINDOW[:, :, 1] = 1.0


def knowing(*keys):
    """A model that is asked for nothing but its spec."""
    classes = tuple(ClassSpec(key, "") for key in keys)
    spec = SimpleNamespace(class_keys=keys, classes=classes, model=ModelSpec("x"), preprocess=PreprocessSpec())
    return SimpleNamespace(spec=spec)


def by_side(drawn):
    """A right kidney is what is bright at low x, a left one at high x; the liver is bright anywhere."""
    low = torch.zeros(1, 1, 6, 1, 1)
    low[:, :, :3] = 1.0
    sees = {"right_kidney": low, "left_kidney": low.flip(2), "liver": torch.ones_like(low)}
    return lambda windows: torch.cat([windows * sees[key] for key in drawn], dim=1)


def test_with_both_sides_a_mirror_confirms_what_the_network_says():
    model = knowing("right_kidney", "left_kidney", "liver")
    asked = ("right_kidney", "liver")
    drawn = with_paired_classes(model, asked)
    assert drawn == ["right_kidney", "liver", "left_kidney"]
    found = predictor(by_side(drawn), model, asked, FLIPPED)(WINDOW)
    torch.testing.assert_close(found, torch.cat([WINDOW, WINDOW], dim=1))


def test_a_side_whose_pair_the_weights_lack_keeps_the_unmirrored_answer():
    model = knowing("right_kidney", "liver")
    found = predictor(by_side(("right_kidney", "liver")), model, ("right_kidney", "liver"), FLIPPED)(WINDOW)
    torch.testing.assert_close(found, torch.cat([WINDOW, WINDOW], dim=1))
