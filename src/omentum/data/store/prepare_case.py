"""Convert one harmonised case to the arrays and facts of a store; deterministic to the byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES, Structure
from omentum.boxes import cropped_grid, starts
from omentum.data.store.bitsets import Index, as_integers, distinct_sets
from omentum.data.store.chunked import HU, LABELS, write_chunked
from omentum.data.store.contents import HIGHEST_HU, LOWEST_HU, LabelledVoxels, sampled_class_locations, structure_facts
from omentum.data.store.crop import body_box, margin_voxels
from omentum.data.store.stored_case import CASE_FILE, CASE_FORMAT, HU_FILE, LABEL_FILE, SAMPLE_FILE, CaseKey, StoredCase
from omentum.errors import GeometryError, UsageError
from omentum.fingerprint import slice_hashes, written
from omentum.preprocess.grid import nearest_on_model_grid
from omentum.preprocess.prepare import on_model_grid
from omentum.preprocess.upright import labels_upright, upright
from omentum.segmentation import Bits
from omentum.spec import PreprocessSpec
from omentum.volume import Grid, Volume

if TYPE_CHECKING:
    from omentum.data.datasets.raw_case import RawCase
    from omentum.data.harmonise.read import HarmonisedCase

_MAKERS = ("omentum", "numpy", "torch", "blosc2", "connected-components-3d")
"""Distributions whose version may show in the bytes of a case."""


@dataclass(frozen=True)
class StoreOptions:
    """Options of a store.

    Args:
        spacing_mm, orientation, antialias: The model grid; see `PreprocessSpec`.
        margin_mm: Margin around the body, in mm.
        samples: Maximum number of class locations per structure.
        classes: Structure keys in bit order.
    """

    spacing_mm: tuple[float, float, float] = PreprocessSpec.spacing_mm
    orientation: str = PreprocessSpec.orientation
    antialias: bool = PreprocessSpec.antialias
    margin_mm: float = 15.0
    samples: int = 1000
    classes: tuple[str, ...] = field(default_factory=lambda: STRUCTURES.keys)

    def __post_init__(self) -> None:
        spacing = self.spacing_mm if isinstance(self.spacing_mm, Sequence) else ()
        if len(spacing) != len("xyz") or not all(isinstance(mm, int | float) and mm > 0 for mm in spacing):
            raise UsageError(
                f"spacing_mm takes three positive numbers, got {self.spacing_mm!r}", remedy="(1.5, 1.5, 1.5)"
            )

    @property
    def spec(self) -> PreprocessSpec:
        """The model grid as a specification."""
        return PreprocessSpec(spacing_mm=self.spacing_mm, orientation=self.orientation, antialias=self.antialias)

    @property
    def sha256(self) -> str:
        """Hash of the options and the case format."""
        own = {row.key: _decisive(row) for row in STRUCTURES.carried(self.classes)}
        made_like = {"format": CASE_FORMAT, **asdict(self)} | ({"structures": own} if own else {})
        text = json.dumps(made_like, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _decisive(row: Structure) -> tuple[object, ...]:
    """Properties of a structure that affect how labels are read."""
    return *row.meaning, row.paint, row.volume_ml


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """A case ready to be written.

    Args:
        facts: See `StoredCase`.
        hu: int16 [x, y, z].
        labels: [x, y, z], rows of `facts.sets`.
        samples: int16 [n, 3], sampled voxels of each structure and the body.
        classes: Structure keys in bit order.
    """

    facts: StoredCase
    hu: NDArray[np.int16]
    labels: Index
    samples: NDArray[np.int16]
    classes: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write the files of a case into an existing folder."""
        write_chunked(folder / HU_FILE, self.hu, HU)
        write_chunked(folder / LABEL_FILE, self.labels, LABELS)
        np.save(folder / SAMPLE_FILE, self.samples, allow_pickle=False)
        (folder / CASE_FILE).write_bytes(self.facts.to_bytes())


def prepare_case(raw: RawCase, case: HarmonisedCase, options: StoreOptions, key: CaseKey) -> PreparedCase:
    """Resample a case to the model grid, crop it, and collect its facts.

    Args:
        raw: The raw case.
        case: CT and labels on one grid.
        options: Options of the store.
        key: Hashes of the sources, saved with the result.

    Raises:
        GeometryError: CT and labels lie on different grids.
    """
    if not case.ct.grid.same_as(case.truth.grid):
        raise GeometryError("CT and labels are on different grids", source=raw.name)
    whole, hu, bits = _on_grid(case, options)
    box = body_box(hu, (bits != 0).any(axis=0), margin_voxels(options.margin_mm, options.spacing_mm))
    grid = cropped_grid(whole, box)
    hu, (sets, labels) = np.ascontiguousarray(hu[box]), distinct_sets(bits[:, *box])
    del bits
    held = LabelledVoxels(sets, labels, options.classes)
    samples = sampled_class_locations(raw.name, hu, held, options.samples)
    facts = StoredCase(
        name=raw.name,
        dataset=raw.recipe.key,
        id=raw.id,
        patient=raw.patient,
        suspect=raw.suspect,
        key=key,
        native_shape=case.ct.shape,
        native_spacing_mm=case.ct.spacing_mm,
        native_orientation=case.ct.orientation,
        whole_shape=whole.shape,
        crop_start=starts(box),
        shape=grid.shape,
        affine=tuple(tuple(row) for row in grid.affine.tolist()),
        annotated=tuple(key for key in options.classes if key in (case.truth.annotated or ())),
        sets=as_integers(sets),
        structures=structure_facts(hu, held, grid.voxel_volume_ml),
        samples={key: len(voxels) for key, voxels in samples.items()},
        versions={name: version(name) for name in _MAKERS},
        notes=tuple((note.kind, note.text) for note in case.notes),
        slices=written(slice_hashes(case.ct)),
        predicted=tuple(key for key in options.classes if key in raw.predicted & (case.truth.annotated or frozenset())),
    )
    return PreparedCase(facts, hu, labels, np.concatenate(list(samples.values())), options.classes)


def _on_grid(case: HarmonisedCase, options: StoreOptions) -> tuple[Grid, NDArray[np.int16], Bits]:
    """The uncropped model grid, with HU rounded to integers and the label planes."""
    assert case.truth.classes == options.classes, "a reader gives every structure, in the table's order"
    bits = nearest_on_model_grid(*labels_upright(case.truth.bits, case.truth.grid, options.spec), options.spec)
    ct = on_model_grid(upright(replace(case.ct, voxels=_finite(case.ct)), options.spec), options.spec)
    hu = np.rint(ct.voxels, out=ct.voxels).clip(LOWEST_HU, HIGHEST_HU, out=ct.voxels)
    return ct.grid, hu.astype(np.int16), bits


def _finite(ct: Volume) -> NDArray[Any]:
    return ct.voxels if ct.voxels.dtype.kind in "iu" else np.nan_to_num(ct.voxels, nan=LOWEST_HU)
