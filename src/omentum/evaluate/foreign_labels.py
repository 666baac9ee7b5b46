"""Segmentations from other sources as prediction or reference: their structures, and what they can be evaluated for."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import include_carried
from omentum.anatomy.vocabulary import Understanding
from omentum.errors import InputError, UsageError, warn_of_case
from omentum.evaluate.pairing import IdOf
from omentum.io.case_names import case_name
from omentum.result_files import LABEL_MAP, MANIFEST, MASKS, SEGMENTATIONS
from omentum.words import structures_in

if TYPE_CHECKING:
    from omentum.evaluate import LabelMapping, Scope
    from omentum.segmentation import Segmentation
    from omentum.volume import Grid

NOT_ASKED = f"not asked for ({MANIFEST})"
_ALL_NEIGHBOURS = np.ones((3, 3, 3), bool)


def wanted_structures(names: str | None) -> tuple[Understanding, ...] | None:
    """Understand words such as "liver,kidneys"; None for None.

    Raises:
        UsageError: an unknown name, or an empty list.
    """
    if names is None:
        return None
    understood = structures_in(names)
    if not understood:
        raise UsageError("--classes names none", remedy="liver,kidneys for example; see omentum classes")
    return understood


def same_case(mapping: LabelMapping | None) -> IdOf:
    """Function that extracts the case id from file names, if the mapping is that of a dataset."""
    from omentum.data.datasets.raw_case import id_of

    return str if mapping is None or mapping.recipe is None else partial(id_of, mapping.recipe)


def read_prediction(path: Path, mapping: LabelMapping | None) -> tuple[Segmentation, Scope]:
    """Read a prediction (all masks or a label map) and the structures it was asked for.

    The requested structures are taken from the manifest next to it, the names inside the file, or the label values of
    the mapping. Without any of these, all annotated structures are expected.

    Raises:
        InputError: the file cannot be read, or its label values are not those of the template and there is no mapping.
    """
    from omentum.evaluate import Scope
    from omentum.io.segmentations import holds_named_masks, names_its_structures, read_segmentation

    path = label_map_if_numbered(path, mapping)
    found = None if mapping else _read_template(path, "--pred-mapping")  # registers the structures it defines
    asked = _asked_of_manifest(path)
    if mapping:
        scope = Scope(mapping.structures, f"no number in {mapping.name}")
        if asked is not None and (unasked := mapping.structures - asked):
            scope = replace(scope, excluded=dict.fromkeys(unasked, NOT_ASKED))
        if holds_named_masks(path):
            return read_segmentation(path), scope
        return _read_mapped(path, mapping, "--pred-mapping"), scope
    assert found is not None
    if asked is not None:
        return found, Scope(asked | {*found.classes}, NOT_ASKED)
    if names_its_structures(path):
        return found, Scope(frozenset(found.classes), "not among the names in the prediction's file")
    return found, Scope(None)


def label_map_if_numbered(path: Path, mapping: LabelMapping | None) -> Path:
    """File to read for a prediction: with a mapping of label values, the label map next to the file with all masks."""
    label_map = path.with_name(LABEL_MAP)
    return label_map if mapping and path.name == MASKS and label_map.is_file() else path


def read_reference(path: Path, mapping: LabelMapping | None, grid: Grid | None = None) -> Segmentation:
    """Read a reference (all masks or a label map); with a recipe, only structures annotated in that case count.

    A label map of zeros without names is a patient without lesions; it says nothing about organs.

    Args:
        path: The file.
        mapping: Meaning of the label values, if they are not the template's.
        grid: Grid of the CT, for DICOM; see `read_segmentation`.

    Raises:
        InputError: as for `read_prediction`.
        UsageError: a mapping of label values for a file with named masks.
    """
    from omentum.data.datasets.raw_case import id_of
    from omentum.data.harmonise.annotated import AnnotationScope, contradiction_text
    from omentum.evaluate import known_absent
    from omentum.io.segmentations import holds_named_masks

    if mapping is not None and holds_named_masks(path):
        raise UsageError("names its structures and needs no --mapping", source=path)
    if mapping is None:
        truth = _read_template(path, "--mapping", grid)
        lesions = [row.key for row in STRUCTURES if row.is_lesion]
        return truth if truth.classes else known_absent(truth, lesions)
    truth = _read_mapped(path, mapping, "--mapping")
    if mapping.recipe is None:
        return truth
    recipe, case_id, present = mapping.recipe, id_of(mapping.recipe, case_name(path)), truth.present()
    looked_for = recipe.annotated_in(case_id) & {*truth.classes}
    sought = AnnotationScope(looked_for, recipe.annotated_if_present, recipe.healthy_in(case_id))
    if _holds_any(path, {value for value, target in recipe.values.items() if target.hides}):
        sought = sought.with_hidden_voxels(present)
    if denied := sought.contradicted(present):
        warn_of_case(f"{case_name(path)}: {contradiction_text(denied)}")
    counted = sought.resolved(present, lambda claimed: _doubtful(path, mapping.unknown, truth, claimed))
    absent = counted & sought.healthy
    return known_absent(replace(truth, annotated=counted & {*truth.classes}), absent)


def _read_mapped(path: Path, mapping: LabelMapping, option: str) -> Segmentation:
    """Read a label map by a mapping of its values.

    Raises:
        UsageError: the file names its structures, and the mapping contradicts them.
    """
    from omentum.io.labels import label_names, read_labels

    mapping.check_names(label_names(path), path, option)
    return read_labels(path, mapping.labels)


def _read_template(path: Path, option: str, grid: Grid | None = None) -> Segmentation:
    """Read all masks, or a label map in the values of the template; see `read_segmentation`.

    Raises:
        InputError: it is neither; the message names the option that gives a mapping.
    """
    from omentum.io.labels import ForeignLabelsError
    from omentum.io.segmentations import holds_named_masks, read_segmentation

    try:
        return read_segmentation(path, may_be_empty=True, grid=grid)
    except ForeignLabelsError as fault:
        if holds_named_masks(path):  # it has names; the error lists valid ones
            raise
        fault.remedy = (
            f'say what they mean: {option} with totalsegmentator, a dataset (btcv), or a file: {{"1": "spleen"}}'
        )
        raise


def _asked_of_manifest(path: Path) -> frozenset[str] | None:
    """Structures requested of `omentum segment`, if it wrote this file and a manifest."""
    beside = path.parent / MANIFEST
    if path.name not in SEGMENTATIONS or not beside.is_file():
        return None
    try:
        manifest = json.loads(beside.read_bytes())
        include_carried(manifest.get("weights", {}).get("structures", {}), beside)
        classes = manifest["options"]["classes"]
        return frozenset(STRUCTURES.find(str(key)).key for key in classes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise InputError(f"does not say which classes were asked for: {fault!r}", source=beside) from fault


def _holds_any(path: Path, values: Collection[int]) -> bool:
    from omentum.io.images import read_image

    return bool(values) and bool(np.isin(np.rint(read_image(path).voxels), sorted(values)).any())


def _doubtful(path: Path, unknown: frozenset[int], truth: Segmentation, annotated: frozenset[str]) -> frozenset[str]:
    """Structures that may lack a part or a lesion, because voxels of unknown labels touch them."""
    from omentum.data.harmonise.unknown_parts import in_doubt
    from omentum.io.images import read_image

    if not unknown:
        return frozenset()
    voxels = np.isin(np.rint(read_image(path).voxels), sorted(unknown))
    if not voxels.any():
        return frozenset()
    near = ndimage.binary_dilation(voxels, _ALL_NEIGHBOURS)
    drawn = annotated & {*truth.classes}
    return in_doubt(frozenset(key for key in drawn if (truth.mask(key) & near).any()), annotated)
