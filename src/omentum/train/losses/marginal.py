"""Where what a case does not have annotated may lie, once one structure a voxel is painted.

A voxel's painted label says what nobody's annotation contradicts, and no more. An unannotated structure lies in its
hosts: where these are annotated its voxels bear their label (a tumour that nobody outlined is liver), and where they
are not it lies wherever nothing else is. So a label allows several outcomes, and the likelihood of a voxel is the sum
of their probabilities (marginal loss: Shi et al., Medical Image Analysis 2021).
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
    """What may be where, for one set of annotated classes. Rows are labels as painted, columns what may be there.

    Args:
        possible: bool [1 + K, 1 + K]; its rows overlap: a kidney tumour may lie in either kidney.
        own: bool [1 + K, 1 + K], what counts as the row's in all of the patch: itself, and what can be in it alone;
            background's is asked by nobody.
    """

    possible: Tensor
    own: Tensor


def outcomes(classes: tuple[str, ...], annotated: tuple[bool, ...]) -> Outcomes:
    """See `Outcomes`.

    Args:
        classes: Structure keys, in the order of the cases' classes.
        annotated: Which of them were looked for.
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
    """The annotated structures in which it must be; "" among them where it may be in none."""
    hosts = STRUCTURES[key].hosts
    if not hosts:
        return {""}
    return set().union(*({host} if host in known else _homes(host, known) for host in hosts))


def _may_cover(key: str, label: str) -> bool:
    """Whether it may be painted over something annotated that is not its host, for they can be in one place."""
    one, other = STRUCTURES[key], STRUCTURES[label]
    meet = not _places(key).isdisjoint(_places(label))
    return meet and may_overlap(key, label) and one.paint_order > other.paint_order


def _places(key: str) -> set[str]:
    return {key, *hosts_of(key)}
