"""Pipeline for one CT: reading, preprocessing, inference, post-processing, measurement and output."""

from typing import TYPE_CHECKING

from omentum.lazy_names import lazy_names

if TYPE_CHECKING:
    from omentum.io.case_names import case_name as case_name
    from omentum.io.detect import holds_dicom as holds_dicom
    from omentum.io.detect import image_files as image_files
    from omentum.io.detect import load_volume as load_volume
    from omentum.pipeline.case import CaseSegmentation as CaseSegmentation
    from omentum.pipeline.manifest import sha256_of as sha256_of
    from omentum.pipeline.options import SaveOptions as SaveOptions
    from omentum.pipeline.options import SegmentOptions as SegmentOptions
    from omentum.pipeline.outputs import check_case_output as check_case_output
    from omentum.pipeline.outputs import check_labels_alone as check_labels_alone
    from omentum.pipeline.outputs import is_single_file as is_single_file
    from omentum.pipeline.segment_one import segment as segment
    from omentum.pipeline.segmenter import Segmenter as Segmenter
    from omentum.pipeline.thresholds import parse_thresholds as parse_thresholds
    from omentum.report.meshes import check_meshes as check_meshes

_HOMES = {
    "CaseSegmentation": "omentum.pipeline.case",
    "SaveOptions": "omentum.pipeline.options",
    "SegmentOptions": "omentum.pipeline.options",
    "Segmenter": "omentum.pipeline.segmenter",
    "case_name": "omentum.io.case_names",
    "check_case_output": "omentum.pipeline.outputs",
    "check_labels_alone": "omentum.pipeline.outputs",
    "check_meshes": "omentum.report.meshes",
    "holds_dicom": "omentum.io.detect",
    "is_single_file": "omentum.pipeline.outputs",
    "load_volume": "omentum.io.detect",
    "image_files": "omentum.io.detect",
    "parse_thresholds": "omentum.pipeline.thresholds",
    "segment": "omentum.pipeline.segment_one",
    "sha256_of": "omentum.pipeline.manifest",
}

__all__ = list(_HOMES)  # imported lazily on first use
__getattr__ = lazy_names(__name__, _HOMES)
