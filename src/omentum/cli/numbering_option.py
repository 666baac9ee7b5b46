"""`--numbering`: whose label values a label map is written in."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omentum.anatomy.numbering import Numbering

TEMPLATE = "template"


def find_numbering(name: str) -> Numbering | None:
    """A dataset's numbers.

    Args:
        name: A dataset of `omentum data list`, totalsegmentator, a recipe's .toml, an nnU-Net v2 dataset.json or its
            folder; `template` for our own.

    Returns:
        None for the template's.

    Raises:
        UsageError: no such dataset, or it has masks and no numbers.
        InputError: a file that is no good recipe.
    """
    if name == TEMPLATE:
        return None
    from omentum.anatomy.numbering import Numbering
    from omentum.data.datasets import find_dataset
    from omentum.evaluate.mapping import load_mapping, packaged_mappings

    if name in packaged_mappings():
        mapping = load_mapping(name)
        return Numbering.of_mapping(name, mapping.labels, mapping.unions)
    return Numbering.of_recipe(find_dataset(name))


def lacking_words(numbering: Numbering, classes: Collection[str]) -> list[str]:
    """Which values no voxel, or not every voxel, can get, and why.

    Raises:
        UsageError: nothing has a number.
    """
    never = [f"never written: {why}" for why in dict.fromkeys(numbering.never.values())]
    lacking = [f"{value} ({', '.join(keys)})" for value, keys in numbering.lacking(classes).items()]
    in_part = [f"not looked for, so not written or in part: {', '.join(lacking)}"] if lacking else []
    return [f"numbers of {numbering.name}: {words}" for words in (*in_part, *never)]
