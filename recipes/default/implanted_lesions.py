"""Lesions in a real CT without labels, as cases that know nothing but their lesions.

    python recipes/default/implanted_lesions.py CT.nii.gz FOLDER --organs right_lung,left_lung -n 8 --seed 26

The organs are those that the bundled model finds: good enough to put lesions into, not to learn organs from. Name only
organs that the CT shows whole and free of lesions, and that the model finds well in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.io.nifti import read_volume
from omentum.io.truth import write_case
from omentum.phantom import CaseOptions, ImplantSource, LesionOptions, make_case
from omentum.pipeline import segment
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def main() -> None:
    """Write the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--organs", required=True, help="keys, comma-separated")
    parser.add_argument("-n", "--number", type=int, default=8)
    parser.add_argument("--seed", type=int, default=26)
    parser.add_argument("--lesion-odds", type=float, default=0.9, help="of each kind in a case")
    parser.add_argument("--lesion-contrast", type=float, default=12.0, help="least difference from the organ, HU")
    arguments = parser.parse_args()
    names = dict(enumerate(arguments.organs.split(","), start=1))
    ct = read_volume(arguments.ct)
    found = segment(ct, classes=tuple(names.values()))
    labels = np.zeros(ct.shape, np.uint8)
    for value, key in names.items():
        labels[found.mask(key)] = value
    source = ImplantSource.from_labels(ct, Volume(labels, ct.affine), names)
    odds = dict.fromkeys(LesionOptions().odds, arguments.lesion_odds)
    options = CaseOptions(lesions=LesionOptions(odds=odds), lesion_contrast_hu=arguments.lesion_contrast)
    for k in range(arguments.number):
        case = make_case((arguments.seed, k), ct.spacing_mm, source, options)
        truth = case.truth
        annotated = frozenset(key for key in truth.annotated if STRUCTURES[key].is_lesion)
        known = Segmentation(truth.bits, truth.affine, truth.classes, annotated)
        write_case(arguments.out / f"case_{k:04d}", case.ct, known, case.facts)


if __name__ == "__main__":
    main()
