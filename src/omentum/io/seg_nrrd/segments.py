"""Contents of a `.seg.nrrd`: segments by ID and name, and the layers with their voxels."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import include_carried
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.io.case_names import SEG_NRRD_SUFFIX
from omentum.io.labels import MAX_LABEL
from omentum.io.nrrd.header import MAGIC, NrrdLayout, header_lines_of, read_nrrd_layout
from omentum.io.nrrd.read import read_layers
from omentum.io.seg_nrrd.fields import MADE_BY, NOT_ANNOTATED, ROWS, unescaped
from omentum.io.source import open_source
from omentum.volume import Grid

_SEGMENT = re.compile(rb"Segment\d+_\w+:=")
_FIELD = re.compile(r"Segment(\d{1,5})_(ID|Name|Layer|LabelValue|Tags)")


@dataclass(frozen=True)
class Segment:
    """One segment as described by the file.

    Args:
        id, name: As stored; either may be empty.
        layer, value: Location of its voxels.
        is_annotated: Whether the structure is annotated.
    """

    id: str
    name: str
    layer: int
    value: int
    is_annotated: bool = True

    @property
    def label(self) -> str:
        """Display name."""
        return self.name or self.id

    @property
    def key(self) -> str | None:
        """Structure key by name, else by ID; None if neither denotes a structure.

        3D Slicer renames a segment without changing its ID, so the name is the later decision.
        """
        return _key_of(self.name) or _key_of(self.id)

    @property
    def has_strange_name(self) -> bool:
        """Whether there is a name and it denotes no structure, so that `key` is that of the ID."""
        return bool(self.name) and _key_of(self.name) is None

    @property
    def lost_its_name(self) -> bool:
        """Whether the ID denotes a structure and the name none: a structure of ours that was renamed to something else.

        3D Slicer keeps the ID of a segment that is renamed, so it no longer says what the segment is.
        """
        return self.has_strange_name and _key_of(self.id) is not None

    @property
    def was_renamed(self) -> bool:
        """Whether ID and name denote two different structures."""
        return bool(by_id := _key_of(self.id)) and by_id != self.key


def _key_of(word: str) -> str | None:
    if word in STRUCTURES:
        return word
    try:
        return STRUCTURES.find(word).key
    except UsageError:
        return None


@dataclass(frozen=True, eq=False)
class SegmentFile:
    """A `.seg.nrrd` before its segments are matched with structures.

    Args:
        segments: In file order.
        layers: (layers, i, j, k); a view of the file's voxels.
        grid: Grid of the layers.
        is_ours: Whether this package wrote the file, so that hosts already include their lesions.
    """

    segments: tuple[Segment, ...]
    layers: NDArray[Any]
    grid: Grid
    is_ours: bool

    def mask(self, segment: Segment) -> NDArray[np.bool_]:
        """Mask [i, j, k] of one segment."""
        return np.asarray(self.layers[segment.layer] == segment.value)


def is_seg_nrrd(path: str | Path) -> bool:
    """Whether a file is NRRD with segments in its header, or NRRD named `.seg.nrrd`; False if it cannot be read."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return False
            return Path(path).name.lower().endswith(SEG_NRRD_SUFFIX) or any(map(_SEGMENT.match, header_lines_of(file)))
    except OSError:
        return False


def read_segments(path: str | Path) -> SegmentFile:
    """Read header and voxels of a `.seg.nrrd` with any segment names.

    Raises:
        InputError: The file cannot be read, or is an image without segments.
        GeometryError: The geometry is invalid or unknown.
        UsageError: The file carries structures with another meaning than in this process.
    """
    path = Path(path)
    with open_source(path) as source:
        layout = read_nrrd_layout(source, path)
        if layout.dtype.kind not in "iu" or layout.dtype.itemsize > 4:
            raise InputError(f"holds voxels of type {layout.type_name!r}; expected whole numbers", source=path)
        segments = _segments(layout, path)
        _include_rows(layout.pairs.get(ROWS), path)
        layers = read_layers(source, layout, path)
    return SegmentFile(segments, layers, layout.grid, MADE_BY in layout.pairs)


def _segments(layout: NrrdLayout, path: Path) -> tuple[Segment, ...]:
    told: dict[int, dict[str, str]] = {}
    for name, value in layout.pairs.items():
        if match := _FIELD.fullmatch(name):
            told.setdefault(int(match[1]), {})[match[2]] = unescaped(value)
    representation = layout.pairs.get("Segmentation_SourceRepresentation") or layout.pairs.get(
        "Segmentation_MasterRepresentation", "Binary labelmap"
    )
    if not told:
        remedy = "save it in 3D Slicer as a segmentation (.seg.nrrd), or as .nii.gz"
        raise InputError("is an NRRD image that names no segments", source=path, remedy=remedy)
    if representation != "Binary labelmap":
        raise InputError(f"holds a {representation!r}, no binary label map", source=path)
    found = tuple(_segment(n, told[n], layout, path) for n in sorted(told))
    places = [(one.layer, one.value) for one in found]
    if twice := [one for one in found if places.count((one.layer, one.value)) > 1]:
        raise InputError(f"gives one number to several segments: {named(twice)}", source=path)
    return found


def _segment(number: int, told: Mapping[str, str], layout: NrrdLayout, path: Path) -> Segment:
    # Until 3D Slicer 4.10 a segment had a layer of its own, and no value.
    own_layer = number if layout.layer_axis is not None and "LabelValue" not in told else 0
    try:
        layer, value = int(told.get("Layer", own_layer)), int(told.get("LabelValue", 1))
    except ValueError as fault:
        raise InputError(f"has a damaged header: segment {number}: {fault}", source=path) from fault
    if not 0 <= layer < layout.layers:
        raise InputError(f"segment {number} is in layer {layer}; there are {layout.layers}", source=path)
    if not 1 <= value <= MAX_LABEL:
        raise InputError(f"segment {number} has the value {value}, expected 1 to {MAX_LABEL}", source=path)
    is_annotated = NOT_ANNOTATED not in told.get("Tags", "").split("|")
    return Segment(told.get("ID", ""), told.get("Name", ""), layer, value, is_annotated)


def _include_rows(text: str | None, path: Path) -> None:
    if text is None:
        return
    try:
        rows = json.loads(unescaped(text))
    except (ValueError, RecursionError):
        rows = None
    include_carried(rows if isinstance(rows, dict) else {"": rows}, path)


def named(segments: Sequence[Segment]) -> str:
    """Names of the first few segments, and the number of the others."""
    return listed([one.label for one in segments], quoted=True)


def refuse_lost_names(segments: Sequence[Segment], path: Path) -> None:
    """Refuse segments that were structures of ours and were renamed to nothing of ours.

    Raises:
        InputError: There are some; the message says what they are called, and were.
    """
    if lost := [one for one in segments if one.lost_its_name]:
        told = listed([f"{one.name!r} (was {one.id!r})" for one in lost])
        remedy = "name them as `omentum classes` does, or delete them"
        raise InputError(f"has segments renamed to nothing of ours: {told}", source=path, remedy=remedy)
