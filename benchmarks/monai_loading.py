"""Patches made by MONAI's dictionary transforms as the published training did it, and timed; used by loader.py."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from omentum.io.nifti import write_volume
from omentum.volume import Volume
from patch_timing import PATCH, SPEC, Timed, timed


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
