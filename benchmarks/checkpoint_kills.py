"""A training run killed (SIGKILL) at random moments again and again, and compared with one that was never disturbed.

    python benchmarks/checkpoint_kills.py --kills 50

It saves at every step, so that many kills fall into the writing of a checkpoint. After each kill the run must go on
from no earlier than the last step it had called saved; in the end model, optimisers and average must equal, bit for
bit, those of an undisturbed run after the same number of steps.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.cases import labelled_case
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.model import UniversalModel, build
from omentum.segmentation import Segmentation
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec
from omentum.train import loop
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run.checkpoints import Checkpoints
from omentum.train.run.folder import CHECKPOINTS
from omentum.train.stopping import StoppedError
from omentum.volume import Volume
from record import Table, publish, result_file

AT_START = 0.1
"""So many kills fall before the first step: reading, going on, taking the lock."""
LONGEST_S = 1.2
"""A kill comes so long after the first step at the latest."""
MEASURES = ("src/omentum/train", "src/omentum/data/sampling/loader.py", "src/omentum/data/sampling/sampler.py")
TITLE = "A training run after kills"
ABOUT = (
    f"A run that saves a checkpoint at every step was ended by SIGKILL, at the start or up to {LONGEST_S} s after its "
    "first saved step, and went on each time. In the end model, deep supervision, both optimisers and the average are "
    "compared with those of a run that was never disturbed."
)
COLUMNS = {
    "kills": "{}",
    "while a file was being written": "{}",
    "runs lost or set back": "{}",
    "steps": "{}",
    "the same bit for bit": "{}",
    "seconds": "{:.0f}",
}
NETWORK = {"widths": [8, 16, 16], "stem": 8, "blocks": 1, "decoded_channels": 4}
CONFIG = TrainConfig(
    data=(DataConfig("made up"),),
    parameters=NETWORK,
    patch=(16, 16, 16),
    steps=1_000_000,
    save_every=1,
    validate_every=1_000_000,
    bf16=False,
    workers=0,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("lightning_fabric.loggers", "lightning_fabric.strategies", "torch.utils.tensorboard"):
        import_module(name)  # here, or every child would spend its life importing
    with tempfile.TemporaryDirectory() as scratch:
        row = run(Path(scratch), arguments.kills, random.Random(arguments.seed))
    publish(arguments.out, title=TITLE, about=ABOUT, measures=MEASURES, tables={"kills": Table(COLUMNS, [row])})
    sys.exit(row[2] > 0 or row[4] != "yes")


def run(scratch: Path, kills: int, rng: random.Random) -> tuple[int, int, int, int, str, float]:
    """The row of the table."""
    start, sampler = time.monotonic(), toy_sampler()
    lost = in_saving = saved = 0
    for _ in range(kills):
        said = kill_one(sampler, scratch / "killed", rng)
        in_saving += any((scratch / "killed").rglob(".*.tmp-*"))
        saved = max(saved, said)
        step, warnings = newest(scratch / "killed")
        lost += step < saved or bool(warnings)
        saved = step
    undisturbed(sampler, scratch / "whole", saved)
    same = equal(state(scratch / "whole", saved), state(scratch / "killed", saved))
    print(f"{kills} kills, {in_saving} while a file was being written; runs lost or set back: {lost}")
    print(f"after {saved} steps: {'the same bit for bit' if same else 'DIFFERENT'}")
    return kills, in_saving, lost, saved, "yes" if same else "NO", time.monotonic() - start


def kill_one(sampler: PatchSampler, folder: Path, rng: random.Random) -> int:
    """Go on with the run in another process and kill it; returns the last step it had called saved."""
    reader, writer = os.pipe()
    model = toy_model()
    child = os.fork()
    if child == 0:
        os.close(reader)
        train_and_tell(sampler, model, folder, writer)
    os.close(writer)
    if rng.random() < AT_START:
        time.sleep(rng.uniform(0, 0.3))
    else:
        select.select([reader], [], [], 120)
        time.sleep(rng.uniform(0, LONGEST_S))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reader) as lines:
        return max((int(line) for line in lines.read().splitlines(keepends=True) if line.endswith("\n")), default=0)


def train_and_tell(sampler: PatchSampler, model: UniversalModel, folder: Path, writer: int) -> None:
    """In the child: train until killed, a line for each saved step."""

    def tell(kind: str, figures: dict[str, Any]) -> None:
        if kind == "saved":
            os.write(writer, f"{figures['step']}\n".encode())

    try:
        loop.run_training(CONFIG, sampler, (), folder, tell, model=model)
    finally:
        os._exit(1)


def newest(folder: Path) -> tuple[int, list[str]]:
    """Step of the newest whole checkpoint, and what was said of damaged ones."""
    warnings: list[str] = []
    checkpoints = Checkpoints(folder / CHECKPOINTS, CONFIG.keep_checkpoints) if folder.exists() else None
    found = checkpoints and checkpoints.newest(warnings.append)
    return (int(found["step"]) if found else 0), warnings


def undisturbed(sampler: PatchSampler, folder: Path, steps: int) -> None:
    """A run of so many steps in this process; its checkpoint of the last one stays."""

    def tell(kind: str, figures: dict[str, Any]) -> None:
        if kind == "advance" and figures["step"] == steps:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        loop.run_training(CONFIG, sampler, (), folder, tell, model=toy_model())
    except StoppedError as stopped:
        print(stopped.reason)


def state(folder: Path, step: int) -> dict[str, Any]:
    return Checkpoints(folder / CHECKPOINTS, CONFIG.keep_checkpoints).load(step)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def toy_sampler() -> PatchSampler:
    """Patches of one small block with a bright liver in it."""
    hu = np.full((40, 40, 40), 20, np.int16)
    liver = np.zeros(hu.shape, bool)
    liver[10:30, 8:24, 12:32] = True
    hu[liver] = 110
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    truth = Segmentation.from_masks({"liver": liver}, affine, {"liver"})
    case = labelled_case("block", Volume(hu, affine), truth, STRUCTURES.keys, np.random.default_rng(0))
    return PatchSampler((PatchSource("toy", (case,)),), STRUCTURES.keys, CONFIG.patch, CONFIG.window_hu, Augmentation())


def toy_model() -> UniversalModel:
    torch.manual_seed(0)
    embeddings = torch.randn(len(STRUCTURES.keys), 16)
    classes = tuple(ClassSpec(s.key, prompt(s)) for s in STRUCTURES)
    spec = CheckpointSpec(ModelSpec("residual_unet", NETWORK, text_width=16), CONFIG.preprocess, classes, "random")
    return build(spec, embeddings)


if __name__ == "__main__":
    main()
