"""Where accepted labels go: into the store of the round, or into case folders beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from omentum.annotate.accept.recipe import SEGMENTS, recipe_text
from omentum.annotate.accepted_log import corrections_root
from omentum.annotate.round_folder import ACCEPTED, AnnotationRound, RoundCase, SourceKind
from omentum.atomic import replacing, replacing_folder, write_text
from omentum.data.correction_records import CaseCorrections, CorrectionRecord
from omentum.data.corrections import StoredCorrections, read_corrections, update_case, write_corrections
from omentum.data.datasets.recipe_catalogue import FOLDER_FILE
from omentum.data.label_precedence import LabelLayer, LabelSource, MergedLabels, merge_labels
from omentum.data.store.manifest import write_manifest
from omentum.data.store.prepare import sole_writer, stored_cases
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.source_hash import corrections_hash
from omentum.data.store.store import CACHE, CASES, MANIFEST, Store
from omentum.data.store.stored_case import StoredCase
from omentum.errors import GeometryError, InputError
from omentum.io.detect import load_volume
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.io.truth import SOURCES_FACT, read_truth, write_case
from omentum.segmentation import Segmentation
from omentum.volume import Grid

Mask = NDArray[np.bool_]


class LabelTarget(Protocol):
    """Takes the labels of a round."""

    @property
    def root(self) -> Path:
        """Folder that holds the corrections."""

    @property
    def labels(self) -> Path:
        """Where the labels can be used from."""

    def writing(self) -> AbstractContextManager[None]:
        """Held while labels are taken.

        Raises:
            OutputError: another process is writing.
        """

    def check(self, key: str) -> str:
        """Why a structure cannot be taken; "" if it can."""

    def check_grid(self, case: str, grid: Grid) -> None:
        """Check that masks on a grid can be taken for a case.

        Raises:
            GeometryError: its labels lie on another grid now.
        """

    def take(self, case: str, corrections: StoredCorrections) -> None:
        """Merge the corrections of a case into its labels."""

    def complete(self, case: str, corrections: StoredCorrections) -> None:
        """Merge corrections that an interrupted call recorded but did not merge; nothing happens if it did."""


def find_target(folder: Path, about: AnnotationRound, store: Path | None) -> LabelTarget:
    """The target of a round.

    Raises:
        InputError: its store is not there.
    """
    root = corrections_root(folder, about, store)
    if about.kind is SourceKind.FOLDER:
        return FolderTarget(root, about.cases)
    _restore_manifest(root)
    try:
        return StoreTarget(root, Store.open(root).classes)
    except InputError as fault:
        raise InputError(fault.reason, source=root, remedy=fault.remedy or "say where it is with --store") from fault


def add_masks(
    earlier: StoredCorrections | None,
    case: str,
    masks: Mapping[str, Mask],
    records: list[CorrectionRecord],
    like: Segmentation,
) -> StoredCorrections:
    """Add masks and their records to the corrections of a case; new masks replace earlier ones of the same structures.

    Args:
        earlier: Corrections so far.
        case: Name of the case.
        masks: New masks by key, bool [i, j, k] on the grid of `like`.
        records: One for each mask.
        like: Gives the grid.
    """
    kept = {} if earlier is None else {key: earlier.masks.mask(key) for key in earlier.masks.classes}
    known = () if earlier is None else earlier.records.records
    together = Segmentation.from_masks({**kept, **masks}, like.affine)
    return StoredCorrections(CaseCorrections(case, (*known, *records)), together)


@dataclass(frozen=True)
class StoreTarget:
    """A prepared store.

    Args:
        root: Folder of the store.
        classes: Its structure keys.
    """

    root: Path
    classes: tuple[str, ...]

    @property
    def labels(self) -> Path:
        """The store."""
        return self.root

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the store. Its manifest is away while cases change, as in `omentum data prepare`."""
        with sole_writer(self.root):
            manifest, copy = self.root / MANIFEST, self.root / CACHE / MANIFEST
            with replacing(copy) as file:
                file.write(manifest.read_bytes())
            try:
                yield
            finally:
                if manifest.is_file():
                    copy.unlink()
                else:
                    _write_manifest(self.root, copy)

    def check(self, key: str) -> str:
        """See `LabelTarget.check`."""
        return "" if key in self.classes else f"the store has no {key}; prepare it again with this structure"

    def check_grid(self, case: str, grid: Grid) -> None:
        """See `LabelTarget.check_grid`."""
        place = self.root / CASES / case
        if not StoredCase.read(place).grid.same_as(grid):
            remedy = "propose again in another folder"
            raise GeometryError("has been prepared on another grid since the round", source=place, remedy=remedy)

    def take(self, case: str, corrections: StoredCorrections) -> None:
        """See `LabelTarget.take`."""
        write_corrections(self.root, corrections)
        (self.root / MANIFEST).unlink(missing_ok=True)
        update_case(self.root, case, self.classes)

    def complete(self, case: str, corrections: StoredCorrections) -> None:
        """See `LabelTarget.complete`."""
        if StoredCase.read(self.root / CASES / case).corrections != corrections_hash(self.root, case):
            self.take(case, corrections)


