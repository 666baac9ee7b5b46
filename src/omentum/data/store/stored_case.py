"""Description of a prepared case, as a value and as JSON."""

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
    """Three hashes of what a case was prepared from; it is prepared again only if one of them changes.

    Args:
        recipe: Hash of the recipe as it affects this case's labels.
        source: Hash of the bytes of its files.
        options: Hash of grid, crop, samples, classes, and format.
    """

    recipe: str
    source: str
    options: str

    @property
    def text(self) -> str:
        """The three in one word."""
        return f"{self.recipe}-{self.source}-{self.options}"


@dataclass(frozen=True)
class StructureFacts:
    """One structure in one case, on the model grid.

    Args:
        voxels: Number of voxels.
        volume_ml: Total volume in ml.
        hu_mean, hu_sd: Mean and standard deviation of the CT in HU.
        hu_percentiles: 5th, 50th and 95th percentiles in HU.
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
        name: Unique; also the folder name.
        dataset, id, patient: Recipe key, the publisher's case id, and the patient identifier.
        suspect: Known problem of the case; "" if none.
        key: Hashes of the sources.
        native_shape, native_spacing_mm, native_orientation: The original grid of the CT.
        whole_shape, crop_start: Shape of the model grid before cropping, and the first voxel of the crop in it.
        shape, affine: The cropped grid; affine as rows of the 4x4 matrix, voxel -> RAS+ mm.
        annotated: Keys of the annotated structures.
        sets: Label sets that occur, by label number.
        structures: Facts about each structure with a voxel.
        samples: Number of class locations per structure, in the order of the sample file; includes `BODY`.
        versions: Versions of the software that prepared it.
        notes: Remarks of the raw-case reader, (kind, text).
        slices: Fingerprint of the CT on its original grid (see `omentum.fingerprint`): hashes joined by spaces, "-" for
            an uninformative slice; "" in stores of earlier versions.
        corrected: Subset of `annotated` whose masks a person corrected or accepted (see `omentum.data.corrections`).
        corrections: Hash of the corrections applied; "" if there are none.
        predicted: Subset of `annotated` whose labels are accepted predictions according to the recipe.
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
    corrected: tuple[str, ...] = ()
    corrections: str = field(default="", repr=False)
    predicted: tuple[str, ...] = ()

    @property
    def assisted(self) -> frozenset[str]:
        """Structures whose labels began as predictions: nothing is measured against these, see `io.truth`."""
        return frozenset((*self.corrected, *self.predicted))

    @property
    def hashes(self) -> SliceHashes:
        """Fingerprint, slice by slice; empty if unknown."""
        return hashes_of(self.slices)

    @property
    def grid(self) -> Grid:
        """Position of the stored voxels in the patient."""
        return Grid(self.shape, np.array(self.affine))

    def to_json(self) -> dict[str, Any]:
        """The content of case.json as JSON-serialisable values."""
        return stamped(Schema.STORED_CASE, asdict(self))

    def to_bytes(self) -> bytes:
        """The content of case.json as bytes."""
        return json_text(self.to_json()).encode()

    @classmethod
    def read(cls, folder: Path) -> StoredCase:
        """Read the description of a case from its folder.

        Raises:
            InputError: The folder holds no case, or one of another format.
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
        """Inverse of `to_json`.

        Raises:
            InputError: The content is not a case, or of another format.
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
