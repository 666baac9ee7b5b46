"""Evaluation of predictions against references: status, overlap, surface distances, lesions, tables over cases."""

from omentum.evaluate.mapping import LabelMapping, load_mapping
from omentum.evaluate.metrics.alignment import aligned, turned, with_unions
from omentum.evaluate.metrics.comparison import Comparison, compare
from omentum.evaluate.metrics.healthy import known_absent
from omentum.evaluate.metrics.hidden import hidden_shares, most_hidden
from omentum.evaluate.metrics.scope import Scope
from omentum.evaluate.metrics.scores import CaseScores, Rules, StructureScore, evaluate, missed_case
from omentum.evaluate.metrics.summary import Summary, summarise
from omentum.evaluate.metrics.table import COMPARED, METRICS, Metric
from omentum.evaluate.metrics.tolerances import load_tolerances

__all__ = [
    "COMPARED",
    "METRICS",
    "CaseScores",
    "Comparison",
    "LabelMapping",
    "Metric",
    "Rules",
    "Scope",
    "StructureScore",
    "Summary",
    "aligned",
    "compare",
    "evaluate",
    "hidden_shares",
    "known_absent",
    "load_mapping",
    "load_tolerances",
    "missed_case",
    "most_hidden",
    "summarise",
    "turned",
    "with_unions",
]
