"""Seconds to measure an arched aorta of known diameter in a 512 x 512 x 600 scan, and how far the diameters are off.

python benchmarks/aorta.py -o benchmarks/results/aorta.json
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from omentum.measure import aortic_profile
from omentum.segmentation import Segmentation
from record import Table, publish, result_file

MEASURES = ("src/omentum/measure/aorta.py", "src/omentum/measure/centreline.py")
COLUMNS = {
    "stations": "{}",
    "seconds": "{:.2f}",
    "largest error of the equivalent diameter mm": "{:.2f}",
    "of the largest diameter mm": "{:.2f}",
}

SHAPE, SPACING_MM = (512, 512, 600), (0.7, 0.7, 1.0)
DIAMETER_MM, BEND_MM, LEG_MM = 26.0, 40.0, 395.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    seg = arched_aorta()
    built = time.perf_counter()
    profile = aortic_profile(seg)
    seconds = time.perf_counter() - built
    assert profile is not None
    worst = [max(abs(getattr(s, n) - DIAMETER_MM) for s in profile.stations) for n in ("equivalent_mm", "largest_mm")]
    publish(
        arguments.out,
        title="An arched aorta of known diameter in a scan of 512 x 512 x 600",
        measures=MEASURES,
        tables={"aorta": Table(COLUMNS, [(len(profile.stations), seconds, *worst)])},
    )


def arched_aorta() -> Segmentation:
    """Half a ring with a straight leg on the patient's left."""
    x, y, z = (
        (np.arange(n) - (n - 1) / 2) * mm + shift for n, mm, shift in zip(SHAPE, SPACING_MM, (0, 0, -200), strict=True)
    )
    x, y, z = x[:, None, None], y[None, :, None], z[None, None, :]
    radius_mm = DIAMETER_MM / 2
    ring = ((np.hypot(x, z) - BEND_MM) ** 2 + y**2 <= radius_mm**2) & (z >= 0)
    leg = ((x + BEND_MM) ** 2 + y**2 <= radius_mm**2) & (z <= 0) & (z >= -LEG_MM)
    return Segmentation.from_masks({"aorta": ring | leg}, np.diag([*SPACING_MM, 1.0]))


if __name__ == "__main__":
    main()
