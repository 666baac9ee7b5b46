"""Corrected masks from a file, on the grid of the CT: seg.nrrd, DICOM, label map, or the mask of one structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.annotate.accept.files import CorrectedFile
from omentum.annotate.accept.judge import UNLIKE_DICE
from omentum.axis_order import axis_order
from omentum.errors import GeometryError, InputError, UsageError
from omentum.evaluate.mapping import load_mapping
from omentum.evaluate.metrics.overlap import dice
from omentum.io.dicom.open import is_dicom_file
from omentum.io.dicom_masks.read import open_segments
from omentum.io.dicom_masks.segmentation_file import DicomSegments
from omentum.io.dicom_masks.structure_set_file import DicomContours
from omentum.io.images import read_image
from omentum.io.labels import label_names, read_labelmap, read_labels
from omentum.io.seg_nrrd.segments import Segment, SegmentFile, is_seg_nrrd, named, read_segments
from omentum.segmentation import Segmentation
from omentum.volume import GRID_TOLERANCE_MM, Grid

Mask = NDArray[np.bool_]
Number = TypeVar("Number", np.bool_, np.uint16)
_RENAME = '--rename "{}=liver"'
_GRID_REMEDY = "corrections are never resampled; save them on the grid of the CT of this case"


@dataclass(frozen=True)
class Renames:
    """What segments are, said by the user.

    Args:
        keys: Name or ID of a segment -> structure key.
        used: Those of them that a segment had so far.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def key_of(self, segment: Segment) -> str | None:
        """The structure of a segment, by its name, else by its ID; None if nothing was said."""
        said = next((name for name in (segment.name, segment.id) if name in self.keys), None)
        if said is None:
            return None
        self.used.add(said)
        return self.keys[said]


def read_corrected(
    file: CorrectedFile, proposal: Segmentation, renamed: Renames, mapping: str | None
) -> dict[str, Mask]:
    """Read the masks of a file.

    Args:
        file: The file.
        proposal: Proposed masks of its case, on the grid of the CT.
        renamed: What segments are called by the user.
        mapping: Meaning of foreign label values, see `AcceptOptions`.

    Returns:
        Structure key -> bool [i, j, k] on the grid of the CT. An empty mask means absent; a structure that is not there
        was not looked at: a label map without names cannot say more, nor can DICOM, which has no empty segments.

    Raises:
        InputError: the file cannot be read, or a segment or label value is not known.
        GeometryError: the file lies on another grid than the CT.
    """
    if is_seg_nrrd(file.path):
        return masks_of_segments(read_segments(file.path), file.path, proposal.grid, renamed)
    if is_dicom_file(file.path):
        return _of_dicom(file.path, proposal, renamed)
    if file.structure is not None:
        volume = read_image(file.path)
        voxels = np.asarray(volume.voxels)
        low, high = voxels.min(initial=0), voxels.max(initial=0)  # NaN if there is one
        if not (low > -0.5 and np.isfinite(high)) or (0 < high <= 0.5):
            reason = f"is not a mask: its values go from {low:g} to {high:g}"
            raise InputError(reason, source=file.path, remedy="save it with 1 in the structure and 0 elsewhere")
        if voxels.max(initial=0) > 1 and len(values := np.unique(voxels[voxels > 0.5])) > 1:
            reason = (
                f"is named after {file.structure}, but holds several labels: {', '.join(f'{v:g}' for v in values[:5])}"
            )
            raise InputError(reason, source=file.path, remedy="name a label map after its case, or save a mask")
        mask = on_grid(voxels > 0.5, volume.grid, proposal.grid, file.path)
        return {file.structure: mask}
    return _of_label_map(file.path, proposal, mapping)


