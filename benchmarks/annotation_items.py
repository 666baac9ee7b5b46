"""Proposals of a worklist and the truth, for annotation_loop.py: what a perfect correction takes and gains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omentum.annotate.propose.gain import LOOK_S, OPEN_S, PAINT_S, PAINT_S_PER_CM2
from omentum.annotate.propose.proposals import StructureProposal, WorklistItem
from omentum.evaluate.metrics.overlap import dice
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.truth import read_case
from omentum.segmentation import Segmentation


@dataclass(frozen=True)
class Item:
    """A structure of a case with what only the truth tells."""

    rank: int
    case: str
    proposal: StructureProposal
    dice: float
    changed: int
    slices: int
    painted_slices: int
    changed_cm2: float

    @property
    def seconds(self) -> float:
        """Time of a perfect correction."""
        return OPEN_S + LOOK_S * self.slices + PAINT_S * self.painted_slices + PAINT_S_PER_CM2 * self.changed_cm2


def told(folder: Path, item: WorklistItem) -> Item:
    """Compare a proposal with the truth."""
    proposal, truth = masks(folder, item.case)
    key = item.structure.key
    a, b = proposal.mask(key), truth.mask(key)
    wrong, axis = a ^ b, "ijk".index(item.structure.slice_axis)
    across = tuple(n for n in range(3) if n != axis)
    cm2 = float(np.prod([truth.grid.spacing_mm[n] for n in across])) / 100
    return Item(
        item.rank,
        item.case,
        item.structure,
        dice(a, b),
        int(wrong.sum()),
        int((a | b).any(axis=across).sum()),
        int(wrong.any(axis=across).sum()),
        float(wrong.sum()) * cm2,
    )


_READ: dict[tuple[Path, str], tuple[Segmentation, Segmentation]] = {}


def masks(folder: Path, case: str) -> tuple[Segmentation, Segmentation]:
    """Proposal and truth of a case; each is read once."""
    if (folder, case) not in _READ:
        _, truth, _ = read_case(folder / "cases" / case)
        _READ[folder, case] = read_seg_nrrd(folder / "round" / "proposals" / f"{case}.seg.nrrd"), truth
    return _READ[folder, case]
