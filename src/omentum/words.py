"""Words of a user for structures, understood alike by every command and in Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from omentum.anatomy.suggestions import UnknownStructureError
from omentum.anatomy.vocabulary import How, Understanding
from omentum.anatomy.vocabulary import explain_words as _explained
from omentum.anatomy.vocabulary.items import NOT_KNOWN
from omentum.errors import UsageError

SURE = (How.EXACT, How.SYNONYM, How.GROUP, How.LANGUAGE)
"""By a name of the vocabulary, and not by a guess."""


def explain_words(words: str | Iterable[str], *, nearest: bool = True) -> tuple[Understanding, ...]:
    """Say what words for structures are understood to mean; the rules are in docs/how-to/words.md.

    Args:
        words: Phrases such as "both kidneys" or "rein gauche", or one text with commas between them.
        nearest: As a last resort, compare text embeddings (needs the extra `text` and a language model).

    Returns:
        One result for each phrase. A phrase that is not understood has no structures, and says why.

    Example:
        >>> omentum.explain_words("kidney left, renal artery")[0].structures
        ('left_kidney',)
    """
    return _explained(words, _nearest if nearest else None)


def structures_in(words: str | Iterable[str], *, guesses: bool = True) -> tuple[Understanding, ...]:
    """Like `explain_words`, where structures are chosen: all of it has to be understood.

    Args:
        words: Phrases, or one text with commas between them.
        guesses: Accept corrected spelling and nearest embeddings; False where the choice is kept, as in weights.

    Raises:
        UnknownStructureError: Some phrases were not understood; the message names each with its reason.
    """
    found = explain_words(words, nearest=guesses)
    if not guesses:
        found = tuple(one if one.how in SURE else _suggested(one) for one in found)
    if refused := [one for one in found if not one]:
        raise UnknownStructureError(
            [one.query for one in refused], [one.suggestions for one in refused], [_reason(one) for one in refused]
        )
    return found


def _suggested(guess: Understanding) -> Understanding:
    return Understanding(guess.query, suggestions=guess.structures or guess.suggestions, reason=guess.reason)


def _reason(refused: Understanding) -> str:
    """The reason, unless it says no more than that the words are unknown."""
    return "" if refused.reason.endswith(NOT_KNOWN) else refused.reason


def keys_of(understood: Iterable[Understanding]) -> tuple[str, ...]:
    """Keys of all structures, each once, in the order of the words."""
    return tuple(dict.fromkeys(key for one in understood for key in one.structures))


def lacking(understood: Iterable[Understanding], known: Iterable[str]) -> list[str]:
    """Keys that weights do not know although they were named, and not only by a collective word ("all organs")."""
    wanted, known = tuple(understood), set(known)
    single = {key for one in wanted for key in one.structures if key not in one.collective}
    return [key for key in keys_of(wanted) if key not in known and key in single]


def chosen(understood: Iterable[Understanding], known: Sequence[str]) -> tuple[str, ...]:
    """Keys that words ask for among those that weights know, in the order of the weights.

    Raises:
        UsageError: the weights do not know a structure that was named, or none is left.
    """
    understood = tuple(understood)
    if missing := lacking(understood, known):
        them = "it" if len(missing) == 1 else "them"
        reason = f"the weights do not know {', '.join(missing)}: they were not trained for {them}"
        remedy = f"words alone give no usable mask; `omentum extend` adds {them} from labelled cases"
        raise UsageError(reason, remedy=f"{remedy}; they know {', '.join(known)}")
    wanted = keys_of(understood)
    return some(tuple(key for key in known if key in wanted))


def some(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys, of which there has to be one.

    Raises:
        UsageError: there is none.
    """
    if not keys:
        raise UsageError("no class was asked for", remedy="leave the classes out to get all of them")
    return keys


def notes_on(understood: Iterable[Understanding]) -> list[str]:
    """A line for all that was understood for sure, but not said exactly; of the others see `guesses_in`."""
    return [str(one) for one in understood if one.how in SURE and (one.how is not How.EXACT or one.notes)]


def guesses_in(understood: Iterable[Understanding]) -> list[str]:
    """A line for all that was guessed, of which a user has to be warned."""
    return [str(one) for one in understood if one.how not in SURE]


def _nearest(phrase: str) -> tuple[tuple[str, ...], float] | None:
    from omentum.text.nearest import nearest_name

    return nearest_name(phrase)
