"""What a second pass has to do: windows around organs of procedural bodies, and what one of them costs.

    python benchmarks/second_pass.py -o benchmarks/results/second_pass.json

Windows are counted around the exact organs, no network is run for it: the same on every machine. The time of a window
is processor time on one thread, the least of five: a busy machine disturbs it little. `omentum doctor` estimates from
both (src/omentum/doctor/organ_extents.toml, costs.toml).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.infer.sliding import Predictor
from omentum.infer.windows import plan_windows
from omentum.phantom import BodyOptions, build_body
from omentum.phantom.procedural import Extent
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.pipeline.predictor import SharedNetwork
from omentum.preprocess.organ_crop import SMALLEST_ORGAN_ML, joined, surroundings
from omentum.segmentation import Segmentation
from omentum.spec import SecondPassSpec
from record import Cell, Table, publish, result_file

SEED = 11
WHOLE = "whole"
WAYS = (("openvino", "float32"), ("openvino", "bf16"), ("torch", "float32"))
MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/preprocess/organ_crop.py"),
    *("src/omentum/infer/windows.py", "src/omentum/infer/engines", "src/omentum/phantom/procedural.py"),
)
ABOUT = (
    "`bodies`: windows of all regions together, of bodies of which so much is in the image. `organs`: their mean "
    "extents in whole trunks. `networks`: processor seconds of a window on one thread, the heads included (all classes "
    "of the first network, those of the liver of the second), and what the second takes relative to the first for as "
    "many voxels."
)
BODIES = {
    "image of": "{}",
    "bodies": "{}",
    "length mm": "{:.0f}",
    "windows": "**{:.0f}**",
    "least": "{}",
    "most": "{}",
}
ORGANS = {"organ": "{}", "bodies": "{}", "x mm": "{:.0f}", "y mm": "{:.0f}", "z mm": "{:.0f}"}
NETWORKS = {"engine": "{}", "first s": "{:.3f}", "second s": "{:.3f}", "for as many voxels": "**{:.2f}**"}


@dataclass(frozen=True)
class Body:
    """What was counted in a body.

    Args:
        length_mm: Of its image, from bottom to top.
        windows: Of the second pass.
        extents_mm: Organ -> extent along x, y, z.
    """

    length_mm: float
    windows: int
    extents_mm: dict[str, NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bodies", type=int, default=6, help="of each part of the trunk")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    spec = Segmenter("default").model.spec.second_pass
    counted = {}
    for extent in get_args(Extent):
        counted[extent] = [body(spec, extent, number) for number in range(arguments.bodies)]
        print(extent, [one.windows for one in counted[extent]], file=sys.stderr, flush=True)
    publish(
        arguments.out,
        title="The second pass of the bundled model: windows around organs, and the time of one",
        about=ABOUT,
        measures=MEASURES,
        tables={
            "bodies": Table(BODIES, [body_row(extent, bodies) for extent, bodies in counted.items()]),
            "organs": Table(ORGANS, list(organ_rows(counted[WHOLE]))),
            "networks": Table(NETWORKS, [network_row(*way) for way in WAYS]),
        },
    )


def body(spec: SecondPassSpec, extent: Extent, number: int) -> Body:
    """Count in a procedural body, on the grid of the second pass."""
    options = BodyOptions(extent=extent, missing=())
    truth = build_body(np.random.default_rng((SEED, number)), spec.preprocess.spacing_mm, options).truth
    spacing = np.asarray(truth.grid.spacing_mm)
    extents = {key: spacing * extent_of(mask) for key in truth.classes if (mask := organ(truth, (key,))) is not None}
    windows = sum(windows_around(truth, spec, part, r.margin_mm) for r in spec.regions for part in r.parts)
    return Body(float(truth.grid.shape[2] * spacing[2]), windows, extents)


def organ(truth: Segmentation, keys: tuple[str, ...]) -> NDArray[np.bool_] | None:
    """Organs that share a box; None for lesions and for what is too small to be looked at."""
    if any(STRUCTURES[key].is_lesion for key in keys) or not any(truth.mask(key).any() for key in keys):
        return None
    mask = joined(truth.mask(key) for key in keys)
    return mask if mask.sum() * truth.grid.voxel_volume_ml >= SMALLEST_ORGAN_ML else None


def extent_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Voxels from the first to the last along each axis."""
    return np.array([np.ptp(there) + 1 for there in np.nonzero(mask)])


def windows_around(truth: Segmentation, spec: SecondPassSpec, keys: tuple[str, ...], margin_mm: float) -> int:
    """Windows as in `omentum.pipeline.passes.second`."""
    if (mask := organ(truth, keys)) is None:
        return 0
    _, near = surroundings(mask, margin_mm, spec.preprocess)
    return len(plan_windows(near.shape, spec.preprocess.patch).touching(near))


def body_row(extent: str, bodies: list[Body]) -> list[Cell]:
    """Of the table `bodies`."""
    windows = [one.windows for one in bodies]
    length = float(np.mean([one.length_mm for one in bodies]))
    return [extent, len(bodies), length, float(np.mean(windows)), min(windows), max(windows)]


def organ_rows(bodies: list[Body]) -> Iterator[list[Cell]]:
    """Of the table `organs`."""
    for key in STRUCTURES.default_keys:
        if found := [one.extents_mm[key] for one in bodies if key in one.extents_mm]:
            yield [key, len(found), *map(float, np.mean(found, axis=0))]


def network_row(engine: str, precision: str) -> list[Cell]:
    """Of the table `networks`."""
    options = SegmentOptions(device="cpu", engine=engine, precision=precision)
    segmenter = Segmenter("default", options)
    second, spec = segmenter.model.second_pass, segmenter.model.spec.second_pass
    predict = SharedNetwork(second, segmenter.device, segmenter.profile, engine)(spec.regions[0].classes)
    patches = (segmenter.model.spec.preprocess.patch, spec.preprocess.patch)
    one = processor_seconds(segmenter.engine, torch.rand(1, 1, *patches[0]))
    other = processor_seconds(predict, torch.rand(1, 2, *patches[1]))
    times = other / one * math.prod(patches[0]) / math.prod(patches[1])
    return [f"{engine} {precision}", one, other, times]


def processor_seconds(predict: Predictor, windows: torch.Tensor) -> float:
    """The least of five."""
    seconds = []
    with torch.inference_mode():
        for _ in range(5):
            started = time.process_time()
            predict(windows)
            seconds.append(time.process_time() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
