"""Masks with known Dice for quality.py: of phantoms, and of CTs with labels, some of whose structures are harmed."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from failures import injured
from omentum.anatomy import STRUCTURES
from omentum.io.nifti import read_volume
from omentum.measure import measure
from omentum.phantom import RestyleSource, make_case
from omentum.quality.assess import gather_evidence
from omentum.quality.ct_facts import ct_facts
from omentum.quality.limits import QUALITY_RULES
from omentum.quality.result_flags import QualityEvidence
from omentum.quality.score import anomaly_scores, group_of
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SPACING_MM = (3.0, 3.0, 3.0)
HARMED = 0.6
"""Share of the structures that are harmed."""


@dataclass(frozen=True)
class Example:
    """One mask of one harmed segmentation; its features are taken when the usual values are known."""

    key: str
    injury: str
    dice: float
    source: str
    case: QualityEvidence

    def features(self, usual: dict[str, dict[str, tuple[float, float]]]) -> NDArray[np.float64]:
        measures, pair = self.case.measures, STRUCTURES[self.key].pair
        other = measures.get(pair) if pair else None
        own = usual.get(group_of(self.key), {})
        return anomaly_scores(measures[self.key], self.case.features[self.key], self.case.placement, other, own)


def restyle_source(folder: Path) -> RestyleSource:
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    return RestyleSource.from_labels(read_volume(folder / "labels.nii.gz"), {int(k): v for k, v in names.items()})


def examples(use: str, number: int, rounds: int, anatomy: RestyleSource | None, jobs: int) -> list[Example]:
    """Harmed phantoms; the two uses share no seed."""
    seeds = [({"train": 410_000, "test": 420_000}[use], n) for n in range(number)]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        futures = [pool.submit(harmed_phantom, s, rounds, anatomy if s[1] % 2 else None) for s in seeds]
        return [example for future in futures for example in future.result()]


def harmed_phantom(seed: tuple[int, int], rounds: int, anatomy: RestyleSource | None) -> list[Example]:
    start = time.perf_counter()
    case = make_case(seed, SPACING_MM, anatomy)
    name = "restyled" if anatomy else "procedural"
    found = list(harmed(case.ct, case.truth, rounds, np.random.default_rng(seed), name))
    print(f"{seed}: {len(found)} masks, {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return found


def harmed(ct: Volume, truth: Segmentation, rounds: int, rng: np.random.Generator, source: str) -> Iterator[Example]:
    """Every mask of so many harmed versions of a truth, and of the truth itself."""
    middle_mm = ct_facts(ct, QUALITY_RULES.ct).middle_mm
    for n in range(rounds + 1):
        seg, injuries = injured(truth, rng, HARMED if n else 0.0)
        case = gather_evidence(ct, seg, measure(ct, seg), [], middle_mm=middle_mm)
        for key, injury in injuries.items():
            if key in case.features:
                yield Example(key, injury, dice(seg.mask(key), truth.mask(key)), source, case)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())
