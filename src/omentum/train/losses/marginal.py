"""Possible classes of a voxel, given its painted label and the annotated classes of its case.

An unannotated structure lies in its hosts: where these are annotated, its voxels carry their label (an undelineated
tumour is labelled liver); where they are not, it may lie in any voxel without another label. A label is therefore
compatible with several classes, and the likelihood of a voxel is the sum of their probabilities (marginal loss: Shi et
al., Medical Image Analysis 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import hosts_of, may_overlap

NOTHING = 0
"""The label of background; a class's label is 1 + its number."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Possible classes for one set of annotated classes. Rows are painted labels, columns are classes.

    Args:
        possible: bool [1 + K, 1 + K]; rows overlap: a kidney tumour may lie in either kidney.
        own: bool [1 + K, 1 + K], classes that count as the row's label in the whole patch: itself, and classes that
            only occur inside it. The row of background is unused.
    """

    possible: Tensor
    own: Tensor


def outcomes(classes: tuple[str, ...], annotated: tuple[bool, ...]) -> Outcomes:
    """Compute the possible classes; see `Outcomes`.

    Args:
        classes: Structure keys, in the class order of the cases.
        annotated: Whether each class is annotated.
    """
    return _outcomes(classes, annotated, STRUCTURES.revision)


@lru_cache(maxsize=1024)
def _outcomes(classes: tuple[str, ...], annotated: tuple[bool, ...], _: int) -> Outcomes:
    known = {key for key, looked_for in zip(classes, annotated, strict=True) if looked_for}
    possible = torch.eye(1 + len(classes), dtype=torch.bool)
    own = possible.clone()
    for column, key in enumerate(classes, start=1):
        if key in known:
            continue
        homes = _homes(key, known)
        for row, label in enumerate(classes, start=1):
            possible[row, column] = label in known and (label in homes or _may_cover(key, label))
            own[row, column] = homes == {label}
        possible[NOTHING, column] = "" in homes
        possible[column, column] = True
    return Outcomes(possible, own)


def _homes(key: str, known: set[str]) -> set[str]:
    """Annotated structures that contain a class; includes "" if it may lie outside all of them."""
    hosts = STRUCTURES[key].hosts
    if not hosts:
        return {""}
    return set().union(*({host} if host in known else _homes(host, known) for host in hosts))


def _may_cover(key: str, label: str) -> bool:
    """Whether a class may overlap and be painted over an annotated label that is not its host."""
    one, other = STRUCTURES[key], STRUCTURES[label]
    meet = not _places(key).isdisjoint(_places(label))
    return meet and may_overlap(key, label) and one.paint_order > other.paint_order


def _places(key: str) -> set[str]:
    return {key, *hosts_of(key)}
