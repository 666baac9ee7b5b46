"""Table of the expected sampling shares, for inspection before a long run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from omentum.data.sampling.sampler import PatchSampler


@dataclass(frozen=True)
class DatasetRow:
    """One dataset: number of cases, weight, and share of patches."""

    name: str
    cases: int
    weight: float
    share: float


@dataclass(frozen=True)
class StructureRow:
    """One structure.

    Args:
        key: Structure key.
        annotated: Number of cases in which it is annotated.
        present: Number of cases with a voxel of it.
        share: Share of all patches centred on it.
    """

    key: str
    annotated: int
    present: int
    share: float


@dataclass(frozen=True)
class SamplingTable:
    """Expected shares of patches.

    Args:
        datasets: In the order of the sources.
        structures: In the order of the classes.
        body: Share of patches centred anywhere in a body.
    """

    datasets: tuple[DatasetRow, ...]
    structures: tuple[StructureRow, ...]
    body: float

    def lines(self) -> Iterator[str]:
        """Format the table as text lines."""
        first = ["anywhere in the body", *(row.name for row in self.datasets), *(row.key for row in self.structures)]
        width = max(len(name) for name in first)
        yield f"{'dataset':<{width}}  {'cases':>6}  {'weight':>6}  {'share':>7}"
        for dataset in self.datasets:
            yield f"{dataset.name:<{width}}  {dataset.cases:>6}  {dataset.weight:>6g}  {dataset.share:>7.2%}"
        yield ""
        yield f"{'centred on':<{width}}  {'known':>6}  {'seen':>6}  {'share':>7}"
        for structure in self.structures:
            counts = f"{structure.annotated:>6}  {structure.present:>6}"
            yield f"{structure.key:<{width}}  {counts}  {structure.share:>7.2%}"
        yield f"{'anywhere in the body':<{width}}  {'':>6}  {'':>6}  {self.body:>7.2%}"


def sampling_table(sampler: PatchSampler) -> SamplingTable:
    """Compute the case counts and sampling shares of a sampler; no voxel is read."""
    cases = [case for source in sampler.sources for case in source.cases]
    centred = sampler.centred.sum(0)
    return SamplingTable(
        datasets=tuple(
            DatasetRow(source.name, len(source.cases), source.weight, float(share))
            for source, share in zip(sampler.sources, sampler.dataset_shares, strict=True)
        ),
        structures=tuple(
            StructureRow(key, sum(bool(c.annotated[k]) for c in cases), sum(k in c.voxels for c in cases), float(share))
            for k, (key, share) in enumerate(zip(sampler.classes, centred, strict=True))
        ),
        body=float(1 - centred.sum()),
    )
