"""A folder of predictions against the rules of the Medical Segmentation Decathlon, with nibabel and nothing of ours.

Rules, as published with the challenge (http://medicaldecathlon.com; Antonelli et al., Nature Communications 13, 2022):
one file for every image under `test` of dataset.json, of the same name, all in one folder; the geometry of the image;
whole numbers, those under `labels` of dataset.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np

SAME_IN_BOTH = ("dim", "pixdim", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "quatern_c",
                "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")  # fmt: skip


def broken_rules(submission: Path, dataset: Path) -> list[str]:
    """One sentence for each rule that is broken.

    Args:
        submission: Folder of predictions.
        dataset: Folder with dataset.json and imagesTs.
    """
    told = json.loads((dataset / "dataset.json").read_text())
    images = {Path(name).name: dataset / name for name in told["test"]}
    files = {path.name for path in submission.iterdir()}
    problems = [f"{name}: no prediction" for name in sorted(images.keys() - files)]
    problems += [f"{name}: not asked for" for name in sorted(files - images.keys())]
    allowed = {int(value) for value in told["labels"]}
    for name in sorted(images.keys() & files):
        problems += [f"{name}: {fault}" for fault in _faults(submission / name, images[name], allowed)]
    return problems


def _faults(prediction: Path, image: Path, allowed: set[int]) -> list[str]:
    found, asked = nib.load(prediction), nib.load(image)
    faults = [key for key in SAME_IN_BOTH if not np.array_equal(found.header[key], asked.header[key])]
    faults += ["affine"] if found.affine.tobytes() != asked.affine.tobytes() else []
    if found.get_data_dtype() != np.uint8:
        faults.append(f"stored as {found.get_data_dtype()}")
    if (found.dataobj.slope, found.dataobj.inter) != (1, 0):
        faults.append("scaled")
    if strange := set(np.unique(np.asarray(found.dataobj)).tolist()) - allowed:
        faults.append(f"values {sorted(strange)}")
    return faults
