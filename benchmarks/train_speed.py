"""Training on a processor: patches a second of the preset `compact`, by processes, threads, precision and Muon.

    python benchmarks/train_speed.py -o benchmarks/results/train_speed.json

Each way is a run of its own of `omentum.train.loop.run_training`, in processes that torchrun starts, with its workers,
its exchange of gradients and its optimisers; the clock runs from its third step on. Every run uses all cores: one
process with as many threads, or as many processes with one thread each, joined by gloo. All take the same patches of
the same phantoms, as many in a step as there are cores, so that all learn the same. *Muon as it was* iterates on the
whole matrices in bfloat16, which processors without bfloat16 units emulate.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from record import Cell, Table, publish, result_file

MEASURES = (
    *(
        "src/omentum/train/optimise/muon.py",
        "src/omentum/train/losses/deep_supervision.py",
        "src/omentum/train/learner.py",
    ),
    *("src/omentum/train/losses/patch_loss.py", "src/omentum/model/generated_layers.py", "src/omentum/model/head.py"),
    "src/omentum/model/backbones/residual_unet.py",
)
COLUMNS = {
    "way": "{}",
    "processes": "{}",
    "threads each": "{}",
    "network": "{}",
    "patches a second": "{:.3f}",
    "seconds a step": "{:.2f}",
    "times as fast": "**{:.2f}**",
}
MUON_COLUMNS = {"Muon": "{}", "seconds a step": "{:.3f}", "times as fast": "**{:.1f}**"}
SPACING_MM = (3.0, 3.0, 3.0)
WARM_UP = 2
"""Steps before the clock runs."""
BEFORE = "as it was"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=12, help="on the clock, of each way")
    parser.add_argument("--rounds", type=int, default=2, help="all ways so often, in turn; the fastest of each counts")
    parser.add_argument("--preset", default="compact", help="another one to try the script")
    parser.add_argument("--worker", nargs=2, metavar=("CONFIG", "RESULT"), help=argparse.SUPPRESS)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    if arguments.worker:
        return train_as_told(*map(Path, arguments.worker))
    cores = len(os.sched_getaffinity(0))
    ways = [
        (f"Muon {BEFORE}", 1, cores, True, True),
        ("one process", 1, cores, True, False),
        ("one process", 1, cores, False, False),
        ("a process a core", cores, 1, True, False),
        ("a process a core", cores, 1, False, False),
    ]
    seconds = [float("inf")] * len(ways)
    for _ in range(arguments.rounds):
        for number, (_, *how) in enumerate(ways):
            seconds[number] = min(seconds[number], seconds_a_step(arguments.preset, arguments.steps, *how))
            print(f"{ways[number]}: {seconds[number]:.2f} s a step", file=sys.stderr)
    rows = [
        [name, processes, threads, "bf16" if bf16 else "float32", cores / s, s, seconds[0] / s]
        for (name, processes, threads, bf16, _), s in zip(ways, seconds, strict=True)
    ]
    publish(
        arguments.out,
        title=f"Training speed on a processor: preset {arguments.preset}",
        about=(
            f"{cores} cores, {cores} patches a step; ratios are against the first row, of the same run. Patches "
            "are prepared by one more process for each of training, on the same cores."
        ),
        measures=MEASURES,
        tables={"ways": Table(COLUMNS, rows), "muon": Table(MUON_COLUMNS, muon_alone())},
    )
    return None


def seconds_a_step(preset: str, steps: int, processes: int, threads: int, bf16: bool, before: bool) -> float:
    """Of a run in processes of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        config, result = Path(scratch) / "run.json", Path(scratch) / "result.json"
        cores = processes * threads
        settings = {"batch": cores, "bf16": bf16, "steps": WARM_UP + steps, "save_every": WARM_UP + steps}
        config.write_text(json.dumps({"preset": preset, "settings": settings, "before": before}))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        worker = [__file__, "--worker", str(config), str(result)]
        subprocess.run([*command, *worker], check=True, env=environment, stdout=sys.stderr)
        return float(json.loads(result.read_text()))


def train_as_told(config: Path, result: Path) -> None:
    """One process of a run; the first one writes how many seconds a step took."""
    from omentum.anatomy import STRUCTURES
    from omentum.data.sampling.sampler import PatchSampler, PatchSource
    from omentum.train import fresh_model, loop
    from omentum.train.config.toml_file import load_config
    from omentum.train.optimise import muon

    told = json.loads(config.read_text())
    if told["before"]:
        muon.orthogonalised = orthogonalised_as_it_was
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    words = torch.randn(len(STRUCTURES), 384, generator=torch.Generator().manual_seed(0))
    fresh_model.embed = lambda prompts, encoder: words  # no language model is needed to measure time
    run = load_config(told["preset"], told["settings"], [config.parent])
    sources = (PatchSource("phantoms", tuple(phantoms(2))),)
    sampler = PatchSampler(sources, STRUCTURES.keys, run.patch, run.window_hu, run.augmentation)
    times: list[float] = []

    def note(kind: str, figures: dict[str, Any]) -> None:
        if kind == "advance":
            times.append(time.perf_counter())

    loop.run_training(run, sampler, (), config.parent / "run", note)
    if os.environ["RANK"] == "0":
        result.write_text(json.dumps((times[-1] - times[WARM_UP - 1]) / (len(times) - WARM_UP)))


def phantoms(number: int) -> list[Any]:
    """Cases on the model grid, the same in every process."""
    from omentum.anatomy import STRUCTURES
    from omentum.data.sampling.cases import labelled_case
    from omentum.phantom import make_case

    made = [make_case((11, k), SPACING_MM) for k in range(number)]
    return [
        labelled_case(f"phantom_{k}", case.ct, case.truth, STRUCTURES.keys, np.random.default_rng(k))
        for k, case in enumerate(made)
    ]


def orthogonalised_as_it_was(matrix: Tensor) -> Tensor:
    """The iteration on the whole matrix, in bfloat16 wherever it runs."""
    return plain_iteration(matrix.bfloat16())


def plain_iteration(matrix: Tensor) -> Tensor:
    from omentum.train.optimise.muon import COEFFICIENTS, ITERATIONS

    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-12)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x


def muon_alone() -> Sequence[Sequence[Cell]]:
    """Seconds for the step of every matrix of the bundled network, one thread."""
    import omentum
    from omentum.model import load_checkpoint
    from omentum.train.optimise.muon import orthogonalised
    from omentum.train.optimise.optimisers import SMALLEST_MATRIX

    torch.set_num_threads(1)
    model = load_checkpoint(Path(omentum.__file__).parent / "resources/default.safetensors")
    large = [p for p in model.parameters() if p.ndim >= 2 and p.numel() >= SMALLEST_MATRIX]
    torch.manual_seed(0)
    matrices = [torch.randn(len(p), p[0].numel()) for p in large]
    ways = {
        f"{BEFORE}: whole matrices, bf16": orthogonalised_as_it_was,
        "whole matrices, float32": plain_iteration,
        "Gram matrices, float32": orthogonalised,
    }
    seconds = {}
    for name, way in ways.items():
        took = []
        for _ in range(4):  # the first one warms up
            began = time.perf_counter()
            for matrix in matrices:
                way(matrix)
            took.append(time.perf_counter() - began)
        seconds[name] = min(took[1:])
    first = next(iter(seconds.values()))
    return [[name, s, first / s] for name, s in seconds.items()]


if __name__ == "__main__":
    main()
