"""Corrections of no case, of another case or of another CT, and a call without a round or a name: all refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from acceptance import ACCEPTED, BY, ORIGINAL, REFUSED, SAVED, accept, corrected, statuses
from annotation_round import masks_of, put_corrected

from omentum.annotate.accept.api import accept_corrections
from omentum.data.corrections import read_corrections
from omentum.errors import InputError, UsageError
from omentum.io.nifti import read_volume, write_volume
from omentum.volume import Volume


def test_a_file_of_no_case_is_refused(here):
    corrected()
    SAVED.rename("corrected/somebody.seg.nrrd")
    with pytest.raises(InputError, match=r"belongs to no case of the round \(name it or its folder after one of them"):
        accept("corrected/somebody.seg.nrrd")
    Path("corrected/ct_0").mkdir()
    Path("corrected/somebody.seg.nrrd").rename("corrected/ct_0/Segmentation.seg.nrrd")
    assert statuses(accept("corrected"))["liver"] is ACCEPTED


def test_masks_of_another_case_under_this_name_are_refused(here):
    moved = {key: np.roll(mask, 12, axis=0) for key, mask in masks_of(ORIGINAL).items()}
    put_corrected(ORIGINAL, Path("round/proposals/ct_1.seg.nrrd"), **moved)  # as of a body that lies elsewhere
    put_corrected(ORIGINAL, SAVED, **moved)
    (found,) = accept().values()
    assert found.status is REFUSED
    assert "its masks are those of ct_1" in found.reason
    assert not Path("round/corrections").exists()


def test_labels_are_not_put_on_a_ct_that_was_replaced(here):
    corrected()
    ct = read_volume("cts/ct_0.nii.gz")
    write_volume("cts/ct_0.nii.gz", Volume(ct.voxels, ct.affine @ np.diag([1.0, 1.0, 1.1, 1.0])))
    (found,) = accept().values()
    assert found.status is REFUSED
    assert "is not the CT that was proposed for" in found.reason
    assert not Path("round/accepted/ct_0").exists()
    assert read_corrections(Path("round"), "ct_0") is None


def test_no_round_and_no_name(here):
    with pytest.raises(InputError, match="omentum annotate propose makes one"):
        accept_corrections("cts", "corrected", BY)
    with pytest.raises(UsageError, match="--by NAME"):
        accept_corrections("round", "corrected", " ")
    with pytest.raises(InputError, match="no such file"):
        accept("nowhere")
