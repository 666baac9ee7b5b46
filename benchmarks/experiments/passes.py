"""What all structures cost by one pass of one network, and by a pass for each of several networks.

    python benchmarks/experiments/passes.py -o benchmarks/experiments/results/passes.json

Processor seconds of one window of the bundled model on one thread, for as many structures as a data set has labels; the
image part of a pass does not depend on the structures, the heads do.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch

from omentum.model import load_model

COUNTS = (1, 2, 5, 16, 32)
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--weights", default="default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(options.weights)
    window = torch.rand(1, 1, *model.spec.preprocess.patch)
    seconds = {count: least_seconds(model, window, count) for count in COUNTS}
    made = {"weights": options.weights, "patch": list(window.shape[2:]), "cpu_s": seconds}
    options.out.write_text(json.dumps(made) + "\n")
    for count, cost in seconds.items():
        print(f"{count:3d} structures: {cost:.3f} s a window")


@torch.inference_mode()
def least_seconds(model: torch.nn.Module, window: torch.Tensor, count: int) -> float:
    """The fastest of a few windows, after one to warm up."""
    model(window, classes=range(count))
    costs = []
    for _ in range(REPEATS):
        began = time.process_time()
        model(window, classes=range(count))
        costs.append(time.process_time() - began)
    return round(min(costs), 4)


if __name__ == "__main__":
    main()
