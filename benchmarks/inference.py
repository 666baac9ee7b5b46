"""Swin UNETR with 32 classes on one CT: every profile against the plain MONAI pipeline, with the same weights.

    python benchmarks/inference.py PARITY/ DATA/abdomen_3mm/ct.nii.gz --work /var/tmp/inference \
        -o benchmarks/results/inference.json

PARITY holds fill.py and swinunetr_keys.json: weights filled from their names. Each pipeline runs in a process of its
own, reads the CT and writes 32 masks; its memory counts from after the weights are loaded (and compiled). What is done
is kept in --work, so that a run that was stopped goes on, and --only runs some parts alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from omentum.anatomy import STRUCTURES
from omentum.infer.profiles import PROFILES
from omentum.io.nifti import read_volume, write_mask
from omentum.model import save_checkpoint
from omentum.model.backbones.swin_unetr import SwinUnetr
from omentum.model.published import import_published
from omentum.pipeline import Segmenter, SegmentOptions
from peak_memory import forget_peak, peak_gb
from record import Cell, Table, publish, result_file

HERE = Path(__file__).parent
MEASURES = (
    *("src/omentum/infer", "src/omentum/model/head.py", "src/omentum/model/backbones", "src/omentum/pipeline"),
    *("src/omentum/preprocess", "benchmarks/inference_baseline.py"),
)
COLUMNS = {
    "pipeline": "{}",
    "overlap": "{}",
    "engine": "{}",
    "windows": "{}",
    "seconds": "{:.0f}",
    "times as fast": "{:.1f}",
    "processor seconds": "{:.0f}",
    "times as few": "{:.1f}",
    "peak GB above the model": "{:.2f}",
    "share of the baseline's": "{:.2f}",
    "least equal voxels of a class": "{:.3%}",
    "mean Dice of both": "{:.4f}",
}
BASELINE = "plain MONAI"
RUNS = {
    "exact": SegmentOptions(profile="exact", postprocess="none"),
    "exact, torch": SegmentOptions(profile="exact", postprocess="none", engine="torch"),
    "balanced": SegmentOptions(profile="balanced", postprocess="none"),
    "fast": SegmentOptions(profile="fast", postprocess="none"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parity", type=Path)
    parser.add_argument("ct", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=[BASELINE, *RUNS], default=[BASELINE, *RUNS])
    parser.add_argument("--run", choices=list(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    work, weights = arguments.work, arguments.work / "weights.safetensors"
    if arguments.run:
        run(arguments.run, weights, arguments.ct, folder(work, arguments.run))
        return
    work.mkdir(parents=True, exist_ok=True)
    if not weights.exists():
        save_filled(arguments.parity, weights)
    for name in arguments.only:
        if not (folder(work, name) / "cost.json").exists():
            subprocess.run(command(name, weights, arguments), check=True)
    rows = [row(name, work) for name in (BASELINE, *RUNS) if cost(work, name) is not None]
    publish(
        arguments.out,
        title="Inference: Swin UNETR, 32 classes, one CT",
        about="The baseline is the first row. What is done is kept in `--work`, so that parts may have run apart.",
        measures=MEASURES,
        tables={"pipelines": Table(COLUMNS, rows)},
    )


def folder(work: Path, name: str) -> Path:
    """Where the masks of one pipeline are."""
    return work / name.replace(", ", "_").replace(" ", "_")


def command(name: str, weights: Path, arguments: argparse.Namespace) -> list[str]:
    """How a pipeline is started."""
    if name == BASELINE:
        target = folder(arguments.work, name)
        return [sys.executable, str(HERE / "inference_baseline.py"), str(weights), str(arguments.ct), str(target)]
    return [sys.executable, *sys.argv[:3], "--work", str(arguments.work), "--run", name]


def save_filled(parity: Path, target: Path) -> None:
    """The published architecture with every tensor filled from its name."""
    found = importlib.util.spec_from_file_location("fill", parity / "fill.py")
    assert found is not None and found.loader is not None  # noqa: PT018
    fill = importlib.util.module_from_spec(found)
    found.loader.exec_module(fill)
    entries = json.loads((parity / "swinunetr_keys.json").read_text(encoding="utf-8"))
    own = {f"backbone.{name}": tensor for name, tensor in SwinUnetr().network.state_dict().items()}
    state = {
        name: torch.from_numpy(fill.tensor(name, tuple(shape), 0)) if dtype == "float32" else own[name]
        for name, (shape, dtype) in entries.items()
    }
    released = target.with_suffix(".pth")
    torch.save({"net": state}, released)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these are not the released weights is known
        save_checkpoint(target, import_published(released))
    released.unlink()


def run(name: str, weights: Path, ct: Path, target: Path) -> None:
    """One of our pipelines: the CT from disk, 32 masks to disk."""
    target.mkdir(parents=True, exist_ok=True)
    segmenter = Segmenter(weights, RUNS[name])
    segmenter.load()
    before = forget_peak()
    started, spent = time.perf_counter(), time.process_time()
    found = segmenter.segment(ct, progress=lambda done, of: print(f"{name}: {done} of {of}", file=sys.stderr))
    for key in found.classes:
        write_mask(target / f"{key}.nii.gz", found.mask(key), found)
    marks = {"saved": (time.perf_counter() - started, time.process_time() - spent)}
    cost = {"marks": marks, "peak_gb": peak_gb() - before, "windows": found.manifest["model_grid"]["windows"]}
    (target / "cost.json").write_text(json.dumps(cost | {"engine": found.manifest["engine"]}), encoding="utf-8")


def equality(one: Path, other: Path) -> tuple[float, float]:
    """Least share of equal voxels over the classes, and the mean Dice."""
    equal, dice = [], []
    for key in STRUCTURES.keys:
        a, b = (np.asarray(read_volume(side / f"{key}.nii.gz").voxels) > 0 for side in (one, other))
        equal.append(float((a == b).mean()))
        if a.any() or b.any():
            dice.append(2 * float((a & b).sum()) / float(a.sum() + b.sum()))
    return min(equal), float(np.mean(dice))


def row(name: str, work: Path) -> list[Cell]:
    """Of the table."""
    base, done = cost(work, BASELINE), cost(work, name)
    assert done is not None
    wall, processor = done["marks"]["saved"]
    engine = done.get("engine", {"name": "torch", "precision": "float32"})
    compared: list[Cell] = [None] * 5
    if base is not None:
        equal, dice = equality(folder(work, BASELINE), folder(work, name))
        base_wall, base_processor = base["marks"]["saved"]
        compared = [base_wall / wall, base_processor / processor, done["peak_gb"] / base["peak_gb"], equal, dice]
    overlap = PROFILES[RUNS[name].profile].overlap if name in RUNS else 0.5
    told = [name, overlap, f"{engine['name']} {engine['precision']}", done["windows"]]
    return [*told, wall, compared[0], processor, compared[1], done["peak_gb"], *compared[2:]]


def cost(work: Path, name: str) -> dict[str, Any] | None:
    """What a pipeline took, None if it has not been run."""
    file = folder(work, name) / "cost.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


if __name__ == "__main__":
    main()
