"""Measurements of a segmentation: structures, lesions and the aorta, on any grid, in mm, ml and HU."""

from omentum.measure.aorta import AorticProfile, aortic_profile
from omentum.measure.class_trust import ClassTrust
from omentum.measure.lesion_tables import lesions_csv, lesions_json
from omentum.measure.lesions import Lesion, find_lesions
from omentum.measure.measures import StructureMeasure, measure, measures_csv, measures_json, measures_rows
from omentum.measure.totalsegmentator import statistics_json

__all__ = [
    "AorticProfile",
    "ClassTrust",
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
    "statistics_json",
]
