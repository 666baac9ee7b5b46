"""Prepared cases on disk, read patch by patch.

    store/
      store.json                 the manifest: contents, sources, options and licences
      cases/<name>/ct.b2nd       int16 HU [x, y, z] on the model grid, cropped to the body
                   labels.b2nd   a number per voxel: a row of the case's table of label sets
                   samples.npy   int16 [n, 3], sampled voxels of each structure (class locations), to centre patches on
                   case.json     everything else about the case (see `StoredCase`)
      datasets/<key>.json         source and licence of a dataset, and its cases that could not be prepared
      .cache/                    disposable: the lock, and cached file hashes

The manifest repeats every case.json, so that a store of thousands of cases opens with one file. It is written last: a
store without one is unfinished.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy.structure_rows import include_carried
from omentum.boxes import cut
from omentum.data.store.bitsets import Index, from_integers
from omentum.data.store.chunked import open_chunked
from omentum.data.store.stored_case import HU_FILE, LABEL_FILE, SAMPLE_FILE, StoredCase
from omentum.errors import InputError
from omentum.schemas import VERSIONS, Schema, version_of
from omentum.segmentation import Bits, bits_dtype
from omentum.volume import PADDING_HU

if TYPE_CHECKING:
    from blosc2 import NDArray as Array

MANIFEST, CASES, DATASETS, CACHE = "store.json", "cases", "datasets", ".cache"
OPEN_CASES = 256
"""So many cases are kept open; each takes two file handles of the thousand a process usually may have."""

Triple = Sequence[int]


class Patch(NamedTuple):
    """A part of a case; voxels outside the case are air without labels.

    Attributes:
        hu: int16 [x, y, z].
        bits: [planes, x, y, z], as in `Segmentation` over the classes of the store.
    """

    hu: NDArray[np.int16]
    bits: Bits


@dataclass(eq=False)
class Store:
    """A finished store, opened for reading; picklable, a receiving process reopens the files.

    Args:
        path: Folder of the store.
        classes: Structure keys in bit order.
        cases: By name.
        manifest: Content of store.json without the cases.
    """

    path: Path
    classes: tuple[str, ...]
    cases: tuple[StoredCase, ...] = field(repr=False)
    manifest: Mapping[str, Any] = field(repr=False)
    _open: OrderedDict[str, tuple[Array, Array, NDArray[Any]]] = field(
        default_factory=OrderedDict, init=False, repr=False
    )

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """Read the manifest and register the store's structures; volumes are opened on first use.

        Raises:
            InputError: There is no store, or it is unfinished or of another format.
        """
        path = Path(path)
        raw = read_manifest(path)
        include_carried(raw.get("structures", {}), path / MANIFEST)
        try:
            cases = tuple(StoredCase.from_json(c, source=str(path / MANIFEST)) for c in raw.pop("cases"))
            return cls(path, tuple(raw["classes"]), cases, raw)
        except (KeyError, TypeError) as fault:
            raise InputError(f"is not the manifest of a store: {fault!r}", source=path / MANIFEST) from fault

    def case(self, name: str) -> StoredCase:
        """The case with this name.

        Raises:
            InputError: There is none.
        """
        found = next((case for case in self.cases if case.name == name), None)
        if found is None:
            raise InputError(f"holds no case {name!r}", source=self.path, remedy="see omentum data stats")
        return found

    def read_patch(self, case: StoredCase, start: Triple, size: Triple) -> Patch:
        """Read a box of a case, decoding only the blocks it touches.

        Args:
            case: One of `cases`.
            start: First voxel; may lie outside the case and be negative.
            size: Number of voxels along x, y, z.
        """
        hu, labels = self.read_numbers(case, start, size)
        return Patch(hu, np.stack([plane.take(labels) for plane in self._volumes(case)[2]]))

    def read_numbers(self, case: StoredCase, start: Triple, size: Triple) -> tuple[NDArray[np.int16], Index]:
        """Read a box with labels as stored: each voxel a row of the case's `sets`."""
        hu_file, label_file, table = self._volumes(case)
        remedy = "delete it and prepare it again"
        try:
            hu, labels = cut(hu_file, start, size, PADDING_HU), cut(label_file, start, size, 0)
        except RuntimeError as fault:
            raise InputError(f"cannot be decoded: {fault}", source=self.folder(case), remedy=remedy) from fault
        if labels.max(initial=0) >= table.shape[1]:
            raise InputError(f"has labels beyond its {table.shape[1]} sets", source=self.folder(case), remedy=remedy)
        return hu, labels

    def read(self, case: StoredCase) -> Patch:
        """Read all voxels of a case."""
        return self.read_patch(case, (0, 0, 0), case.shape)

    def samples(self, case: StoredCase) -> dict[str, NDArray[np.int16]]:
        """Sampled voxels int16 [n, 3] of each present structure and of the body (key `stored_case.BODY`)."""
        path = self.folder(case) / SAMPLE_FILE
        try:
            voxels = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as fault:
            raise InputError(f"cannot be read: {fault}", source=path) from fault
        ends = np.cumsum(list(case.samples.values()))
        if voxels.shape != (ends[-1], 3):
            raise InputError(f"holds {voxels.shape} numbers, not {ends[-1]} voxels", source=path)
        return dict(zip(case.samples, np.split(voxels, ends[:-1]), strict=True))

    def folder(self, case: StoredCase) -> Path:
        """Folder of a case's files."""
        return self.path / CASES / case.name

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}

    def _volumes(self, case: StoredCase) -> tuple[Array, Array, NDArray[Any]]:
        volumes = self._open.pop(case.name, None)
        if volumes is None:
            folder, table = self.folder(case), from_integers(case.sets, len(self.classes)).T
            table = table.astype(bits_dtype(len(self.classes)), order="C")
            volumes = (open_chunked(folder / HU_FILE), open_chunked(folder / LABEL_FILE), table)
        self._open[case.name] = volumes
        if len(self._open) > OPEN_CASES:
            self._open.popitem(last=False)
        return volumes


def read_manifest(store: Path) -> dict[str, Any]:
    """The content of store.json.

    Raises:
        InputError: The file is missing, not JSON, or of another format.
    """
    path = store / MANIFEST
    try:
        raw = json.loads(path.read_bytes())
        if (found := version_of(raw, Schema.STORE)) != VERSIONS[Schema.STORE]:
            reason = f"is a store of format {found}, this version reads {VERSIONS[Schema.STORE]}"
            raise InputError(reason, source=store, remedy="run omentum data prepare again")
        return dict(raw)
    except FileNotFoundError as fault:
        unfinished = (store / CASES).is_dir()
        reason = "is an unfinished store" if unfinished else "is no prepared store"
        remedy = "run omentum data prepare again, it goes on where it was" if unfinished else "see omentum data prepare"
        raise InputError(reason, source=store, remedy=remedy) from fault
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise InputError(f"is not the manifest of a store: {fault!r}", source=path) from fault
