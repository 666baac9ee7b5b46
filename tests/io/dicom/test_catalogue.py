"""The catalogue of faulty inputs, DICOM: slices of a series that are missing, doubled or out of order."""

import numpy as np
import pytest
from catalogue import PATIENT, Case, Outcome, check
from dicom_files import stack_affine, write_stack

HU = np.random.default_rng(57).integers(-1000, 1500, (7, 6, 8)).astype(np.int16)


def stack(folder, hu=HU, **tags):
    return write_stack(folder, hu, **PATIENT | tags)


def without(*gone):
    def make(folder):
        for k, path in enumerate(stack(folder)):
            if k in gone:
                path.unlink()

    return make


def whole(volume):
    np.testing.assert_array_equal(volume.voxels, HU)
    np.testing.assert_allclose(volume.affine, stack_affine())


CASES = (
    Case(
        57,
        "a slice missing in the middle",
        without(4),
        Outcome.ERROR,
        r"1 slice\(s\) missing: 1 between 107.5 and 112.5",
    ),
    Case(58, "slices missing at the ends", without(0, 7), Outcome.OK),
    Case(69, "names against the order of positions", stack, Outcome.OK, right=whole),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
