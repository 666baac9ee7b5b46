from __future__ import annotations

import pytest

from omentum.evaluate.metrics.patients import outcome_of_patient
from omentum.evaluate.metrics.status import Status

NO, TN, FP, FN, BOTH = Status


@pytest.mark.parametrize(
    ("scans", "patient"),
    [
        ((BOTH, FN), BOTH),
        ((FN, TN), FN),
        ((FN, FP), BOTH),
        ((TN, FP), FP),
        ((NO, TN), TN),
        ((NO, NO), NO),
    ],
)
def test_a_patient_of_several_scans_has_one_outcome(scans, patient):
    assert outcome_of_patient(scans) is patient
