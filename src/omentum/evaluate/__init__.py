"""A prediction against a reference: status first, then overlap, lesions and the table over cases."""

from omentum.evaluate.alignment import aligned, with_unions
from omentum.evaluate.mapping import LabelMapping, load_mapping
from omentum.evaluate.scores import CaseScores, StructureScore, evaluate, missed_case
from omentum.evaluate.summary import Summary, summarise

__all__ = [
    "CaseScores",
    "LabelMapping",
    "StructureScore",
    "Summary",
    "aligned",
    "evaluate",
    "load_mapping",
    "missed_case",
    "summarise",
    "with_unions",
]
