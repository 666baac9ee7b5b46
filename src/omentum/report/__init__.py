"""What a segmentation means in numbers and in one picture."""

from omentum.report.aorta import AorticProfile, aortic_profile
from omentum.report.confidence import Confidence
from omentum.report.environment import ready_matplotlib
from omentum.report.flags import Flag
from omentum.report.lesion_summary import lesions_csv, lesions_json
from omentum.report.lesions import Lesion, find_lesions
from omentum.report.measures import StructureMeasure, measure, measures_csv, measures_json, measures_rows
from omentum.report.quality import Quality, judge, quality_csv
from omentum.report.standing import Standing
from omentum.report.totalsegmentator import statistics_json

__all__ = [
    "AorticProfile",
    "Confidence",
    "Flag",
    "Lesion",
    "Quality",
    "Standing",
    "StructureMeasure",
    "aortic_profile",
    "find_lesions",
    "judge",
    "lesions_csv",
    "lesions_json",
    "measure",
    "measures_csv",
    "measures_json",
    "measures_rows",
    "quality_csv",
    "statistics_json",
]

ready_matplotlib()