@dataclass(frozen=True)
class FolderTarget:
    """Case folders with the accepted labels, for a round of a folder of CTs.

    Args:
        root: Folder of the round.
        cases: Cases of the round.
    """

    root: Path
    cases: Mapping[str, RoundCase]

    @property
    def labels(self) -> Path:
        """Folder of case folders, for `omentum train` and `omentum data prepare`."""
        return self.root / ACCEPTED

    def writing(self) -> AbstractContextManager[None]:
        """Nothing is locked: a case folder is replaced as a whole."""
        return nullcontext()

    def check(self, key: str) -> str:
        """See `LabelTarget.check`."""
        return ""

    def check_grid(self, case: str, grid: Grid) -> None:
        """See `take`, which reads the CT."""

    def take(self, case: str, corrections: StoredCorrections) -> None:
        """See `LabelTarget.take`."""
        about = self.cases[case]
        ct = load_volume(Path(about.ct))
        if not ct.grid.same_as(corrections.masks.grid):
            reason = f"is not the CT that was proposed for: {ct.grid} against {corrections.masks.grid}"
            raise GeometryError(reason, source=about.ct, remedy="propose again in another folder")
        write_corrections(self.root, corrections)
        merged, facts = _merged(about, corrections)
        facts[SOURCES_FACT] = {key: source.value for key, source in merged.sources.items()}
        facts["corrections"] = list(corrections.records.to_json()["records"])
        labels = replace(merged.labels, affine=ct.affine, header=ct.header)
        self.labels.mkdir(parents=True, exist_ok=True)
        with replacing_folder(self.labels / case) as new:
            write_case(new, ct, labels, facts)
            write_seg_nrrd(new / SEGMENTS, labels)
        write_text(self.labels / FOLDER_FILE, recipe_text(self.labels))

    def complete(self, case: str, corrections: StoredCorrections) -> None:
        """See `LabelTarget.complete`."""
        place, records = self.labels / case, list(corrections.records.to_json()["records"])
        if not place.is_dir() or read_truth(place)[1].get("corrections") != records:
            self.take(case, corrections)


def _merged(about: RoundCase, corrections: StoredCorrections) -> tuple[MergedLabels, dict[str, Any]]:
    layers = [LabelLayer(LabelSource.CORRECTED, corrections.masks)]
    facts: dict[str, Any] = {}
    if about.folder is not None:
        truth, facts = read_truth(about.folder)
        kept = (truth.annotated or frozenset()) - corrections.records.replacing_truth
        layers.append(LabelLayer(LabelSource.TRUTH, replace(truth, annotated=kept)))
    return merge_labels(layers), dict(facts)


def _restore_manifest(store: Path) -> None:
    """Complete a store whose update was interrupted."""
    copy = store / CACHE / MANIFEST
    if (store / MANIFEST).is_file() or not copy.is_file():
        return
    with sole_writer(store):
        classes = tuple(json.loads(copy.read_bytes())["classes"])
        for case in stored_cases(store):
            if read_corrections(store, case.name) is not None:
                update_case(store, case.name, classes)
        _write_manifest(store, copy)


def _write_manifest(store: Path, copy: Path) -> None:
    raw = json.loads(copy.read_bytes())
    made: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in raw["options"].items()}
    write_manifest(store, StoreOptions(**made, classes=tuple(raw["classes"])), stored_cases(store))
    copy.unlink()
