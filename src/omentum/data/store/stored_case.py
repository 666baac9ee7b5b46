"""What a prepared case says of itself, as a value and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from omentum.atomic import json_text
from omentum.errors import InputError
from omentum.fingerprint import SliceHashes, hashes_of
from omentum.schemas import VERSIONS, Schema, stamped, unstamped, version_of
from omentum.volume import Grid

CASE_FORMAT = VERSIONS[Schema.STORED_CASE]
"""Version of a case's folder; part of what decides whether a case must be prepared again."""

HU_FILE, LABEL_FILE, SAMPLE_FILE, CASE_FILE = "ct.b2nd", "labels.b2nd", "samples.npy", "case.json"
BODY = "body"
"""Key of the voxel samples that lie anywhere in the body."""


@dataclass(frozen=True)
class CaseKey:
    """Three hashes that a case was made from; it is made again only when one of them changes.

    Args:
        recipe: What the recipe makes of this case's labels.
        source: The bytes of its files.
        options: Grid, crop, samples, classes, and format.
    """

    recipe: str
    source: str
    options: str


@dataclass(frozen=True)
class StructureFacts:
    """One structure in one case, on the model grid.

    Args:
        voxels: How many.
        volume_ml: Together.
        hu_mean, hu_sd: Of the CT there.
        hu_percentiles: 5th, 50th and 95th.
    """

    voxels: int
    volume_ml: float
    hu_mean: float
    hu_sd: float
    hu_percentiles: tuple[int, int, int]


@dataclass(frozen=True)
class StoredCase:
    """One case of a store. Its volumes are [x, y, z] on `grid`: the model grid, cropped to the body.

    Args:
        name: Unique; also its folder.
        dataset, id, patient: Recipe key, the publisher's name, and whose CT it is.
        suspect: What is known to be wrong with it; "" for nothing.
        key: What it was made from.
        native_shape, native_spacing_mm, native_orientation: The CT's own grid.
        whole_shape, crop_start: The model grid before cropping, and where the crop begins in it.
        shape, affine: Of the cropped grid; rows of the 4x4 matrix, voxel -> RAS+ mm.
        annotated: Structure keys that were looked for.
        sets: The bit sets that occur, by label number.
        structures: Facts of each structure with a voxel.
        samples: How many sampled voxels each structure has, in the order of the sample file; `BODY` among them.
        versions: Of the software that made it.
        notes: What the reader of the raw case remarked, (kind, text).
        slices: Fingerprint of the CT on its own grid (see `omentum.fingerprint`), hashes joined by spaces, "-" for a
            slice that says nothing; "" in stores of earlier versions, which did not look.
    """

    name: str
    dataset: str
    id: str
    patient: str
    suspect: str
    key: CaseKey
    native_shape: tuple[int, int, int]
    native_spacing_mm: tuple[float, float, float]
    native_orientation: str
    whole_shape: tuple[int, int, int]
    crop_start: tuple[int, int, int]
    shape: tuple[int, int, int]
    affine: tuple[tuple[float, ...], ...] = field(repr=False)
    annotated: tuple[str, ...]
    sets: tuple[int, ...] = field(repr=False)
    structures: Mapping[str, StructureFacts] = field(repr=False)
    samples: Mapping[str, int] = field(repr=False)
    versions: Mapping[str, str] = field(repr=False)
    notes: tuple[tuple[str, str], ...] = ()
    slices: str = field(default="", repr=False)

    @property
    def hashes(self) -> SliceHashes:
        """The fingerprint, slice by slice; empty where it is not known."""
        return hashes_of(self.slices)

    @property
    def grid(self) -> Grid:
        """Where the stored voxels are in the patient."""
        return Grid(self.shape, np.array(self.affine))

    def to_json(self) -> dict[str, Any]:
        """The content of case.json as JSON values."""
        return stamped(Schema.STORED_CASE, asdict(self))

    def to_bytes(self) -> bytes:
        """The content of case.json."""
        return json_text(self.to_json()).encode()

    @classmethod
    def read(cls, folder: Path) -> StoredCase:
        """Read a case's folder.

        Raises:
            InputError: there is no case in it, or one of another format.
        """
        path = folder / CASE_FILE
        try:
            return cls.from_json(json.loads(path.read_bytes()), source=str(path))
        except OSError as fault:
            raise InputError(fault.strerror or str(fault), source=path) from fault
        except ValueError as fault:
            raise InputError(f"is not JSON: {fault}", source=path) from fault

    @classmethod
    def from_json(cls, raw: Any, *, source: str) -> StoredCase:
        """Read what `to_json` made.

        Raises:
            InputError: it is something else, or of another format.
        """
        try:
            found = version_of(raw, Schema.STORED_CASE)
            if found != CASE_FORMAT:
                reason = f"is a prepared case of format {found}, this version reads {CASE_FORMAT}"
                raise InputError(reason, source=source, remedy="run omentum data prepare again")
            values = {name: _frozen(value) for name, value in unstamped(raw).items()}
            values["key"] = CaseKey(**raw["key"])
            values["structures"] = {
                key: StructureFacts(**{name: _frozen(value) for name, value in facts.items()})
                for key, facts in raw["structures"].items()
            }
            return cls(**values)
        except (AttributeError, KeyError, TypeError) as fault:
            raise InputError(f"is not the description of a prepared case: {fault!r}", source=source) from fault


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
