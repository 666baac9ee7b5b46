"""Structure -> the sentence a text encoder reads."""

from __future__ import annotations

from omentum.anatomy.structure import Structure

TEMPLATE = "A computerized tomography of a {noun}"
"""The paper's best prompt template (V3; Liu et al., ICCV 2023)."""


def prompt(structure: Structure, template: str = TEMPLATE) -> str:
    """The sentence for our own checkpoints, with the correct spelling."""
    return template.format(noun=structure.noun)


def published_prompt(structure: Structure) -> str:
    """The sentence the released text embeddings were made from, misspellings included."""
    return TEMPLATE.format(noun=structure.published_noun)
