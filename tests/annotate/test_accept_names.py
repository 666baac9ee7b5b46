"""Which structure a corrected file speaks of: renamed segments, sides, names of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from acceptance import ACCEPTED, BY, ORIGINAL, REFUSED, SAVED, accept, accepted, corrected, statuses
from annotation_round import masks_of, put_corrected

from omentum.annotate.accept.api import accept_corrections
from omentum.annotate.accept.files import CorrectedFile
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.accept.read import Renames, read_corrected
from omentum.errors import InputError, UsageError
from omentum.io.nifti import write_labelmap, write_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.progress import SilentProgress
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def called(old: str, new: str) -> None:
    """A segment of the corrected file renamed as 3D Slicer does: the ID stays."""
    head = SAVED.read_bytes()
    assert head.count(f"_Name:={old}\n".encode()) == 1
    SAVED.write_bytes(head.replace(f"_Name:={old}\n".encode(), f"_Name:={new}\n".encode()))


def put_segments(names: dict[str, str]) -> None:
    """The corrections of ct_0 with other names of segments, IDs included, as other programs write them."""
    head, voxels = SAVED.read_bytes().split(b"\n\n", 1)
    text = head.decode()
    for key, name in names.items():
        lines = text.splitlines()
        number = next(line.split("_")[0] for line in lines if line.endswith(f"_ID:={key}"))
        lines = [
            f"{number}_ID:=Segment_9"
            if line.startswith(f"{number}_ID:=")
            else f"{number}_Name:={name}"
            if line.startswith(f"{number}_Name:=")
            else line
            for line in lines
        ]
        text = "\n".join(lines)
    SAVED.write_bytes(text.encode() + b"\n\n" + voxels)


def test_renamed_segments_are_asked_about_and_never_dropped(here):
    liver = corrected()
    put_segments({"liver": "Leber neu"})
    (found,) = accept().values()
    assert found.status is REFUSED
    assert "nothing of ours: 'Leber neu'" in found.reason
    assert '--rename "Leber neu=liver"' in found.reason
    assert statuses(accept(rename=("Leber neu=liver",)))["liver"] is ACCEPTED
    assert np.array_equal(accepted(), liver)
    with pytest.raises(UsageError, match="does not say what is what"):
        accept(rename=("liver",))


@pytest.mark.parametrize("name", ["My appendix", "rechte Niere"])
def test_a_segment_renamed_to_a_strange_name_is_not_taken_for_what_it_was(here, name):
    corrected()
    called("Left kidney", name)
    found = accept(unchanged=True)
    assert statuses(found) == {None: REFUSED}
    assert f'--rename "{name}=liver"' in found["ct_0", None].reason
    assert not Path("round/accepted/ct_0").exists()
    found = accept(unchanged=True, rename=(f"{name}=left kidney",))
    assert found["ct_0", "left_kidney"].status is ACCEPTED


def test_a_rename_that_meets_no_segment_is_told(here):
    corrected()
    told = TellTale()
    accept_corrections("round", [SAVED], BY, AcceptOptions(rename=("Segmnt_1=liver",)), progress=told)
    assert any("no segment is called 'Segmnt_1'" in line for line in told.lines)
    with pytest.raises(UsageError, match="a segment is one structure"):
        accept(rename=("Left kidney=kidneys",))


class TellTale(SilentProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, level: str, message: str) -> None:
        self.lines.append(message)


def test_words_choose_structures(here):
    corrected()
    found = accept(unchanged=True, structures="left and right kidney")
    assert set(statuses(found)) == {"left_kidney", "right_kidney"}


def test_one_side_where_the_other_was_proposed_is_refused(here):
    masks = masks_of(ORIGINAL)
    grid = read_seg_nrrd(ORIGINAL).grid
    write_volume(Path("corrected/ct_0/right_kidney.nii.gz"), Volume(masks["left_kidney"].astype(np.uint8), grid.affine))
    (outcome,) = accept("corrected").values()
    assert outcome.status is REFUSED
    assert "its right_kidney lies where left_kidney was proposed" in outcome.reason


def test_both_sides_changed_is_a_correction_with_a_warning(here):
    masks = masks_of(ORIGINAL)
    put_corrected(ORIGINAL, SAVED, left_kidney=masks["right_kidney"], right_kidney=masks["left_kidney"])
    told = TellTale()
    done = accept_corrections("round", [SAVED], BY, AcceptOptions(), progress=told)
    assert done.count(ACCEPTED) == 2
    assert any("are the sides right?" in line for line in told.lines)


@pytest.mark.parametrize(("axis", "way"), [(0, "from left to right"), (2, "from head to foot")])
def test_a_reversed_label_map_is_refused(here, axis, way):
    """Its affine is that of the CT, and its voxels run the other way: no grid and no pair of sides shows it."""
    masks = {key: np.flip(mask, axis) for key, mask in masks_of(ORIGINAL).items()}
    grid = read_seg_nrrd(ORIGINAL).grid
    write_labelmap("corrected/ct_0.nii.gz", Segmentation.from_masks(masks, grid.affine))
    (outcome,) = accept("corrected").values()
    assert outcome.status is REFUSED
    assert f"its masks are the proposed ones reversed {way}" in outcome.reason
    Path("corrected/ct_0.nii.gz").unlink()
    write_volume(Path("corrected/ct_0/liver.nii.gz"), Volume(masks["liver"].astype(np.uint8), grid.affine))
    (outcome,) = accept("corrected").values()
    assert f"reversed {way}" in outcome.reason


def test_a_label_map_named_after_a_structure_is_no_mask_of_it(here):
    masks = masks_of(ORIGINAL)
    both = masks["left_kidney"] + 2 * masks["right_kidney"].astype(np.uint8)
    grid = read_seg_nrrd(ORIGINAL).grid
    write_volume(Path("corrected/ct_0/left_kidney.nii.gz"), Volume(both.astype(np.uint8), grid.affine))
    (outcome,) = accept("corrected").values()
    assert "holds several labels: 1, 2" in outcome.reason


@pytest.mark.parametrize("value", [0.4, -1.0, np.nan])
def test_values_that_are_no_mask_are_not_taken_for_an_empty_one(here, value):
    proposal = read_seg_nrrd(ORIGINAL)
    path = here / "liver.nii.gz"
    voxels = np.zeros(proposal.shape, np.float32)
    voxels[1, 1, 1] = value
    write_volume(path, Volume(voxels, proposal.affine))
    with pytest.raises(InputError, match="is not a mask: its values go from"):
        read_corrected(CorrectedFile(path, "case", "liver"), proposal, Renames(), None)
