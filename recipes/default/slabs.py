"""Thin slabs of cases, as scans of a part of the trunk show it: the first pass knows less there, and errs more.

python recipes/default/slabs.py FOLDER OUT -n 20 --seed 60
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from omentum.io.truth import read_case, write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

THICKNESS_MM = (36.0, 120.0)


def main() -> None:
    """Write the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("-n", "--number", type=int, default=20, help="the first ones, by name")
    parser.add_argument("--seed", type=int, default=60)
    arguments = parser.parse_args()
    folders = sorted(path.parent for path in arguments.cases.glob("*/case.json"))[: arguments.number]
    for number, folder in enumerate(folders):
        rng = np.random.default_rng((arguments.seed, number))
        ct, truth, _ = read_case(folder)
        write_case(arguments.out / folder.name, *slab(ct, truth, rng))


def slab(ct: Volume, truth: Segmentation, rng: np.random.Generator) -> tuple[Volume, Segmentation, dict[str, Any]]:
    """A slab along the last axis, anywhere."""
    voxels = min(ct.shape[2], round(float(rng.uniform(*THICKNESS_MM)) / ct.grid.spacing_mm[2]))
    first = int(rng.integers(ct.shape[2] - voxels + 1))
    affine = ct.affine.copy()
    affine[:3, 3] += affine[:3, 2] * first
    kept = slice(first, first + voxels)
    bits = np.ascontiguousarray(truth.bits[..., kept])
    return (
        Volume(np.ascontiguousarray(ct.voxels[..., kept]), affine),
        Segmentation(bits, affine, truth.classes, truth.annotated),
        {"slab": [first, voxels]},
    )


if __name__ == "__main__":
    main()
