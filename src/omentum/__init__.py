"""Omentum: a CT goes in; every structure the model was ever taught, named in words, comes out on the CT's own grid.

Names are imported when first used (PEP 562), so `import omentum` costs nothing and loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omentum import evaluate as evaluate
    from omentum import phantom as phantom
    from omentum.anatomy import STRUCTURES as STRUCTURES
    from omentum.anatomy import include_structures as include_structures
    from omentum.anatomy.vocabulary import Understanding as Understanding
    from omentum.annotate.accept.api import accept_corrections as accept_corrections
    from omentum.annotate.accept.options import AcceptOptions as AcceptOptions
    from omentum.annotate.audit.api import audit_labels as audit_labels
    from omentum.annotate.audit.options import AuditOptions as AuditOptions
    from omentum.annotate.click.correct import Click as Click
    from omentum.annotate.click.correct import Correction as Correction
    from omentum.annotate.click.correct import Corrector as Corrector
    from omentum.annotate.click.correct import correct as correct
    from omentum.annotate.propose.api import propose_annotations as propose_annotations
    from omentum.annotate.propose.options import ProposeOptions as ProposeOptions
    from omentum.data.check_data import check_data as check_data
    from omentum.data.prepare_data import prepare_data as prepare_data
    from omentum.data.split_data import SplitOptions as SplitOptions
    from omentum.data.split_data import split_data as split_data
    from omentum.data.store.prepare_case import StoreOptions as StoreOptions
    from omentum.errors import CaseWarning as CaseWarning
    from omentum.errors import OmentumError as OmentumError
    from omentum.evaluate.evaluation import Evaluation as Evaluation
    from omentum.evaluate.options import EvaluationOptions as EvaluationOptions
    from omentum.evaluate.outputs import EvaluationFiles as EvaluationFiles
    from omentum.evaluate.study import evaluate_study as evaluate_study
    from omentum.follow_up.result import FollowUp as FollowUp
    from omentum.follow_up.scans import compare_scans as compare_scans
    from omentum.io.segmentations import read_segmentation as read_segmentation
    from omentum.model import load_model as load_model
    from omentum.model.catalogue import list_weights as list_weights
    from omentum.pipeline import CaseSegmentation as CaseSegmentation
    from omentum.pipeline import SaveOptions as SaveOptions
    from omentum.pipeline import Segmenter as Segmenter
    from omentum.pipeline import SegmentOptions as SegmentOptions
    from omentum.pipeline import load_volume as load_volume
    from omentum.pipeline import segment as segment
    from omentum.pipeline.batch import BatchOptions as BatchOptions
    from omentum.pipeline.batch import BatchResult as BatchResult
    from omentum.pipeline.batch import CaseSelection as CaseSelection
    from omentum.pipeline.batch import segment_batch as segment_batch
    from omentum.pipeline.class_map import map_classes as map_classes
    from omentum.report.class_map import ClassMap as ClassMap
    from omentum.segmentation import Segmentation as Segmentation
    from omentum.train.config.settings import TrainConfig as TrainConfig
    from omentum.train.config.task import load_task as load_task
    from omentum.train.config.toml_file import load_config as load_config
    from omentum.train.extend.comparison import Extension as Extension
    from omentum.train.extend.extend import extend_model as extend_model
    from omentum.train.extend.options import ExtendOptions as ExtendOptions
    from omentum.train.second_pass.training import train_second_pass as train_second_pass
    from omentum.train.soup import Soup as Soup
    from omentum.train.soup import average_weights as average_weights
    from omentum.train.soup_options import SoupOptions as SoupOptions
    from omentum.train.training import cross_validate as cross_validate
    from omentum.train.training import plan_training as plan_training
    from omentum.train.training import train_model as train_model
    from omentum.volume import Volume as Volume
    from omentum.words import explain_words as explain_words

_HOMES = {
    "AcceptOptions": "omentum.annotate.accept.options",
    "ProposeOptions": "omentum.annotate.propose.options",
    "AuditOptions": "omentum.annotate.audit.options",
    "audit_labels": "omentum.annotate.audit.api",
    "accept_corrections": "omentum.annotate.accept.api",
    "propose_annotations": "omentum.annotate.propose.api",
    "check_data": "omentum.data.check_data",
    "prepare_data": "omentum.data.prepare_data",
    "split_data": "omentum.data.split_data",
    "SplitOptions": "omentum.data.split_data",
    "StoreOptions": "omentum.data.store.prepare_case",
    "TrainConfig": "omentum.train.config.settings",
    "load_config": "omentum.train.config.toml_file",
    "Soup": "omentum.train.soup",
    "SoupOptions": "omentum.train.soup_options",
    "average_weights": "omentum.train.soup",
    "Click": "omentum.annotate.click.correct",
    "Correction": "omentum.annotate.click.correct",
    "Corrector": "omentum.annotate.click.correct",
    "correct": "omentum.annotate.click.correct",
    "load_task": "omentum.train.config.task",
    "plan_training": "omentum.train.training",
    "train_model": "omentum.train.training",
    "train_second_pass": "omentum.train.second_pass.training",
    "cross_validate": "omentum.train.training",
    "Extension": "omentum.train.extend.comparison",
    "ExtendOptions": "omentum.train.extend.options",
    "extend_model": "omentum.train.extend.extend",
    "STRUCTURES": "omentum.anatomy",
    "BatchOptions": "omentum.pipeline.batch.options",
    "BatchResult": "omentum.pipeline.batch.api",
    "CaseSegmentation": "omentum.pipeline",
    "CaseSelection": "omentum.pipeline.batch.options",
    "CaseWarning": "omentum.errors",
    "OmentumError": "omentum.errors",
    "SaveOptions": "omentum.pipeline.options",
    "SegmentOptions": "omentum.pipeline.options",
    "Understanding": "omentum.anatomy.vocabulary",
    "Segmentation": "omentum.segmentation",
    "Segmenter": "omentum.pipeline",
    "Volume": "omentum.volume",
    "Evaluation": "omentum.evaluate.evaluation",
    "EvaluationFiles": "omentum.evaluate.outputs",
    "EvaluationOptions": "omentum.evaluate.options",
    "FollowUp": "omentum.follow_up.result",
    "compare_scans": "omentum.follow_up.scans",
    "evaluate_study": "omentum.evaluate.study",
    "ClassMap": "omentum.report.class_map",
    "map_classes": "omentum.pipeline.class_map",
    "explain_words": "omentum.words",
    "include_structures": "omentum.anatomy",
    "list_weights": "omentum.model.catalogue",
    "load_model": "omentum.model",
    "load_volume": "omentum.pipeline",
    "read_segmentation": "omentum.io.segmentations",
    "segment": "omentum.pipeline",
    "segment_batch": "omentum.pipeline.batch.api",
}
_ROOMS = ("evaluate", "phantom")

__all__ = list(_HOMES | dict.fromkeys((*_ROOMS, "__version__"), ""))


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("omentum")
    if name in _ROOMS:
        return import_module(f"omentum.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'omentum' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
