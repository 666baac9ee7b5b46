"""What a segmentation means in numbers and in one picture."""

from omentum.report.aorta import AorticProfile, aortic_profile
from omentum.report.lesion_summary import lesions_csv, lesions_json
from omentum.report.lesions import Lesion, find_lesions
from omentum.report.measures import StructureMeasure, measure, measures_csv, measures_json, measures_rows

__all__ = [
    "AorticProfile",
    "Lesion",
    "StructureMeasure",
    "aortic_profile",
    "find_lesions",
    "lesions_csv",
    "lesions_json",
    "measure",
    "measures_csv",
    "measures_json",
    "measures_rows",
]
