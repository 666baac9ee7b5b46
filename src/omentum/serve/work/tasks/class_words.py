"""Words for structures that the vocabulary does not have; a language model may be loaded for them."""

from __future__ import annotations

from omentum.serve.work.child import TaskContext
from omentum.words import chosen, structures_in


def check_classes(context: TaskContext, words: tuple[str, ...], known: list[str]) -> None:
    """Check words before they are asked for.

    Args:
        context: Unused.
        words: Of a user.
        known: Keys of the structures that the weights know.

    Raises:
        UsageError: they are not understood, or the weights do not know their structures.
    """
    chosen(structures_in(words), known)
