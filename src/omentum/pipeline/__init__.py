"""The sentence of the package, written once: a CT goes in, every structure comes out."""

from omentum.io.detect import case_name, holds_dicom, load_volume, nifti_files
from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.devices import LineOptions, helpful_jobs, on_devices, parse_devices
from omentum.pipeline.earlier import is_earlier
from omentum.pipeline.jobs import Job, Outcome
from omentum.pipeline.line import Line
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import Options, SaveOptions
from omentum.pipeline.places import (
    check_case_output,
    check_labels_alone,
    is_single_file,
    write_json,
    write_text,
)
from omentum.pipeline.segmenter import Segmenter, segment
from omentum.pipeline.thresholds import parse_thresholds
from omentum.pipeline.workers import Crew, Here
from omentum.report.meshes import check_meshes

__all__ = [
    "CaseSegmentation",
    "Crew",
    "Here",
    "Job",
    "Line",
    "LineOptions",
    "Options",
    "Outcome",
    "SaveOptions",
    "Segmenter",
    "case_name",
    "check_case_output",
    "check_labels_alone",
    "check_meshes",
    "helpful_jobs",
    "holds_dicom",
    "is_earlier",
    "is_single_file",
    "load_volume",
    "nifti_files",
    "on_devices",
    "parse_devices",
    "parse_thresholds",
    "segment",
    "sha256_of",
    "write_json",
    "write_text",
]
