"""How much darker or brighter than its organ a lesion or vessel of the phantoms is, and how noisy real organs are.

    python benchmarks/experiments/lesion_visibility.py --data SHARED/data -o benchmarks/experiments/results/...json

Contrasts come from the tables alone (patients drawn with `draw_hu`, no image). Noise is the standard deviation about a
smooth surface in the largest piece of soft tissue without edges, in real CTs at 3 mm.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter, label

from omentum.atomic import replacing
from omentum.io.nifti import read_volume
from omentum.phantom.scanner import IODINE_BY_KILOVOLT, draw_protocol
from omentum.phantom.tissue import Appearance, draw_hu, tissue_index

PAIRS = {
    "liver metastasis": ("liver_metastasis", "liver"),
    "HCC": ("hcc", "liver"),
    "hepatic vein": ("hepatic_vein", "liver"),
    "portal branch": ("portal_vein", "liver"),
    "pancreatic adenocarcinoma": ("pancreas_adenocarcinoma", "pancreas"),
    "colon tumour": ("colon_tumour", "colon_wall"),
    "clear cell carcinoma": ("kidney_tumour_clear_cell", "kidney_cortex"),
    "kidney cyst": ("kidney_cyst_fluid", "kidney_cortex"),
}
PATIENTS = 4000
LIMITS_HU = (10, 20, 30)
REAL = ("abdomen_3mm", "liver_contrast", "abdomen_pelvis_lowdose")
SOFT_HU = (20, 160)
ROBUST_SD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the real CTs")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    noise = {name: noise_of(read_volume(arguments.data / name / "ct.nii.gz").voxels) for name in REAL}
    text = json.dumps({"patients": PATIENTS, "contrasts": contrasts(), "noise of real CTs": noise}, indent=1)
    print(text)
    if arguments.out is not None:
        with replacing(arguments.out) as file:
            file.write(text.encode())


def contrasts() -> dict[str, dict[str, float]]:
    """Of each pair the median difference in HU, and the shares of patients in whom it is below some limits."""
    rng = np.random.default_rng(0)
    differences: dict[str, list[float]] = {name: [] for name in PAIRS}
    noise = []
    for _ in range(PATIENTS):
        protocol = draw_protocol(rng)
        noise.append(protocol.noise_hu)
        hu = draw_hu(rng, Appearance(protocol.phase, False, IODINE_BY_KILOVOLT[protocol.kilovolt]))
        for name, (inner, host) in PAIRS.items():
            differences[name].append(abs(float(hu[tissue_index(inner)] - hu[tissue_index(host)])))
    found = {}
    for name, values in differences.items():
        shares = {f"below {limit} HU": round(float(np.mean(np.array(values) < limit)), 2) for limit in LIMITS_HU}
        below = round(float(np.mean(np.array(values) < np.array(noise))), 2)
        found[name] = {"median HU": round(float(np.median(values)), 1), **shares, "below the noise of a voxel": below}
    found["noise of a voxel"] = {"median HU": round(float(np.median(noise)), 1)}
    return found


def noise_of(hu: NDArray[np.int16]) -> dict[str, float]:
    """Noise and median in HU of the largest piece of soft tissue, 4 voxels away from its edges."""
    smooth = gaussian_filter(hu.astype(np.float32), 1.5, truncate=2.5)
    pieces, _ = label(binary_erosion((smooth > SOFT_HU[0]) & (smooth < SOFT_HU[1]), iterations=4))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    inside = pieces == sizes.argmax()
    image = np.clip(hu, -160, 240).astype(np.float32)
    rest = (image - gaussian_filter(image, 2.0, truncate=2.5))[inside]
    spread = ROBUST_SD * np.median(np.abs(rest - np.median(rest)))
    return {
        "noise HU": round(float(spread), 1),
        "median HU": float(np.median(image[inside])),
        "voxels": int(sizes.max()),
    }


if __name__ == "__main__":
    main()
