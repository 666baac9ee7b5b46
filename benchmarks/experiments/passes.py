"""What all structures cost by one pass of one network, and by a pass for each of several networks.

    python benchmarks/experiments/passes.py -o benchmarks/results/passes.json

Processor seconds of one window of the bundled model on one thread, for as many structures as a data set has labels; the
image part of a pass does not depend on the structures, the heads do.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from omentum.model import load_model

sys.path.append(str(Path(__file__).parents[1]))
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/model/head.py", "src/omentum/model/generated_layers.py", "src/omentum/model/universal.py"),
    *("src/omentum/model/backbones/residual_unet.py", "src/omentum/resources/default.safetensors"),
)
ALL = 32
COUNTS = (1, 2, 5, 9, 16, ALL)
"""The tasks of MSD have one or two structures each, nine in all."""
COLUMNS = {
    "structures a pass": "{}",
    "s a window": "{:.3f}",
    f"passes for {ALL}": "{}",
    f"cost of all {ALL}": "{:.1f} x",
}
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    parser.add_argument("--weights", default="default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(options.weights)
    window = torch.rand(1, 1, *model.spec.preprocess.patch)
    seconds = {count: least_seconds(model, window, count) for count in COUNTS}
    rows = [(n, s, -(-ALL // n), s * -(-ALL // n) / seconds[ALL]) for n, s in seconds.items()]
    publish(
        options.out,
        title=f"One window of {' x '.join(map(str, window.shape[2:]))} voxels for several numbers of structures",
        about=f"Weights `{options.weights}`, torch, processor seconds on one thread, the least of {REPEATS}.",
        measures=MEASURES,
        tables={"passes": Table(COLUMNS, rows)},
        values={
            "six passes of two structures s": 6 * seconds[2],
            "six passes of two : one of nine": 6 * seconds[2] / seconds[9],
            "six passes of two : one of all": 6 * seconds[2] / seconds[ALL],
            "all structures : one": seconds[ALL] / seconds[1],
        },
    )


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
