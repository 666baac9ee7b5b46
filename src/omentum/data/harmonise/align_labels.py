"""Bring labels onto the grid of the CT exactly, by permuting and flipping axes; never by interpolation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.axis_order import axis_order
from omentum.data.harmonise.notes import Note
from omentum.errors import GeometryError
from omentum.volume import Volume

SLIGHT_VOXELS = 1.0
"""Grids of one shape whose corners lie closer than this were one grid, before somebody rounded a header."""
SOFT_TISSUE_HU = (-50, 300)
"""Where a labelled organ of the abdomen lies, enhanced or not."""
CLEARLY = 0.02
"""One orientation fits better than another when it has this much more of the labels in soft tissue."""
FITS = 0.7
"""Labels with less than this share in soft tissue lie in the wrong place."""


def on_grid_of(ct: Volume, labels: Volume, source: Path) -> tuple[NDArray[Any], list[Note]]:
    """Reorient label voxels to the axis order and direction of the CT.

    Args:
        ct: Defines the grid.
        labels: Label volume with its own affine.
        source: Label file, for messages.

    Returns:
        Voxels of the CT's shape (a view where possible), and notes on reoriented axes or slightly different headers.

    Raises:
        GeometryError: CT and labels do not cover the same voxels.
    """
    order = axis_order(labels.grid, ct.orientation)
    turned = order.grid(labels.grid)
    slight_mm = SLIGHT_VOXELS * min(ct.spacing_mm)
    if not turned.same_as(ct.grid, max(slight_mm, 0.1)):
        raise GeometryError(
            f"lies on another grid than its CT: {labels.grid} against {ct.grid}",
            source=source,
            remedy="labels are never resampled; find the CT they were drawn on, or leave the case out by a rule",
        )
    notes = []
    if labels.orientation != ct.orientation:
        text = f"{source.name} is stored {labels.orientation}, its CT {ct.orientation}; turned by its affine"
        notes.append(Note("geometry", text))
    if not turned.same_as(ct.grid):
        text = f"the header of {source.name} differs slightly from its CT's, which was used"
        notes.append(Note("geometry", text))
    return order.view(labels.voxels), notes


def stack_on_grid_of(ct: Volume, stack: NDArray[Any], source: Path) -> tuple[NDArray[Any], list[Note]]:
    """Place a stack of images without geometry on the CT it was drawn on.

    Images are numbered from the head down, with rows and columns of the DICOM slices; some copies have their rows
    flipped. The CT decides between the two: labels lie in soft tissue.

    Args:
        ct: CT with axial slices.
        stack: Integers (columns, rows, images), 0 for background.
        source: Folder, for messages.

    Raises:
        GeometryError: The number of images or pixels differs from the CT, or the labels fit neither orientation.
    """
    order = axis_order(ct.grid, "LPS")
    hu = order.view(ct.voxels)
    if stack.shape != hu.shape:
        raise GeometryError(f"{_sizes(stack.shape)} pictures, its CT has {_sizes(hu.shape)}", source=source)
    upright = stack[:, :, ::-1]
    flipped = upright[:, ::-1]
    scores = [_in_soft_tissue(labels, hu) for labels in (upright, flipped)]
    if not stack.any():
        return order.inverse().view(upright), [Note("orientation", "the pictures hold no label to place them by")]
    if max(scores) < FITS:
        raise GeometryError(
            f"only {max(scores):.0%} of the labels lie in soft tissue, whichever way up",
            source=source,
            remedy="are they of this CT?",
        )
    text = f"{scores[0]:.0%} of the labels lie in soft tissue with rows as stored, {scores[1]:.0%} with rows turned"
    if abs(scores[0] - scores[1]) < CLEARLY:
        return order.inverse().view(upright), [Note("orientation", f"{text}: undecided, taken as stored")]
    notes = [Note("geometry", f"rows of the pictures turned round: {text}")] if scores[1] > scores[0] else []
    return order.inverse().view(upright if scores[0] > scores[1] else flipped), notes


def _in_soft_tissue(labels: NDArray[Any], hu: NDArray[Any]) -> float:
    inside = labelled = 0
    low, high = SOFT_TISSUE_HU
    for k in range(labels.shape[2]):
        values = hu[:, :, k][labels[:, :, k] != 0]
        labelled += values.size
        inside += int(np.count_nonzero((values >= low) & (values <= high)))
    return inside / max(1, labelled)


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
