"""The structures that a run learns."""

from __future__ import annotations

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_file import include_structures
from omentum.train.config.settings import TrainConfig
from omentum.words import keys_of, structures_in


def run_classes(config: TrainConfig) -> tuple[str, ...]:
    """Class keys in the order of the model's outputs; also registers the structures of the run's structure file.

    Raises:
        UsageError: The file cannot be used, or a class is not a structure.
    """
    if config.structures:
        include_structures(config.structures)
    if not config.classes:
        return STRUCTURES.keys
    return keys_of(structures_in(config.classes, guesses=False))
