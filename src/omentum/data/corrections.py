"""Corrected labels in a store: kept beside the cases, merged into their labels, and kept when a case is prepared again.

    store/corrections/<case>/corrections.seg.nrrd   the corrected masks, on the grid of the store
                             corrections.json       who, when, how much; written last

A case's labels are the truth of its dataset merged with the corrections by `omentum.data.label_precedence`. The hash of
corrections.json in case.json says which corrections were merged, so an interrupted update is noticed and completed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.atomic import replacing_folder, write_json
from omentum.data.correction_records import CaseCorrections
from omentum.data.label_precedence import LabelLayer, LabelSource, merge_labels
from omentum.data.store.bitsets import as_integers, distinct_sets, from_integers
from omentum.data.store.chunked import open_chunked
from omentum.data.store.contents import LabelledVoxels, sampled_class_locations, structure_facts
from omentum.data.store.prepare_case import PreparedCase
from omentum.data.store.source_hash import CORRECTIONS, CORRECTIONS_FILE, corrections_hash
from omentum.data.store.store import CASES
from omentum.data.store.stored_case import BODY, HU_FILE, LABEL_FILE, StoredCase
from omentum.errors import InputError
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation

MASKS_FILE = "corrections.seg.nrrd"
_REMEDY = "restore it, or delete its folder and accept the corrections again"


@dataclass(frozen=True, eq=False)
class StoredCorrections:
    """Corrections of a case in a store.

    Args:
        records: Who, when, how much.
        masks: The masks that count, on the grid of the stored case.
    """

    records: CaseCorrections
    masks: Segmentation


def mask_sha256(mask: NDArray[np.bool_]) -> str:
    """Hash of a mask [i, j, k]: its shape, and its voxels in C order as packed bits."""
    digest = hashlib.sha256(repr(mask.shape).encode())
    digest.update(np.packbits(np.ascontiguousarray(mask)).tobytes())
    return digest.hexdigest()


def read_corrections(store: Path, case: str) -> StoredCorrections | None:
    """Read the corrections of a case; None if it has none.

    Raises:
        InputError: they are damaged.
    """
    folder = store / CORRECTIONS / case
    try:
        records = CaseCorrections.from_json(json.loads((folder / CORRECTIONS_FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(f"is damaged: {fault!r}", source=folder / CORRECTIONS_FILE, remedy=_REMEDY) from fault
    path = folder / MASKS_FILE
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path, remedy=_REMEDY) from fault
    if found != records.masks_sha256:
        raise InputError("is not the file that corrections.json describes", source=path, remedy=_REMEDY)
    return StoredCorrections(records, read_seg_nrrd(path))


def write_corrections(store: Path, corrections: StoredCorrections) -> None:
    """Write the corrections of a case, in place of earlier ones."""
    records = corrections.records
    with replacing_folder(store / CORRECTIONS / records.case) as folder:
        write_seg_nrrd(folder / MASKS_FILE, corrections.masks)
        sha256 = hashlib.sha256((folder / MASKS_FILE).read_bytes()).hexdigest()
        write_json(folder / CORRECTIONS_FILE, replace(records, masks_sha256=sha256).to_json())


def with_corrections(made: PreparedCase, store: Path) -> PreparedCase:
    """Merge the corrections that a store holds for a case into its labels, which are those of its dataset.

    Corrections drawn on another grid (the store has been prepared with other options) are left out with a note.

    Raises:
        InputError: they are damaged.
    """
    found = read_corrections(store, made.facts.name)
    if found is None:
        return made
    sha256 = corrections_hash(store, made.facts.name)
    if not found.masks.grid.same_as(made.facts.grid):
        text = f"corrections of {', '.join(found.masks.classes)} lie on another grid and are left out"
        notes = (*made.facts.notes, ("corrections", text))
        return replace(made, facts=replace(made.facts, notes=notes, corrections=sha256))
    classes = made.classes
    truth = _truth(made, classes)
    kept = (truth.annotated or frozenset()) - found.records.replacing_truth
    truth = Segmentation(truth.bits, truth.affine, classes, kept)
    layers = [LabelLayer(LabelSource.TRUTH, truth), LabelLayer(LabelSource.CORRECTED, found.masks)]
    merged = merge_labels(layers)
    corrected = tuple(key for key in classes if merged.sources.get(key) is LabelSource.CORRECTED)
    return _with_labels(made, merged.labels.subset(classes), corrected, sha256)


def _truth(made: PreparedCase, classes: tuple[str, ...]) -> Segmentation:
    table = from_integers(made.facts.sets, len(classes)).T.astype(np.uint64)
    bits = np.stack([plane[made.labels] for plane in table])
    return Segmentation(bits, made.facts.grid.affine, classes, frozenset(made.facts.annotated))


def _with_labels(made: PreparedCase, labels: Segmentation, corrected: tuple[str, ...], sha256: str) -> PreparedCase:
    facts, annotated = made.facts, labels.annotated or frozenset()
    sets, numbers = distinct_sets(labels.bits)
    held = LabelledVoxels(sets, numbers, labels.classes)
    most = max(1, facts.samples[BODY])  # the body has more voxels than samples are taken
    samples = sampled_class_locations(facts.name, made.hu, held, most)
    changed: dict[str, Any] = {
        "annotated": tuple(key for key in labels.classes if key in annotated),
        "sets": as_integers(sets),
        "structures": structure_facts(made.hu, held, facts.grid.voxel_volume_ml),
        "samples": {key: len(voxels) for key, voxels in samples.items()},
        "corrected": corrected,
        "corrections": sha256,
        "predicted": tuple(key for key in facts.predicted if key not in corrected),
    }
    voxels = np.concatenate(list(samples.values()))
    return PreparedCase(replace(facts, **changed), made.hu, numbers, voxels, made.classes)


def update_case(store: Path, name: str, classes: tuple[str, ...]) -> None:
    """Merge the corrections of a case into its stored labels; nothing happens if they are merged already.

    Args:
        store: Folder of the store, which the caller has locked and whose manifest it writes afterwards.
        name: Name of the case.
        classes: Structure keys of the store in bit order.

    Raises:
        InputError: the case or its corrections are damaged.
    """
    folder = store / CASES / name
    facts = StoredCase.read(folder)
    if facts.corrections == corrections_hash(store, name):
        return
    hu, labels = (np.asarray(open_chunked(folder / file)[:]) for file in (HU_FILE, LABEL_FILE))
    # What a correction replaced is not kept here; with_corrections drops it anyway.
    truth = replace(facts, annotated=tuple(key for key in facts.annotated if key not in facts.corrected))
    made = with_corrections(PreparedCase(truth, hu, labels, np.zeros((0, 3), np.int16), classes), store)
    with replacing_folder(folder) as new:
        made.write(new)
