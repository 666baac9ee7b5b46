"""Loading and augmentation: patches a processor second from a store, against MONAI's dictionary transforms on .nii.gz.

    python benchmarks/loader.py -o benchmarks/results/loader.json

The same phantoms in the same run, one process and one thread each, files in the page cache for both. MONAI does what
the published training did (Liu et al., ICCV 2023: load, orient, resample to 1.5 mm, window, crop to the foreground,
crop patches around labels, quarter turns, intensity shifts; the zoom for the Decathlon's cases only), on one label map:
the published 32-channel HDF5 labels, which cost seconds a case, are left out. Ours reads the boxes it needs from a
prepared store and gives every patch 32 overlapping structures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import omentum
from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE, Augmentation
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.loader import PatchLoader
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.io.nifti import write_volume
from omentum.spec import PreprocessSpec
from omentum.train.config.toml_file import load_config
from omentum.volume import Volume
from record import Cell, Table, publish, result_file
from store_throughput import prepare, write_raw

PATCH = (96, 96, 96)
MEASURES = (
    *(
        "src/omentum/data/sampling/loader.py",
        "src/omentum/data/sampling/sampler.py",
        "src/omentum/data/sampling/augment.py",
    ),
    *(
        "src/omentum/data/sampling/appearance.py",
        "src/omentum/data/sampling/warp.py",
        "src/omentum/data/store/store.py",
    ),
)
RECIPE = load_config("published", data=[Path()])
PUBLISHED = replace(RECIPE.augmentation, magnify=RECIPE.datasets["msd-liver"].magnify)
"""As the published training varied the cases of the Decathlon."""
COLUMNS = {
    "what": "{}",
    "patches": "{}",
    "processor ms a patch": "{:.1f}",
    "wall ms a patch": "{:.1f}",
    "patches a processor second": "{:.2f}",
}
SPEC = PreprocessSpec()


class Timed(NamedTuple):
    """What so many patches took."""

    patches: int
    processor_s: float
    wall_s: float

    @property
    def rate(self) -> float:
        """Patches a processor second."""
        return self.patches / self.processor_s

    def row(self, what: str, baseline: Timed) -> list[Cell]:
        """Of a table."""
        ms = (1000 * seconds / self.patches for seconds in (self.processor_s, self.wall_s))
        return [what, self.patches, *ms, self.rate, self.rate / baseline.rate]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--spacing", type=float, nargs=3, default=(1.6, 1.6, 3.0), metavar="MM")
    parser.add_argument("--patches", type=int, default=120, help="of ours")
    parser.add_argument("--steps", type=int, default=12, help="of training")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch)
        voxels = write_raw(raw, arguments.cases, arguments.cases, tuple(arguments.spacing))
        prepare(raw, 1)
        cases, _ = load_store(raw / "store", STRUCTURES.keys, SPEC)
        ours = {name: ours_with(cases, how, arguments.patches) for name, how in OURS.items()}
        ours["store, only cut"] = timed(sampler_of(cases, PUBLISHED).cut, arguments.patches)
        theirs = dict(monai_pipelines(raw, arguments.cases))
        theirs |= monai_prepared(raw, cases)
        alike = monai_effects(cases[0], arguments.patches // 4)
        step, waited = training(cases, arguments.steps)
    publish(
        arguments.out,
        title="Loading and augmentation: patches of 96³ at 1.5 mm",
        about=(
            f"Ratios are of processor time. One process and one thread each, the same {arguments.cases} phantoms "
            f"({voxels / 1e6:.1f} million voxels a raw case; a clinical CT has 30-150 million, and costs MONAI's way "
            "so much more). *Only cut* is what a worker does where a GPU finishes patches."
        ),
        measures=MEASURES,
        tables=tables(ours, theirs, alike),
        values=beside_training(ours["store, all of our augmentation"], step, waited),
    )


OURS = {
    "store, varied as published": PUBLISHED,
    "store, all of our augmentation": Augmentation(),
    "store, not varied": NONE,
}


def sampler_of(cases: Sequence[Any], how: Augmentation) -> PatchSampler:
    return PatchSampler((PatchSource("phantoms", tuple(cases)),), STRUCTURES.keys, PATCH, SPEC.window_hu, how)


def ours_with(cases: Sequence[Any], how: Augmentation, patches: int) -> Timed:
    return timed(sampler_of(cases, how).batch, patches)


def timed(make: Callable[[list[int]], object], patches: int) -> Timed:
    """Make patches one by one."""
    make([0])
    processor, wall = time.process_time(), time.perf_counter()
    for number in range(patches):
        make([number])
    return Timed(patches, time.process_time() - processor, time.perf_counter() - wall)


def monai_pipelines(raw: Path, number: int) -> Iterator[tuple[str, Timed]]:
    """The published way from raw files, with 2 patches a case (the default there) and 4 (the README's)."""
    files = [{kind: str(raw / "root" / folder / f"{k}.nii.gz") for kind, folder in FILES} for k in range(number)]
    for samples in (2, 4):
        yield f"raw .nii.gz, {samples} patches a case", timed_cases(published(samples), files, samples)
    yield "raw .nii.gz, 4 patches a case, zoom", timed_cases(published(4, zoom=True), files, 4)


FILES = (("image", "ct"), ("label", "labels"))


def monai_prepared(raw: Path, cases: Sequence[Any]) -> dict[str, Timed]:
    """The same from .nii.gz files that are on the model grid already, and from memory, so to speak a full cache."""
    files = []
    for n, case in enumerate(cases):
        hu, labels = case.box((0, 0, 0), case.shape)
        names = {kind: raw / f"grid_{folder}_{n}.nii.gz" for kind, folder in FILES}
        affine = case.stored.grid.affine
        write_volume(names["image"], Volume(hu, affine))
        write_volume(names["label"], Volume(labels.astype(np.uint8), affine))
        files.append({kind: str(name) for kind, name in names.items()})
    start, end = deterministic(resample=False), random_part(4)
    return {
        ".nii.gz on the model grid, 4 patches a case": timed_cases(published(4, resample=False), files, 4),
        "cached in memory, 4 patches a case": timed_cases(end, [start(f) for f in files], 4),
    }


def deterministic(*, resample: bool) -> Any:
    """The part that is the same in each epoch."""
    from monai import transforms as t

    keys = ["image", "label"]
    low, high = SPEC.window_hu
    spacing = [t.Spacingd(keys, pixdim=(1.5, 1.5, 1.5), mode=("bilinear", "nearest"))] if resample else []
    return t.Compose(
        [
            t.LoadImaged(keys),
            t.EnsureChannelFirstd(keys),
            t.Orientationd(keys, axcodes="RAS", labels=None),
            *spacing,
            t.ScaleIntensityRanged("image", a_min=low, a_max=high, b_min=0, b_max=1, clip=True),
            t.CropForegroundd(keys, source_key="image", allow_smaller=True),
            t.SpatialPadd(keys, spatial_size=PATCH),
        ]
    )


def random_part(samples: int, *, zoom: bool = False) -> Any:
    """What is drawn anew each time."""
    from monai import transforms as t

    keys = ["image", "label"]
    zoomed = [t.RandZoomd(keys, prob=0.3, min_zoom=1.3, max_zoom=1.5, mode=("area", "nearest"))] if zoom else []
    crop = t.RandCropByPosNegLabeld(
        keys, "label", PATCH, pos=2, neg=1, num_samples=samples, image_key="image", image_threshold=0
    )
    return t.Compose(
        [
            *zoomed,
            crop,
            t.RandRotate90d(keys, prob=0.1, max_k=3),
            t.RandShiftIntensityd("image", offsets=0.1, prob=0.2),
            t.ToTensord(keys),
        ]
    )


def published(samples: int, *, resample: bool = True, zoom: bool = False) -> Any:
    from monai.transforms import Compose

    return Compose([deterministic(resample=resample), random_part(samples, zoom=zoom)])


def timed_cases(pipeline: Any, items: Sequence[Any], samples: int) -> Timed:
    """Run a MONAI pipeline over cases, after one that is not counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline(items[0])
        processor, wall, patches = time.process_time(), time.perf_counter(), 0
        for item in items:
            patches += len(pipeline(item))
        assert patches == samples * len(items)
        return Timed(patches, time.process_time() - processor, time.perf_counter() - wall)


def monai_effects(case: Any, patches: int) -> Timed:
    """Effects like those of our default augmentation, as often, by MONAI, on a patch that is in memory."""
    from monai import transforms as t

    keys, angle = ["image", "label"], float(np.deg2rad(12))
    mode = ("bilinear", "nearest")
    spatial = {"rotate_range": (angle,) * 3, "scale_range": (0.2,) * 3, "spatial_size": PATCH, "mode": mode}
    effects = t.Compose(
        [
            t.RandAffined(keys, prob=0.5, **spatial),
            t.Rand3DElasticd(keys, prob=0.5, sigma_range=(8, 9), magnitude_range=(50, 100), **spatial),
            t.CenterSpatialCropd(keys, PATCH),
            t.RandFlipd(keys, prob=0.5, spatial_axis=0),
            t.RandBiasFieldd("image", prob=0.2),
            t.RandGaussianSmoothd("image", prob=0.25, sigma_x=(0.3, 1), sigma_y=(0.3, 1), sigma_z=(0.3, 1)),
            t.RandSimulateLowResolutiond("image", prob=0.2, zoom_range=(0.5, 0.8)),
            t.RandGaussianNoised("image", prob=0.6, std=0.1),
            t.RandScaleIntensityd("image", prob=0.5, factors=0.3),
            t.RandAdjustContrastd("image", prob=0.3, gamma=(0.7, 1.4)),
        ]
    )
    start = [(n - 120) // 2 for n in case.shape]
    hu, labels = case.box(start, (120, 120, 120))
    low, high = SPEC.window_hu
    image = torch.from_numpy(np.clip((hu.astype(np.float32) - low) / (high - low), 0, 1))[None]
    item = {"image": image, "label": torch.from_numpy(labels.astype(np.uint8))[None]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return timed(lambda _: effects(dict(item)), patches)


def training(cases: Sequence[Any], steps: int) -> tuple[Timed, float]:
    """Forward and backward pass of the bundled model's backbone (a training step does more), and the time it waited."""
    model = omentum.load_model("default").train()
    numbers = [[number] for number in range(steps + 1)]
    loader = PatchLoader(sampler_of(cases, Augmentation()), numbers, torch.device("cpu"), workers=1)
    batches = iter(loader)
    first = next(batches)
    _pass(model, first.images)
    loader.waited_s = 0.0
    processor, wall = time.process_time(), time.perf_counter()
    for batch in batches:
        _pass(model, batch.images)
    taken = Timed(steps, time.process_time() - processor, time.perf_counter() - wall)
    return taken, loader.waited_s / taken.wall_s


def _pass(model: Any, images: torch.Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        deep, decoded, *_ = model.backbone.stages(images)
    (deep.float().square().mean() + decoded.float().square().mean()).backward()


def tables(ours: dict[str, Timed], theirs: dict[str, Timed], alike: Timed) -> dict[str, Table]:
    """Whole patches, and effects alone."""
    baseline, full = theirs["raw .nii.gz, 4 patches a case"], ours["store, all of our augmentation"]
    rows = [row.row(f"ours: {what}", baseline) for what, row in ours.items()]
    rows += [row.row(f"MONAI: {what}", baseline) for what, row in theirs.items()]
    effects = [
        alike.row("MONAI: like effects with like probabilities, from a patch in memory", alike),
        full.row("ours: all of our augmentation, reading included", alike),
    ]
    return {
        "patches": Table({**COLUMNS, "times MONAI from raw files with 4 a case": "**{:.1f}**"}, rows),
        "augmentation": Table({**COLUMNS, "times MONAI": "**{:.1f}**"}, effects),
    }


def beside_training(full: Timed, step: Timed, waited: float) -> dict[str, float]:
    """A step (forward and backward pass of the bundled model's backbone, bfloat16, one thread) against a patch."""
    step_ms, patch_ms = (1000 * of.processor_s / of.patches for of in (step, full))
    return {
        "processor ms of a training step": step_ms,
        "training steps : patches": step_ms / patch_ms,
        "share of the time that training waited for one worker": waited,
    }


if __name__ == "__main__":
    main()
