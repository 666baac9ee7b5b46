"""The one rule for labels of a case that come from several sources: truth, then corrected, then pseudo-labels.

1. A structure is decided by the best source that annotates it, as a whole: an empty mask there means absent, and
   voxels of a worse source are dropped.
2. Between two structures that exclude each other (`anatomy.hosts.may_overlap`), a voxel goes to the one from the
   better source; within one source to the one with the higher painting priority, as in `harmonise.overlaps`.
3. A lesion with a single host lies inside it. A host of the same or a worse source grows by the lesion, on the word of
   the lesion's source; outside a host of a better source, the lesion is cut off.

So nothing that a better source says is changed by a worse one, except that a host takes in a lesion of a better source.
AbdomenAtlas used the same order of sources with one label per voxel (Qu et al., NeurIPS 2023, arXiv 2305.09666).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap, nesting_depth, sole_host
from omentum.data.harmonise.label_bits import LabelBits, Names
from omentum.errors import GeometryError, UsageError
from omentum.io.truth import TRUE_LABEL
from omentum.segmentation import Segmentation


class LabelSource(StrEnum):
    """Where the label of a structure comes from, best first."""

    TRUTH = TRUE_LABEL
    """The annotation of the dataset."""
    CORRECTED = "corrected"
    """A prediction that a person corrected, or accepted as it was."""
    PSEUDO = "pseudo"
    """A prediction that nobody has looked at."""

    @property
    def rank(self) -> int:
        """0 for the best source."""
        return list(LabelSource).index(self)

    def outranks(self, other: LabelSource) -> bool:
        """Whether this source is better than another."""
        return self.rank < other.rank


@dataclass(frozen=True, eq=False)
class LabelLayer:
    """Labels of a case from one source.

    Args:
        source: Where they come from.
        labels: Masks; only structures in `labels.annotated` count.
    """

    source: LabelSource
    labels: Segmentation


@dataclass(frozen=True, eq=False)
class MergedLabels:
    """Labels of a case, each structure from its best source.

    Args:
        labels: Masks over the classes of all layers, in the order of the table; annotated is what any layer annotates.
        sources: Source of each annotated structure.
        removed_voxels: Voxels that a structure lost by rules 2 and 3, by key; only structures that lost any.
    """

    labels: Segmentation
    sources: Mapping[str, LabelSource]
    removed_voxels: Mapping[str, int]


def merge_labels(layers: Sequence[LabelLayer]) -> MergedLabels:
    """Merge the labels of a case by the rule above; the order of the layers does not matter.

    Args:
        layers: At least one, all on the same grid. Two of the same source annotate different structures.

    Raises:
        GeometryError: they lie on different grids.
        UsageError: there is no layer, or two of the same source annotate one structure.
    """
    if not layers:
        raise UsageError("there are no labels to merge", remedy="give at least one layer")
    first = layers[0].labels
    for layer in layers[1:]:
        if not layer.labels.grid.same_as(first.grid):
            raise GeometryError(f"labels lie on different grids: {first.grid} and {layer.labels.grid}")
    deciding = _deciding(layers)
    sources = {key: layer.source for key, layer in deciding.items()}
    marks, boxes = LabelBits(first.shape), {id(layer): layer.labels.boxes() for layer in layers}
    for key, layer in deciding.items():
        if (box := boxes[id(layer)].get(key)) is not None:
            marks.change(layer.labels.mask(key, box), frozenset((key,)).union, box)
    removed = _settle(marks, sources)
    known = {key for layer in layers for key in layer.labels.classes}
    classes = tuple(key for key in STRUCTURES.keys if key in known)
    merged = Segmentation(marks.bits(classes), first.affine, classes, frozenset(sources), first.header)
    return MergedLabels(merged, sources, removed)


def _deciding(layers: Sequence[LabelLayer]) -> dict[str, LabelLayer]:
    """The layer that decides each annotated structure (rule 1), in the order of the table."""
    best: dict[str, LabelLayer] = {}
    for layer in layers:
        for key in layer.labels.annotated or ():
            other = best.get(key)
            if other is not None and other.source is layer.source:
                raise UsageError(f"two {layer.source} labels of {key}", remedy="decide which of them counts")
            if other is None or layer.source.outranks(other.source):
                best[key] = layer
    return {key: best[key] for key in STRUCTURES.keys if key in best}


def _settle(marks: LabelBits, sources: Mapping[str, LabelSource]) -> dict[str, int]:
    """Apply rules 2 and 3 to every combination of structures that occurs, in place; return the voxels removed."""
    removed: Counter[str] = Counter()
    counts = marks.counts()
    for number, names in enumerate(marks.combinations):
        for key in names - settled(names, sources):
            removed[key] += int(counts[number])
    marks.change_all(lambda names: settled(names, sources))
    return {key: removed[key] for key in STRUCTURES.keys if removed[key]}


def settled(names: Names, sources: Mapping[str, LabelSource]) -> Names:
    """The structures that a voxel belongs to, of those that claim it (rules 2 and 3).

    Args:
        names: Structures that claim the voxel.
        sources: Source of every annotated structure.
    """
    stay: set[str] = set()
    for key in sorted(names, key=lambda k: (-sources[k].rank, STRUCTURES[k].paint_order), reverse=True):
        if all(may_overlap(key, other) for other in stay):
            stay.add(key)
    for key in _innermost_first(stay):
        host = sole_host(key)
        if key not in stay or host is None or host in stay or host not in sources:
            continue
        others = {other for other in stay if not may_overlap(host, other)}
        worse = {other for other in others if sources[key].outranks(sources[other])}
        if any(sources[other].outranks(sources[key]) for other in (host, *others)):
            stay.discard(key)
        elif not any(sources[other].outranks(sources[host]) for other in others - worse):
            stay = stay - worse | {host}
    return frozenset(stay)


def _innermost_first(names: Iterable[str]) -> list[str]:
    """Structures and all their hosts, what is nested deepest first."""
    found, todo = set[str](), list(names)
    while todo:
        key = todo.pop()
        found.add(key)
        todo += [host] if (host := sole_host(key)) is not None and host not in found else []
    return sorted(found, key=lambda key: (-nesting_depth(key), key))
