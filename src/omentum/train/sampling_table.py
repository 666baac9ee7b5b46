"""What the sampler is going to show: computed from its cases, not drawn."""

from __future__ import annotations

from dataclasses import dataclass

from omentum.data.sampler import PatchSampler


@dataclass(frozen=True)
class SourceRow:
    """A collection of cases.

    Args:
        name: Of the collection.
        cases: How many it has.
        share: Of all patches.
    """

    name: str
    cases: int
    share: float


@dataclass(frozen=True)
class StructureRow:
    """A structure.

    Args:
        key: Structure key.
        annotated: Cases in which it was looked for.
        present: Cases in which it was found.
        taught: Share of patches that come from a case where it is annotated.
        centred: Share of patches that are centred on it.
    """

    key: str
    annotated: int
    present: int
    taught: float
    centred: float


def source_rows(sampler: PatchSampler) -> list[SourceRow]:
    """One row for each collection."""
    total = sum(source.weight for source in sampler.sources)
    return [SourceRow(source.name, len(source.cases), source.weight / total) for source in sampler.sources]


def structure_rows(sampler: PatchSampler) -> list[StructureRow]:
    """One row for each class of the model."""
    drawn = [
        (case, row.share / row.cases)
        for source, row in zip(sampler.sources, source_rows(sampler), strict=True)
        for case in source.cases
    ]
    return [
        StructureRow(
            key,
            sum(bool(case.annotated[k]) for case, _ in drawn),
            sum(k in case.points for case, _ in drawn),
            sum(share for case, share in drawn if case.annotated[k]),
            sampler.foreground * sum(share / len(case.points) for case, share in drawn if k in case.points),
        )
        for k, key in enumerate(sampler.classes)
    ]
