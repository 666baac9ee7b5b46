"""Names and colours of labels as ITK-SNAP and 3D Slicer read them, and what headers say of a file."""

import re

import nibabel as nib
import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.io.label_names import itk_snap_labels, slicer_labels
from omentum.io.nifti import write_fractions, write_labelmap, write_mask
from omentum.pipeline.batch.numbering import find_numbering
from omentum.segmentation import Segmentation

CLASSES = ("liver", "liver_tumour", "spleen")
# The forms as both programs document them: ITK-SNAP has seven numbers and a name in quotes, Slicer six words.
SNAP = re.compile(r'\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d(?:\.\d+)?)\s+([01])\s+([01])\s+"([^"]+)"')
SLICER = re.compile(r"(\d+) (\S+) (\d+) (\d+) (\d+) (\d+)")


def rows(text, form):
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [form.fullmatch(line).groups() for line in lines]


def test_itk_snap_gets_number_colour_and_name():
    found = rows(itk_snap_labels(CLASSES), SNAP)
    assert [int(row[0]) for row in found] == [0, *sorted(STRUCTURES[key].index for key in CLASSES)]
    for number, *colour, _, _, _, name in found[1:]:
        assert (name, tuple(map(int, colour))) == (
            STRUCTURES.at(int(number)).display,
            STRUCTURES.at(int(number)).colour,
        )
    assert found[0][4:7] == ("0", "0", "0")


def test_slicer_gets_number_name_and_colour():
    found = rows(slicer_labels(CLASSES), SLICER)
    assert found[0] == ("0", "Background", "0", "0", "0", "0")
    assert {int(row[0]): row[1] for row in found[1:]} == {
        STRUCTURES[key].index: STRUCTURES[key].display.replace(" ", "_") for key in CLASSES
    }
    assert all(row[5] == "255" for row in found[1:])


@pytest.mark.parametrize("text", [itk_snap_labels, slicer_labels])
def test_numbers_of_a_dataset_are_those_of_the_label_map(text):
    numbering = find_numbering("msd-liver")
    found = rows(text(CLASSES, numbering), SNAP if text is itk_snap_labels else SLICER)
    assert [int(row[0]) for row in found] == [0, 1, 2]


def test_headers_say_what_a_file_is_and_nothing_of_the_patient(tmp_path):
    seg = Segmentation.from_masks({key: np.ones((2, 2, 2), bool) for key in CLASSES}, np.eye(4))
    write_labelmap(tmp_path / "labels.nii.gz", seg)
    write_mask(tmp_path / "mask.nii.gz", seg.mask("liver"), seg)
    write_fractions(tmp_path / "map.nii.gz", np.ones((2, 2, 2), np.uint8), 255, seg)
    for name, what, intent in (
        ("labels", "labels", "label"),
        ("mask", "mask", "label"),
        ("map", "probability", "estimate"),
    ):
        header = nib.load(tmp_path / f"{name}.nii.gz").header
        said = bytes(header["descrip"]).rstrip(b"\0").decode()
        assert re.fullmatch(rf"omentum \S+: {what}; not for clinical use", said)
        assert header.get_intent()[0] == intent
