"""Words of a user -> structures: synonyms, sides, groups, lists, languages, spelling errors; else a refusal."""

from omentum.anatomy.vocabulary.explain import explain_phrase, explain_words, split_phrases
from omentum.anatomy.vocabulary.understanding import How, Understanding

__all__ = ["How", "Understanding", "explain_phrase", "explain_words", "split_phrases"]