def on_grid(mask: NDArray[Number], grid: Grid, target: Grid, source: Path) -> NDArray[Number]:
    """Bring a mask or labels to a grid by permuting and flipping axes; those of a part of the grid are padded with 0.

    3D Slicer may store only the box around the segments.

    Raises:
        GeometryError: its voxels are not voxels of the grid.
    """
    order = axis_order(grid, target.orientation)
    turned, view = order.grid(grid), order.view(mask)
    steps = np.linalg.solve(target.affine[:3, :3], turned.affine[:3, 3] - target.affine[:3, 3])
    start = np.rint(steps).astype(int)
    moved = target.affine.copy()
    moved[:3, 3] = target.to_world(start)
    stop = start + view.shape
    inside = bool((start >= 0).all() and (stop <= target.shape).all())
    if not inside or not turned.same_as(Grid(turned.shape, moved), GRID_TOLERANCE_MM):
        reason = f"lies on another grid than its CT: {grid} against {target}"
        raise GeometryError(reason, source=source, remedy=_GRID_REMEDY)
    out = np.zeros(target.shape, mask.dtype)
    out[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = view
    return out


def _of_dicom(path: Path, proposal: Segmentation, renamed: Renames) -> dict[str, Mask]:
    file = open_segments(path, proposal.grid)
    masks = masks_of_segments(file, path, proposal.grid, renamed)
    if isinstance(file, DicomSegments) and file.is_labelmap:
        return {key: mask | _hidden(key, masks, proposal) for key, mask in masks.items()}
    return masks


def masks_of_segments(
    file: SegmentFile | DicomSegments | DicomContours,
    path: Path,
    target: Grid,
    renamed: Renames,
    advice: str = _RENAME,
) -> dict[str, Mask]:
    """Masks of a file that names its segments.

    Args:
        file: Its content.
        path: Named in errors.
        target: Grid of the CT.
        renamed: What segments are called by the user.
        advice: How to say what a segment with a foreign name is; `{}` stands for its name.

    Raises:
        InputError: a segment is no structure of ours, or two are the same.
        GeometryError: the file lies on another grid.
    """
    keys: dict[str, Segment] = {}
    strange = []
    for segment in file.segments:
        key = renamed.key_of(segment) or (None if segment.has_strange_name else segment.key)
        if key is None:
            strange.append(segment)
        elif key in keys:
            raise InputError(f"has {key} twice: {named([keys[key], segment])}", source=path)
        elif segment.is_annotated:
            keys[key] = segment
    if strange:
        remedy = f"say what they are: {advice.format(strange[0].label)}, or delete them"
        raise InputError(f"has segments that are nothing of ours: {named(strange)}", source=path, remedy=remedy)
    return {key: on_grid(file.mask(segment), file.grid, target, path) for key, segment in keys.items()}


def _of_label_map(path: Path, proposal: Segmentation, mapping: str | None) -> dict[str, Mask]:
    seg = read_labelmap(path, may_be_empty=True) if mapping is None else read_labels(path, _labels_of(mapping, path))
    masks = {key: on_grid(seg.mask(key), seg.grid, proposal.grid, path) for key in seg.classes}
    if mapping is None and not label_names(path):
        _refuse_bare_mask(path, masks, proposal)
    return {key: mask | _hidden(key, masks, proposal) for key, mask in masks.items()}


def _refuse_bare_mask(path: Path, masks: Mapping[str, Mask], proposal: Segmentation) -> None:
    """A file of zeros and ones may be the mask of any structure: 1 is our number only where the proposal agrees."""
    for key, mask in masks.items():
        proposed = proposal.mask(key) if key in proposal.classes else np.zeros(proposal.shape, np.bool_)
        if len(masks) == 1 and STRUCTURES[key].index == 1 and dice(mask, proposed) < UNLIKE_DICE:
            reason = f"holds the value 1 alone, which is {key} in a label map, but there is none where it is proposed"
            raise InputError(reason, source=path, remedy="name a mask after its structure, or save .seg.nrrd")


def _labels_of(mapping: str, path: Path) -> Mapping[int, tuple[str, ...]]:
    found = load_mapping(mapping)
    found.check_names(label_names(path), path, "--mapping")
    if found.joined or found.unknown:
        reason = f"the label values of {mapping} do not say which structure a voxel belongs to"
        raise UsageError(reason, remedy="save the corrections as .seg.nrrd, one segment per structure")
    return found.labels


def _hidden(key: str, masks: Mapping[str, Mask], proposal: Segmentation) -> Mask:
    """Voxels of the proposal that a label map cannot show, because it shows a structure painted over it there."""
    if key not in proposal.classes:
        return np.zeros(proposal.shape, np.bool_)
    over = np.zeros(proposal.shape, np.bool_)
    for other, mask in masks.items():
        painted = STRUCTURES[other].paint_order > STRUCTURES[key].paint_order
        if other != key and painted and may_overlap(key, other):
            over |= mask
    return over & proposal.mask(key)
