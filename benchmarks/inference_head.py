"""The text-driven head alone against grouped convolutions over features repeated per class: time and memory.

    python benchmarks/inference_head.py -o benchmarks/results/inference_head.json

One window, 32 classes, float32. Each measurement runs in a process of its own; time is the least of some repeats,
memory the peak above the process with its inputs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

import torch
from torch import Tensor

from inference_baseline import repeated_logits
from omentum.anatomy import STRUCTURES
from omentum.model.head import TextDrivenHead
from peak_memory import forget_peak, peak_gb
from record import Table, publish, result_file

MEASURES = ("src/omentum/model/head.py", "src/omentum/model/generated_layers.py", "src/omentum/model/thread_map.py")
COLUMNS = {
    "way": "{}",
    "pass": "{}",
    "processor seconds": "{:.2f}",
    "times as fast": "{:.1f}",
    "peak GB": "{:.2f}",
    "times less memory": "{:.1f}",
}
SIDE, CHANNELS, DEEP = 96, 48, 768
WAYS = ("repeated", "omentum", "omentum, 3 classes")
PASSES = ("forward", "forward and backward")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(measured(*arguments.run, arguments.repeats)))
        return
    rows = []
    for kind in PASSES:
        base: dict[str, float] = {}
        for way in WAYS:
            command = [sys.executable, __file__, "--repeats", str(arguments.repeats), "--run", way, kind]
            cost = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            base = base or cost
            ratios = (base["seconds"] / cost["seconds"], base["gb"] / max(cost["gb"], 1e-3))
            rows.append((way, kind, cost["seconds"], ratios[0], cost["gb"], ratios[1]))
            print(rows[-1], file=sys.stderr, flush=True)
    publish(
        arguments.out,
        title=f"The head at {SIDE}^3, {len(STRUCTURES)} classes",
        measures=MEASURES,
        tables={"passes": Table(COLUMNS, rows)},
    )


def measured(way: str, kind: str, repeats: int) -> dict[str, float]:
    """Least processor seconds and peak memory."""
    torch.manual_seed(0)
    head = TextDrivenHead(DEEP, CHANNELS)
    classes = 3 if "3 classes" in way else len(STRUCTURES)
    deep, text = torch.randn(1, DEEP, 3, 3, 3), torch.randn(classes, 512)
    decoded = torch.randn(1, CHANNELS, SIDE, SIDE, SIDE, requires_grad=kind != "forward")
    with torch.set_grad_enabled(kind != "forward"):
        features = head.voxel_features(decoded)
        layers = head.layers(deep, text)
    before, seconds = forget_peak(), []
    for _ in range(repeats):
        spent = time.process_time()
        with torch.set_grad_enabled(kind != "forward"):
            logits = drawn(head, way, features, layers)
            if kind != "forward":
                torch.autograd.grad(logits, (features, layers), torch.ones_like(logits))
        seconds.append(time.process_time() - spent)
        del logits
    return {"seconds": min(seconds), "gb": peak_gb() - before}


def drawn(head: TextDrivenHead, way: str, features: Tensor, layers: Tensor) -> Tensor:
    """Logits from voxel features and generated layers."""
    if way == "repeated":
        return repeated_logits(features, layers[0], head.channels)
    return head.apply_dynamic_head(features.flatten(2), layers).unflatten(2, features.shape[2:])


if __name__ == "__main__":
    main()
