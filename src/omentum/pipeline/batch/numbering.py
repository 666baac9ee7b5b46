"""Label values of datasets, by name."""

from __future__ import annotations

from omentum.anatomy.numbering import Numbering
from omentum.data.datasets.find import find_dataset
from omentum.data.datasets.numbering import numbering_of_mapping, numbering_of_recipe
from omentum.evaluate.mapping import load_mapping, packaged_mappings
from omentum.pipeline.batch.options import TEMPLATE


def find_numbering(name: str) -> Numbering | None:
    """Find the label values of a dataset.

    Args:
        name: A dataset of `omentum data list`, totalsegmentator, a recipe's .toml, an nnU-Net v2 dataset.json or its
            folder; `template` for our own.

    Returns:
        The label values; None for those of the template.

    Raises:
        UsageError: unknown dataset, or one with masks instead of label values.
        InputError: the file is not a valid recipe.
    """
    if name == TEMPLATE:
        return None
    if name in packaged_mappings():
        mapping = load_mapping(name)
        return numbering_of_mapping(name, mapping.labels, mapping.unions)
    return numbering_of_recipe(find_dataset(name))
