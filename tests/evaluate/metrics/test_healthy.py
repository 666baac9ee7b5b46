from __future__ import annotations

import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.evaluate import Scope, evaluate, known_absent, summarise
from omentum.segmentation import Segmentation

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
MASK = np.zeros((8, 8, 8), bool)
MASK[2:6, 2:6, 2:6] = True
LIVER = Segmentation.from_masks({"liver": MASK}, AFFINE)


def test_a_false_alarm_in_a_healthy_patient_counts():
    ours = Segmentation.from_masks({"liver": MASK, "liver_tumour": MASK}, AFFINE)
    assert evaluate(ours, LIVER)["liver_tumour"].status == "not_annotated"
    truth = known_absent(LIVER, ["liver_tumour"])
    alarm = evaluate(ours, truth, case="a")
    assert (alarm["liver_tumour"].status, alarm["liver_tumour"].lesions.false_positives) == ("false_positive", 1)
    quiet = evaluate(LIVER, truth, case="b", scope=Scope(None))
    assert summarise([alarm, quiet])["liver_tumour"].patients.specificity == 0.5


def test_the_drawn_masks_stay_also_where_more_classes_need_wider_bits():
    keys = [key for key in STRUCTURES.keys if key != "pancreas_tumour"]
    truth = Segmentation.from_masks({key: MASK if key == "liver" else ~MASK & False for key in keys}, AFFINE, {"liver"})
    healthy = known_absent(truth, ["pancreas_tumour", "liver_tumour"])
    assert healthy.annotated == {"liver", "pancreas_tumour", "liver_tumour"}
    np.testing.assert_array_equal(healthy.mask("liver"), MASK)
    assert healthy.present() == {"liver"}


def test_nothing_new_is_the_same_and_what_is_drawn_is_refused():
    assert known_absent(LIVER, []) is LIVER
    with pytest.raises(ValueError, match="liver is drawn"):
        known_absent(LIVER, ["liver"])
