"""Validation rules for recipes of any origin; messages omit the file name, which the caller adds."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from omentum.anatomy.pairs import pair_of
from omentum.anatomy.structures import STRUCTURES
from omentum.data.datasets.recipe import PATIENT_FIELD, Recipe, Target
from omentum.errors import InputError

_MASK_KINDS = ("masks", "dicom_masks", "segments")
_EXAMPLES = {"values": 'for example 1 = "spleen"', "masks": 'for example "kidney_left*" = "left kidney"'}


def check_glob(glob: str, place: str) -> None:
    """Check that a glob can find cases.

    Raises:
        InputError: The glob is empty, lacks {id}, contains other braces, or leaves the dataset root.
    """
    example = 'for example "**/case_{id}.nii*"'
    if not glob:
        raise InputError(f"{place} is missing", remedy=example)
    if "{id}" not in glob:
        raise InputError(f"{place} = {glob!r} has no {{id}} where the case's id stands", remedy=example)
    if re.search(r"[{}]", glob.replace("{id}", "")):
        raise InputError(f"{place} = {glob!r}: {{id}} is the only thing in braces", remedy=example)
    path = PurePosixPath(glob)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{place} = {glob!r} leaves the dataset's folder", remedy="write it relative to that folder")
    if any("**" in part and part != "**" for part in path.parts):
        raise InputError(f"{place} = {glob!r}: ** stands alone between slashes", remedy=example)


def check_patient(template: str) -> str:
    """Check that a patient template distinguishes patients.

    Raises:
        InputError: The template lacks {id} or contains other braces.
    """
    rest = PATIENT_FIELD.sub("", template)
    if rest == template or re.search(r"[{}]", rest):
        raise InputError(f"patient = {template!r}", remedy='write "lits-{id}", or "lits-{id+27}" to count on')
    return template


def check_recipe(recipe: Recipe) -> None:
    """Check that the parts of a recipe are consistent.

    Raises:
        InputError: Some parts are inconsistent; the message names them.
    """
    _check_meanings(recipe)
    _check_overlaps(recipe)
    _check_annotated(recipe)
    _check_healthy(recipe)
    for place, target in _targets(recipe):
        _check_hosts(place, target, recipe.annotated)


def _targets(recipe: Recipe) -> list[tuple[str, Target]]:
    values = [(f"values.{native}", target) for native, target in recipe.values.items()]
    return values + [(f"masks.{pattern}", target) for pattern, target in recipe.masks.items()]


def _check_meanings(recipe: Recipe) -> None:
    masks = {layout.label_kind in _MASK_KINDS for layout in recipe.layout}
    sections = (("values", recipe.values, False in masks), ("masks", recipe.masks, True in masks))
    for section, meanings, needed in sections:
        if needed and not meanings:
            raise InputError(f"[{section}] is missing or empty", remedy=_EXAMPLES[section])
    for section, meanings, needed in sections:
        if meanings and not needed:
            raise InputError(f"no layout has labels that [{section}] is for", remedy="see layout.label_kind")


def _check_overlaps(recipe: Recipe) -> None:
    both = sorted(str(known) for known in recipe.ignored & {*recipe.values, *recipe.masks})
    if both:
        raise InputError(f"{', '.join(both)} has a meaning and is ignored too", remedy="keep one of the two")
    if 0 in recipe.ignored:
        raise InputError("ignored names 0, which is background anyway", remedy="leave it out")


def _check_annotated(recipe: Recipe) -> None:
    given = frozenset[str]().union(*(target.gives for _, target in _targets(recipe)))
    lists = [
        ("annotated", recipe.annotated, given),
        ("annotated_if_present", recipe.annotated_if_present, recipe.annotated),
    ]
    lists += [
        (f"rules[{n}].annotated", rule.annotated or given, recipe.annotated)
        for n, rule in enumerate(recipe.rules, 1)
        if rule.annotated
    ]
    if not recipe.annotated:
        raise InputError("nothing is annotated")
    for place, named, allowed in lists:
        if extra := [key for key in STRUCTURES.keys if key in named - allowed]:
            reason = "no value or mask gives it" if place == "annotated" else "the recipe's annotated does not hold it"
            raise InputError(f"{place} names {', '.join(extra)}, but {reason}")


def _check_healthy(recipe: Recipe) -> None:
    places = [("healthy", recipe.healthy), *((f"rules[{n}].healthy", r.healthy) for n, r in enumerate(recipe.rules, 1))]
    sought = recipe.annotated - recipe.annotated_if_present
    for place, named in places:
        if others := [key for key in STRUCTURES.keys if key in named and not STRUCTURES[key].is_lesion]:
            raise InputError(
                f"{place} names {', '.join(others)}, which is no lesion", remedy='for example "liver tumour"'
            )
        if told := [key for key in STRUCTURES.keys if key in named & sought]:
            raise InputError(f"{place} names {', '.join(told)}, which the labels tell already", remedy="leave it out")


def _check_hosts(place: str, target: Target, annotated: frozenset[str]) -> None:
    """Check that a lesion's target includes its host organ where both are annotated (a liver tumour is liver)."""
    for key in sorted(target.structures):
        hosts = STRUCTURES[key].hosts
        if hosts and annotated.issuperset(hosts) and not target.gives & {*hosts}:
            host = pair_of(hosts[0]) or hosts[0]
            raise InputError(
                f"{place}: a {STRUCTURES[key].noun} is part of the {host}, which is annotated too",
                remedy=f'write ["{host}", "{key}"]',
            )
