"""The sentence of the package, written once: a CT goes in, every structure comes out."""

from omentum.io.detect import case_name, load_volume
from omentum.pipeline.case import CaseSegmentation, check_case_output, is_single_file, write_json, write_text
from omentum.pipeline.options import Options, SaveOptions
from omentum.pipeline.segmenter import Segmenter, segment
from omentum.report.meshes import check_meshes

__all__ = [
    "CaseSegmentation",
    "Options",
    "SaveOptions",
    "Segmenter",
    "case_name",
    "check_case_output",
    "check_meshes",
    "is_single_file",
    "load_volume",
    "segment",
    "write_json",
    "write_text",
]
