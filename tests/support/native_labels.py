"""Small native labels: cubes on a grid, what values mean, and the kinds of notes about them."""

import numpy as np
from sided_body import grid_around, hu_of

from omentum.data.datasets.recipe import Target

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (20, 16, 12)
GRID = grid_around()
HU = hu_of(GRID)
LITS = {1: Target(frozenset({"liver"})), 2: Target(frozenset({"liver", "liver_tumour"}))}


def means(*keys, pairs=()):
    return Target(frozenset(keys), frozenset(pairs))


def cube(*corner, side=4, shape=SHAPE):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(c, c + side) for c in corner)] = True
    return mask


def kinds(harmonised):
    return [note.kind for note in harmonised.notes]
