"""Size, time and memory of every backbone in its default size, as ratios to Swin UNETR in the same process.

    python benchmarks/backbones.py -o benchmarks/results/backbones.json

Time is processor time of one forward pass in float32 (the best of --repeats): a busy machine disturbs it little. Memory
is counted, not sampled: the bytes of all tensors alive at once, from the shapes alone, the same on every machine; the
weights and a library's own scratch memory are not in it.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from omentum.model.backbones.recomputation import checkpoint_activations
from omentum.model.build import BACKBONES, SECOND_PASS_BACKBONES, build_backbone
from omentum.model.universal import Backbone
from omentum.spec import ModelSpec
from record import Cell, Table, publish, result_file

BASELINE = "swin_unetr"
MEASURES = ("src/omentum/model/backbones", "src/omentum/model/build.py")
COLUMNS = {
    "backbone": "{}",
    "parameters M": "{:.1f}",
    "sides divide by": "{}",
    "seconds": "{:.1f}",
    "seconds ratio": "{:.2f}",
    "forward MiB": "{:.0f}",
    "forward ratio": "{:.2f}",
    "training MiB": "{:.0f}",
    "training ratio": "{:.2f}",
    "recomputing": "{:.2f}",
}
ABOUT = (
    f"Ratios are to `{BASELINE}` in the same process. Time is processor time of a forward pass. Memory is counted from "
    "the shapes of all tensors alive at once, weights not included: at the peak of a forward pass, and kept for the "
    "backward pass in training; the last column is the share of the latter that `checkpoint_activations` leaves."
)


@dataclass(frozen=True)
class Cost:
    """Of one backbone: parameters, processor seconds, bytes at the peak of a forward pass, bytes kept for backward."""

    divisor: int
    parameters: int
    seconds: float
    forward: int
    kept: int
    kept_frugal: int


class PeakMemory(TorchDispatchMode):
    """Bytes of the tensors made inside that are alive at once, at most.

    Args:
        backbone: Its weights do not count.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.weights = {p.untyped_storage()._cdata for p in backbone.state_dict(keep_vars=True).values()}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.weights:
                    self.alive[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self.alive = {key: entry for key, entry in self.alive.items() if not entry[0].expired()}
        self.peak = max(self.peak, self.bytes_alive)
        return result

    @property
    def bytes_alive(self) -> int:
        return sum(size for _, size in self.alive.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=96, help="voxels along each side")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    costs = {}
    for name in BACKBONES | SECOND_PASS_BACKBONES:
        costs[name] = cost(name, arguments.size, arguments.repeats)
        print(f"{name}: {costs[name]}", file=sys.stderr, flush=True)
    size = " x ".join([str(arguments.size)] * 3)
    publish(
        arguments.out,
        title=f"Backbones in default sizes, one window of {size} voxels, float32, without the head",
        about=ABOUT,
        measures=MEASURES,
        tables={"costs": Table(COLUMNS, rows(costs))},
    )


def cost(name: str, size: int, repeats: int) -> Cost:
    """Everything about one backbone in its default size."""
    torch.manual_seed(0)
    backbone = build_backbone(ModelSpec(name))
    x = torch.rand(1, backbone.input_channels, size, size, size)
    seconds = min(processor_seconds(backbone, x) for _ in range(repeats))
    shadow, ghost = backbone.to("meta"), x.to("meta")
    with torch.no_grad(), PeakMemory(shadow) as memory:
        shadow(ghost)
    parameters = sum(p.numel() for p in backbone.parameters())
    kept = bytes_kept(shadow, ghost)
    checkpoint_activations(shadow)
    return Cost(backbone.divisor, parameters, seconds, memory.peak, kept, bytes_kept(shadow, ghost))


def processor_seconds(backbone: Backbone, x: Tensor) -> float:
    """Of one forward pass."""
    start = time.process_time()
    with torch.inference_mode():
        backbone(x)
    return time.process_time() - start


def bytes_kept(backbone: Backbone, x: Tensor) -> int:
    """What a forward pass leaves behind for the backward pass, and its results."""
    with PeakMemory(backbone) as memory:
        results = backbone(x)
        kept = memory.bytes_alive
    del results
    return kept


def rows(costs: dict[str, Cost]) -> list[list[Cell]]:
    """Of the table."""
    base = costs[BASELINE]
    return [
        [
            *(name, c.parameters / 1e6, c.divisor, c.seconds, c.seconds / base.seconds),
            *(c.forward / 2**20, c.forward / base.forward, c.kept / 2**20, c.kept / base.kept),
            c.kept_frugal / c.kept,
        ]
        for name, c in costs.items()
    ]


if __name__ == "__main__":
    main()
