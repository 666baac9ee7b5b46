"""Prompt sentences of structures for a text encoder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from omentum.anatomy.structure import Structure
from omentum.anatomy.structures import STRUCTURES
from omentum.errors import UsageError

TEMPLATE = "A computerized tomography of a {noun}"
"""The paper's best prompt template (V3; Liu et al., ICCV 2023)."""

TEMPLATES = {
    "V1": "A photo of a {noun}",
    "V2": "There is {noun} in this computerized tomography",
    "V3": TEMPLATE,
}
"""The three that the paper compares."""

_PLACES = ("{noun}", "{name}", "[CLS]")


def template_of(choice: str) -> str:
    """A prompt template by its name in the paper, or a custom one with the placeholder {noun}, {name} or [CLS].

    Raises:
        UsageError: The template is neither, or contains other fields in braces.
    """
    template = TEMPLATES.get(choice, choice)
    for place in _PLACES[1:]:
        template = template.replace(place, _PLACES[0])
    if template.count(_PLACES[0]) != 1:
        remedy = f"one of {', '.join(TEMPLATES)}, or a sentence such as '{TEMPLATE}'"
        raise UsageError(f"the prompt {choice!r} has no place for the structure", remedy=remedy)
    if strange := re.search(r"\{[^{}]*\}|[{}]", template.replace(_PLACES[0], "")):
        remedy = f"the only one is {' or '.join(_PLACES)}"
        raise UsageError(f"the prompt {choice!r} has the field {strange[0]!r}, which nothing fills", remedy=remedy)
    return template


def template_behind(prompts: Mapping[str, str]) -> str | None:
    """The template that most of some prompts were made by; None if no template made more than half of them.

    Args:
        prompts: Structure key -> sentence.
    """
    votes = Counter[str]()
    for key, said in prompts.items():
        noun = STRUCTURES[key].noun
        made = {sentence for sentence in TEMPLATES.values() if prompt(STRUCTURES[key], sentence) == said}
        votes.update(made | ({said.replace(noun, _PLACES[0])} if said.count(noun) == 1 else set()))
    found = [sentence for sentence, count in votes.most_common(1) if 2 * count > len(prompts)]
    return found[0] if found else None


def prompt(structure: Structure, template: str = TEMPLATE) -> str:
    """Prompt for our own checkpoints, with correct spelling."""
    return template.replace(_PLACES[0], structure.noun)


def class_prompts(keys: Sequence[str], template: str = TEMPLATE, own: Mapping[str, str] | None = None) -> list[str]:
    """The prompts of several structures.

    Args:
        keys: Structures.
        template: See `template_of`.
        own: Key -> whole sentence for that structure, in place of the template.

    Raises:
        UsageError: The template is none, or two structures have the same prompt.
    """
    sentence = template_of(template)
    prompts = [(own or {}).get(key) or prompt(STRUCTURES[key], sentence) for key in keys]
    first: dict[str, str] = {}
    for key, said in zip(keys, prompts, strict=True):
        if first.setdefault(said, key) != key:
            raise UsageError(f"{first[said]} and {key} have the same prompt {said!r}", remedy="give one another prompt")
    return prompts


def published_prompt(structure: Structure) -> str:
    """Prompt from which the released text embeddings were computed, including misspellings."""
    return TEMPLATE.replace(_PLACES[0], structure.published_noun)
