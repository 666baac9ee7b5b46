"""Lesions in real chest CTs, as cases that know nothing but their lung tumours.

    python recipes/default/chest_lesions.py CT.nii.gz FOLDER -n 8 --seed 26

The lungs are those that the bundled model finds: good enough to put lesions into, not to learn lungs from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from omentum.io.nifti import read_volume
from omentum.io.truth import write_case
from omentum.phantom import CaseOptions, ImplantSource, LesionOptions, make_case
from omentum.pipeline import segment
from omentum.segmentation import Segmentation
from omentum.volume import Volume

NAMES = {1: "right_lung", 2: "left_lung"}


def main() -> None:
    """Write the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("-n", "--number", type=int, default=8)
    parser.add_argument("--seed", type=int, default=26)
    arguments = parser.parse_args()
    ct = read_volume(arguments.ct)
    found = segment(ct, classes=tuple(NAMES.values()))
    labels = np.zeros(ct.shape, np.uint8)
    for value, key in NAMES.items():
        labels[found.mask(key)] = value
    source = ImplantSource.from_labels(ct, Volume(labels, ct.affine), NAMES)
    options = CaseOptions(lesions=LesionOptions(odds={"lung_tumour": 0.9}), lesion_contrast_hu=12.0)
    for k in range(arguments.number):
        case = make_case((arguments.seed, k), ct.spacing_mm, source, options)
        truth = case.truth
        known = Segmentation(truth.bits, truth.affine, truth.classes, frozenset({"lung_tumour"}))
        write_case(arguments.out / f"case_{k:04d}", case.ct, known, case.facts)


if __name__ == "__main__":
    main()
