"""Raw cases for tests of the store: case folders as `omentum.io.truth` writes them, described by a small recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from toy_cases import toy_volume

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.raw_case import RawCase
from omentum.data.datasets.recipe_catalogue import FileLayout, Recipe, Target
from omentum.errors import InputError
from omentum.io.truth import read_case, write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

LAYOUT = FileLayout("{id}/ct.nii.gz", "nifti", "{id}/bits.nii.gz", "map")


@dataclass(frozen=True)
class Note:
    kind: str
    text: str


@dataclass(frozen=True)
class Case:
    """What a reader of raw cases answers with."""

    ct: Volume
    truth: Segmentation
    notes: tuple[Note, ...] = ()


def toy_recipe(key: str = "toy", annotated=("liver", "liver_tumour", "left_kidney", "right_kidney")) -> Recipe:
    return Recipe(
        key=key,
        title=f"Toys of {key}",
        homepage="https://example.org",
        licence="CC0-1.0",
        citation="",
        cases=0,
        label_noise="",
        layout=(LAYOUT,),
        values={1: Target(frozenset({"liver"}))},
        masks={},
        ignored=frozenset(),
        annotated=frozenset(annotated),
        rules=(),
        patient=f"{key}-{{id}}",
    )


def write_toys(root: Path, number: int, recipe: Recipe | None = None) -> list[RawCase]:
    """Small scans, one folder each, and their raw cases."""
    recipe = recipe or toy_recipe()
    for k in range(number):
        ct, truth = toy_volume(k, (60, 56, 50 + k))
        write_case(root / f"{k}", ct, truth, {})
    return [raw_case(recipe, root / f"{k}") for k in range(number)]


def raw_case(recipe: Recipe, folder: Path) -> RawCase:
    return RawCase(
        recipe=recipe,
        id=folder.name,
        name=f"{recipe.key}_{folder.name}",
        patient=recipe.patient_of(folder.name),
        image=folder / "ct.nii.gz",
        labels=(folder / "bits.nii.gz",),
        layout=LAYOUT,
        annotated=recipe.annotated,
    )


def read_toy(raw: RawCase) -> Case:
    """The folder's case, annotated as the raw case says."""
    ct, truth, _ = read_case(raw.image.parent)
    assert truth.annotated is not None
    nowhere = np.zeros(truth.shape, bool)
    masks = {key: truth.mask(key) if key in truth.classes else nowhere for key in STRUCTURES.keys}
    truth = Segmentation.from_masks(masks, truth.affine, raw.annotated & truth.annotated)
    return Case(ct, truth, (Note("toy", "made up"),))


def read_or_raise(raw: RawCase) -> Case:
    """`read_toy`, unless the case is bad, in one of two ways."""
    if raw.id == "1":
        raise InputError("is no scan", source=raw.image, remedy="give a scan")
    if raw.id == "2":
        raise ZeroDivisionError("ours")
    return read_toy(raw)


def files_of(store: Path) -> dict[str, bytes]:
    """Everything in a store but its cache."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and ".cache" not in path.parts
    }


def touched(path: Path, change: int = 1) -> None:
    """Rewrite a compressed CT with other values."""
    from omentum.io.nifti import read_volume, write_volume

    ct = read_volume(path)
    write_volume(path, replace(ct, voxels=(ct.voxels + np.int16(change)).astype(np.int16)))
