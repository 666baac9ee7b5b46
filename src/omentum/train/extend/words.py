"""From words for new structures to rows of the table and classes with prompts."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import TEMPLATE, class_prompts, template_behind
from omentum.anatomy.structure_file import include_noun
from omentum.anatomy.suggestions import UnknownStructureError
from omentum.errors import UsageError
from omentum.spec import CheckpointSpec, ClassSpec
from omentum.words import SURE, explain_words, keys_of

TOO_SIMILAR = 0.8
"""Words whose letters agree so far (`difflib`) with a known name are a slip of it rather than a new structure."""

_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def new_structures(words: Iterable[str], known: Sequence[str]) -> dict[str, bool]:
    """Keys of the structures that words denote, and whether they were made for a word that denotes none.

    Args:
        words: Any words of the vocabulary, also for a pair and in another language; or a new noun.
        known: Keys of the structures that the model has.

    Raises:
        UsageError: The model knows one of them, a word means several structures some of which it knows, or it is nearly
            the name of another structure.
    """
    found: dict[str, bool] = {}
    for word in words:
        try:
            keys = [row.key for row in STRUCTURES.expand_all([word])]
        except UnknownStructureError as fault:
            understood = explain_words([word], nearest=False)
            if not all(one.how in SURE for one in understood):
                if _SIDE.search(word):
                    reason = f"{word!r} has a side, and a structure made for new words has none"
                    raise UsageError(reason, remedy="define it and its pair in a file: --structures FILE") from fault
                _refuse_slip(word, [key for keys in fault.meant for key in keys])
                found[include_noun(word)] = True
                continue
            keys = list(keys_of(understood))
        have = [key for key in keys if key in known]
        if have and len(keys) > 1:
            others = ", ".join(key for key in keys if key not in known) or "none"
            reason = f"{word!r} means several structures, of which the model knows {', '.join(have)}"
            raise UsageError(reason, remedy=f"add those that are new by name: {others}")
        if have:
            remedy = "train it further with omentum train (init), or name another"
            raise UsageError(f"{word!r} is {have[0]}, which the model knows already", remedy=remedy)
        found |= {key: found.get(key, False) for key in keys}
    return found


def class_specs(keys: Sequence[str], spec: CheckpointSpec, template: str = "") -> tuple[ClassSpec, ...]:
    """New classes with their prompts, in the template of the known ones unless another is given.

    Raises:
        UsageError: The template is none, the known prompts follow none, or a new class has the prompt of another.
    """
    chosen = template or template_behind({one.key: one.prompt for one in spec.classes})
    if not chosen:
        remedy = f'give one: --prompt "{TEMPLATE}"'
        raise UsageError("the prompts of the known classes follow no one template", remedy=remedy)
    prompts = class_prompts((*spec.class_keys, *keys), chosen, {one.key: one.prompt for one in spec.classes})
    return tuple(ClassSpec(key, said) for key, said in zip(keys, prompts[len(spec.classes) :], strict=True))


def _refuse_slip(word: str, meant: Sequence[str]) -> None:
    said = re.sub(r"[\W_]+", " ", word.lower()).strip()
    for key in meant:
        names = STRUCTURES[key].names if key in STRUCTURES else (key,)
        near = max(difflib.SequenceMatcher(None, said, name.lower().replace("_", " ")).ratio() for name in names)
        if near >= TOO_SIMILAR:
            remedy = "write it so, or define the new structure in a file: --structures FILE"
            raise UsageError(f"{word!r} is nearly {key}, which is another structure", remedy=remedy)
