"""One CT: read, prepared, segmented, cleaned, measured and written."""

from omentum.io.detect import case_name, holds_dicom, load_volume, nifti_files
from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.outputs import check_case_output, check_labels_alone, is_single_file
from omentum.pipeline.segmenter import Segmenter, segment
from omentum.pipeline.thresholds import parse_thresholds
from omentum.report.meshes import check_meshes

__all__ = [
    "CaseSegmentation",
    "SaveOptions",
    "SegmentOptions",
    "Segmenter",
    "case_name",
    "check_case_output",
    "check_labels_alone",
    "check_meshes",
    "holds_dicom",
    "is_single_file",
    "load_volume",
    "nifti_files",
    "parse_thresholds",
    "segment",
    "sha256_of",
]
