"""Would Winograd's convolutions pay on a CPU? One 3x3x3 convolution of the Swin UNETR's finest level, both ways.

    python benchmarks/winograd.py -o benchmarks/results/winograd.json

oneDNN's convolution (torch with channels last; OpenVINO runs the same kernels) against F(4x4, 3x3) over two axes and
plain sums over the third (Lavin and Gray, CVPR 2016): a quarter of the multiplications, as matrix products of torch on
tiles that fit the processor's cache, a thread each. float32, 96^3 voxels, 48 and 96 channels to 48.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from threading import local

import torch
import torch.nn.functional as F
from torch import Tensor

from omentum.model.thread_map import map_on_threads
from record import Cell, Table, publish, result_file

SIDE, WIDTH, BELOW = 96, 48, (48, 96)
PLANES, TILES = 8, SIDE // 4
"""So many planes of one row of tiles are transformed at once."""
REPEATS = 5
MEASURES = ("benchmarks/winograd.py",)
ABOUT = (
    f"float32, {SIDE}^3 voxels, to {WIDTH} channels; least of {REPEATS} runs. Billions of operations are those of the "
    "plain convolution; the error is the largest against float64, in standard deviations of the result."
)
COLUMNS = {
    "channels": "{}",
    "way": "{}",
    "seconds": "{:.2f}",
    "billion operations a second": "{:.0f}",
    "error": "{:.1e}",
}
TO_TILE = torch.tensor(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
).float()
TO_KERNEL = torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
FROM_TILE = torch.tensor([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]).float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with torch.inference_mode():
        rows = [row for below in BELOW for row in compared(below)]
    publish(
        arguments.out,
        title="A 3x3x3 convolution by Winograd's transforms",
        about=ABOUT,
        measures=MEASURES,
        tables={"ways": Table(COLUMNS, rows)},
    )


def compared(below: int) -> list[tuple[Cell, ...]]:
    """Both ways on the same features."""
    x, weight = torch.randn(1, below, SIDE, SIDE, SIDE), torch.randn(WIDTH, below, 3, 3, 3) / (27 * below) ** 0.5
    exact = F.conv3d(x.double(), weight.double(), padding=1)[0]
    last, weight_last = (t.contiguous(memory_format=torch.channels_last_3d) for t in (x, weight))
    padded = F.pad(x[0], (1,) * 6).permute(1, 2, 3, 0).contiguous()
    winograd = Winograd(weight)
    ways: dict[str, Callable[[], Tensor]] = {
        "oneDNN": lambda: F.conv3d(last, weight_last, padding=1)[0],
        "Winograd": lambda: winograd(padded)[1:-1, 1:-1, 1:-1].permute(3, 0, 1, 2),
    }
    billions = 2 * 27 * below * WIDTH * SIDE**3 / 1e9
    rows = []
    for name, way in ways.items():
        seconds, found = measured(way)
        error = float((found - exact).abs().max() / exact.std())
        rows.append((below, name, seconds, billions / seconds, error))
    return rows


def measured(way: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Least seconds of several runs, and what came out."""
    seconds, found = [], way()
    for _ in range(REPEATS):
        started = time.perf_counter()
        found = way()
        seconds.append(time.perf_counter() - started)
    return min(seconds), found


class Winograd:
    """A 3x3x3 convolution with padding 1 of features [X + 2, Y + 2, Z + 2, C] with a margin of zeros."""

    def __init__(self, weight: Tensor) -> None:
        kernels = torch.einsum("pj,qk,ocijk->ipqco", TO_KERNEL.double(), TO_KERNEL.double(), weight.double())
        self._kernels = kernels.flatten(1, 2).float().contiguous()  # [3, 36, C, O]
        self._to_tile, self._from_tile = torch.kron(TO_TILE, TO_TILE), torch.kron(FROM_TILE, FROM_TILE)
        self._scratch = local()
        self._out = torch.zeros(*(SIDE + 2,) * 3, WIDTH)

    def __call__(self, x: Tensor) -> Tensor:
        """[X + 2, Y + 2, Z + 2, O], with a margin of zeros; the same memory every time."""
        pieces = [(i, row) for row in range(TILES) for i in range(0, SIDE, PLANES)]
        map_on_threads(lambda piece: self._piece(x, *piece), pieces)
        return self._out

    def _piece(self, x: Tensor, i: int, row: int) -> None:
        below = x.shape[3]
        tiles, turned, products, done = self._buffers(below)
        sx, sy, sz, _ = x.stride()
        shape, steps = (6, 6, PLANES + 2, TILES, below), (sy, sz, sx, 4 * sz, 1)
        tiles.view(shape).copy_(x.as_strided(shape, steps, i * sx + 4 * row * sy))
        torch.mm(self._to_tile, tiles, out=turned)
        planes = turned.view(36, (PLANES + 2) * TILES, below)
        for n, kernel in enumerate(self._kernels):
            shifted = planes[:, n * TILES : (n + PLANES) * TILES]
            torch.baddbmm(products, shifted, kernel, beta=float(n > 0), out=products)
        torch.mm(self._from_tile, products.view(36, -1), out=done)
        sx, sy, sz, _ = self._out.stride()
        shape, steps = (4, 4, PLANES, TILES, WIDTH), (sy, sz, sx, 4 * sz, 1)
        self._out.as_strided(shape, steps, (i + 1) * sx + (4 * row + 1) * sy + sz).copy_(done.view(shape))

    def _buffers(self, below: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of this thread."""
        if not hasattr(self._scratch, "buffers"):
            wide, many = (PLANES + 2) * TILES * below, PLANES * TILES
            self._scratch.buffers = (
                *(torch.empty(36, wide) for _ in range(2)),
                torch.zeros(36, many, WIDTH),
                torch.empty(16, many * WIDTH),
            )
        return self._scratch.buffers


if __name__ == "__main__":
    main()
