"""DiNTS (He et al., CVPR 2021): a lattice of cells at four resolutions whose paths and operations were searched."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise

from monai.networks.blocks.dints_block import (
    ActiConvNormBlock,
    FactorizedIncreaseBlock,
    FactorizedReduceBlock,
    P3DActiConvNormBlock,
)
from torch import Tensor, nn

from omentum.model.universal import Backbone

LEVELS = 4
"""Resolutions of the lattice: 1/2, 1/4, 1/8 and 1/16 of the input's."""

PATHS = tuple(
    (source, target) for target in range(LEVELS) for source in (target - 1, target, target + 1) if 0 <= source < LEVELS
)
"""Level a path comes from and leads to, in the order of the architecture's code."""

OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "0": lambda width: nn.Identity(),
    "1": lambda width: ActiConvNormBlock(width, width, kernel_size=3, padding=1),
    "2": lambda width: P3DActiConvNormBlock(width, width, kernel_size=3, padding=1, mode=0),
    "3": lambda width: P3DActiConvNormBlock(width, width, kernel_size=3, padding=1, mode=1),
    "4": lambda width: P3DActiConvNormBlock(width, width, kernel_size=3, padding=1, mode=2),
}
"""What a path does after the change of resolution: nothing, 3x3x3, or 3x3x1 + 1x1x3, 3x1x3 + 1x3x1, 1x3x3 + 3x1x1."""

ABSENT = "-"
"""A path that the search removed."""

PUBLISHED = (
    "1-13212-1-",
    "1031-21-43",
    "3002101-10",
    "4-2121101-",
    "1140-41111",
    "2-00444111",
    "4300-4-103",
    "110034--13",
    "1002-00011",
    "1423-43031",
    "202--20032",
    "44-----021",
)
"""The searched architecture of the published Universal Model: one block a line, one path of `PATHS` a character."""


class DiNTS(Backbone):
    """Twelve blocks of cells between a stem that feeds every resolution and one that gathers them.

    Args:
        blocks: The architecture, one character of `OPERATIONS` or `ABSENT` per block and path.
        width: Channels at full resolution (32 as published); they double per level.
    """

    def __init__(self, blocks: Sequence[str] = PUBLISHED, width: int = 32) -> None:
        super().__init__()
        inputs = _check(blocks)
        widths = [width * 2**level for level in range(LEVELS + 1)]
        self.divisor = 2**LEVELS
        self.deep_channels = widths[-1]
        self.decoded_channels = width
        self.coarse_channels = tuple(reversed(widths[1:-1]))
        self.stem_down = nn.ModuleDict({str(level): _down(level, widths) for level in sorted(inputs)})
        self.paths = nn.ModuleList(
            nn.ModuleDict(
                {
                    str(number): _path(widths[source + 1], widths[target + 1], code)
                    for number, ((source, target), code) in enumerate(zip(PATHS, block, strict=True))
                    if code != ABSENT
                }
            )
            for block in blocks
        )
        self.stem_up = nn.ModuleList(_up(level, widths) for level in range(LEVELS))

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """See `Backbone.stages`; deep features have 1/16 of the resolution."""
        nodes: dict[int, Tensor] = {int(level): stem(x) for level, stem in self.stem_down.items()}
        for block in self.paths:
            reached: dict[int, Tensor] = {}
            for number, path in block.items():  # type: ignore[operator]  # a ModuleDict
                source, target = PATHS[int(number)]
                y = path(nodes[source])
                reached[target] = reached[target] + y if target in reached else y
            nodes = reached
        deep = nodes[LEVELS - 1]
        y, decoder = deep, []
        for level in reversed(range(LEVELS)):
            y = self.stem_up[level](y + nodes[level] if level in nodes and level < LEVELS - 1 else y)
            decoder.append(y)
        return deep, decoder.pop(), tuple(decoder)


def _check(blocks: Sequence[str]) -> set[int]:
    """Levels that the first block reads.

    Raises:
        ValueError: a code that does not exist, a path from a level that nothing reached, or a level that leads nowhere.
    """
    known = {*OPERATIONS, ABSENT}
    if not blocks or any(len(block) != len(PATHS) or set(block) - known for block in blocks):
        raise ValueError(f"blocks are lines of {len(PATHS)} characters, each one of {''.join(sorted(known))}")
    steps = [[path for path, code in zip(PATHS, block, strict=True) if code != ABSENT] for block in blocks]
    for earlier, later in pairwise(steps):
        if {target for _, target in earlier} != {source for source, _ in later}:
            raise ValueError("every level that a block reaches must be read by the next block, and no other")
    if LEVELS - 1 not in {target for _, target in steps[-1]}:
        raise ValueError("the last block must reach the deepest level")
    return {source for source, _ in steps[0]}


def _path(inputs: int, outputs: int, code: str) -> nn.Sequential:
    if inputs < outputs:
        resample: nn.Module = FactorizedReduceBlock(inputs, outputs)
    elif inputs > outputs:
        resample = FactorizedIncreaseBlock(inputs, outputs)
    else:
        resample = nn.Identity()
    return nn.Sequential(OrderedDict({"resample": resample, f"operation_{code}": OPERATIONS[code](outputs)}))


def _down(level: int, widths: Sequence[int]) -> nn.Sequential:
    """From the input to a level of the lattice."""
    return nn.Sequential(
        nn.Upsample(scale_factor=1 / 2**level, mode="trilinear", align_corners=True),
        nn.Conv3d(1, widths[level], kernel_size=3, padding=1, bias=False),
        nn.InstanceNorm3d(widths[level], affine=True),
        nn.ReLU(),
        nn.Conv3d(widths[level], widths[level + 1], kernel_size=3, stride=2, padding=1, bias=False),
        nn.InstanceNorm3d(widths[level + 1], affine=True),
    )


def _up(level: int, widths: Sequence[int]) -> nn.Sequential:
    """From a level of the lattice to the resolution above it."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv3d(widths[level + 1], widths[level], kernel_size=3, padding=1, bias=False),
        nn.InstanceNorm3d(widths[level], affine=True),
        nn.Upsample(scale_factor=2, mode="trilinear", align_corners=True),
    )
