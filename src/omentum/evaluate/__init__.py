"""Evaluation of predictions against references: status, overlap, surface distances, lesions, tables over cases."""

from typing import TYPE_CHECKING

from omentum.lazy_names import lazy_names

if TYPE_CHECKING:
    from omentum.evaluate.mapping import LabelMapping as LabelMapping
    from omentum.evaluate.mapping import load_mapping as load_mapping
    from omentum.evaluate.metrics.alignment import aligned as aligned
    from omentum.evaluate.metrics.alignment import reoriented as reoriented
    from omentum.evaluate.metrics.alignment import with_unions as with_unions
    from omentum.evaluate.metrics.case_scores import CaseScores as CaseScores
    from omentum.evaluate.metrics.case_scores import StructureScore as StructureScore
    from omentum.evaluate.metrics.comparison import Comparison as Comparison
    from omentum.evaluate.metrics.comparison import compare as compare
    from omentum.evaluate.metrics.healthy import known_absent as known_absent
    from omentum.evaluate.metrics.hidden import hidden_shares as hidden_shares
    from omentum.evaluate.metrics.hidden import most_hidden as most_hidden
    from omentum.evaluate.metrics.rules import Rules as Rules
    from omentum.evaluate.metrics.scope import Scope as Scope
    from omentum.evaluate.metrics.scores import evaluate as evaluate
    from omentum.evaluate.metrics.scores import missed_case as missed_case
    from omentum.evaluate.metrics.summary import Summary as Summary
    from omentum.evaluate.metrics.summary import summarise as summarise
    from omentum.evaluate.metrics.table import COMPARED as COMPARED
    from omentum.evaluate.metrics.table import METRICS as METRICS
    from omentum.evaluate.metrics.table import Metric as Metric
    from omentum.evaluate.metrics.tolerances import load_tolerances as load_tolerances

_HOMES = {
    "COMPARED": "omentum.evaluate.metrics.table",
    "CaseScores": "omentum.evaluate.metrics.case_scores",
    "Comparison": "omentum.evaluate.metrics.comparison",
    "LabelMapping": "omentum.evaluate.mapping",
    "METRICS": "omentum.evaluate.metrics.table",
    "Metric": "omentum.evaluate.metrics.table",
    "Rules": "omentum.evaluate.metrics.rules",
    "Scope": "omentum.evaluate.metrics.scope",
    "StructureScore": "omentum.evaluate.metrics.case_scores",
    "Summary": "omentum.evaluate.metrics.summary",
    "aligned": "omentum.evaluate.metrics.alignment",
    "compare": "omentum.evaluate.metrics.comparison",
    "evaluate": "omentum.evaluate.metrics.scores",
    "hidden_shares": "omentum.evaluate.metrics.hidden",
    "known_absent": "omentum.evaluate.metrics.healthy",
    "load_mapping": "omentum.evaluate.mapping",
    "load_tolerances": "omentum.evaluate.metrics.tolerances",
    "missed_case": "omentum.evaluate.metrics.scores",
    "most_hidden": "omentum.evaluate.metrics.hidden",
    "summarise": "omentum.evaluate.metrics.summary",
    "reoriented": "omentum.evaluate.metrics.alignment",
    "with_unions": "omentum.evaluate.metrics.alignment",
}

__all__ = list(_HOMES)  # names that are imported when first used
__getattr__ = lazy_names(__name__, _HOMES)
