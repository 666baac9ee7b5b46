"""In the process beside the devices: what reads files of users but runs no network."""

from omentum.serve.work.tasks.class_words import check_classes
from omentum.serve.work.tasks.comparisons import compare_results
from omentum.serve.work.tasks.corrections import list_corrections, store_correction, store_labels
from omentum.serve.work.tasks.examinations import examine_upload
from omentum.serve.work.tasks.label_maps import write_dense_labels
from omentum.serve.work.tasks.versions import delete_corrections

__all__ = [
    "check_classes",
    "compare_results",
    "delete_corrections",
    "examine_upload",
    "list_corrections",
    "store_correction",
    "store_labels",
    "write_dense_labels",
]
