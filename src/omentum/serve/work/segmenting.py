"""In the process of a device: one job after another, with the models kept in memory."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import carried_rows
from omentum.errors import OmentumError, lines_of, sources_shown_as
from omentum.io.nifti import write_volume
from omentum.pipeline.batch.jobs import Job, finish_and_save
from omentum.pipeline.batch.pipelined import check_before_network
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SERVICE_MESHES, OutputFormat, SaveOptions, SegmentOptions
from omentum.pipeline.reading import prepare_case, read_case
from omentum.pipeline.segmenter import Segmenter
from omentum.serve.faults import fault_document
from omentum.serve.work.child import TaskContext, TaskFault
from omentum.serve.work.inputs import ct_of_upload
from omentum.serve.work.runners import SegmentTask
from omentum.volume import Volume

DICOM_FORMATS = (OutputFormat.DICOM_SEG, OutputFormat.RTSTRUCT, OutputFormat.DICOM_SR)
"""Written by default where the CT came from DICOM."""
MOST_WARM = 4
"""Segmenters in memory: of one model they share it, and differ in what was asked for."""


def segment_upload(context: TaskContext, task: SegmentTask) -> None:
    """Segment an upload and write all results, which do not name its files.

    Raises:
        TaskFault: the input cannot be used, or the results cannot be written.
    """
    try:
        with sources_shown_as(task.results.parent, Path()):
            _segment(context, task)
    except OmentumError as fault:
        raise TaskFault(fault_document(fault, task.files), lines_of(fault)) from fault


def _segment(context: TaskContext, task: SegmentTask) -> None:
    context.report("reading")
    source = ct_of_upload(task.files)
    job = Job(f"case_{sha256_of(source)[:10]}", source, task.results, anonymous=True)
    case = read_case(source, task.options, job.name)
    write_volume(task.ct, case.ct)
    context.report("preparing")
    segmenter = _segmenter(task.weights, task.options)
    save = _outputs(task, case.ct)
    check_before_network(job, case.ct, segmenter, save)
    ready = prepare_case(case, segmenter.specs)
    predicted = segmenter.predict(ready, progress=lambda done, of: context.report("segmenting", done, of))
    finish_and_save(predicted, job, task.options.postprocess, save, context.report)


def describe_weights_of(context: TaskContext, weights: tuple[str, ...], device: str) -> list[dict[str, Any]]:
    """Load weights and say what they are, with the rows of structures that are not packaged; the first stay in memory.

    Raises:
        OmentumError: weights or device cannot be used.
    """
    options = SegmentOptions(device=device)
    found = []
    for name in weights[::-1]:
        context.report("loading")
        segmenter = _segmenter(name, options)
        found.append({
            "name": Path(name).name.removesuffix(".safetensors"),
            "sha256": segmenter.weights_description["sha256"],
            "structures": [_structure(key) for key in segmenter.classes],
            "carried": carried_rows(segmenter.classes),
        })  # fmt: skip
    return found[::-1]


def _outputs(task: SegmentTask, ct: Volume) -> SaveOptions:
    formats = task.formats
    if formats is None:
        formats = tuple(DICOM_FORMATS) if ct.header.get("dicom") is not None else ()
    return SaveOptions(formats=formats, meshes=SERVICE_MESHES if task.meshes else None)


def _segmenter(weights: str, options: SegmentOptions) -> Segmenter:
    """A segmenter whose model is in memory; what concerns only the reading of a CT is put in afterwards."""
    warm = _warm(weights, replace(options, series=None))
    return warm if warm.options == options else warm.sharing(options)


@lru_cache(MOST_WARM)
def _warm(weights: str, options: SegmentOptions) -> Segmenter:
    every = SegmentOptions(device=options.device)
    segmenter = Segmenter(weights, options) if options == every else _warm(weights, every).sharing(options)
    segmenter.load()
    return segmenter


def _structure(key: str) -> dict[str, Any]:
    row = STRUCTURES[key]
    return {
        "key": key,
        "name": row.display,
        "colour": "#{:02x}{:02x}{:02x}".format(*row.colour),
        "group": row.kind,
        "lesion": row.is_lesion,
        "snomed": row.snomed.code,
    }
