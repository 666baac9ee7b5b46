"""What a segmentation means in numbers and in one picture."""

from omentum.report.measures import StructureMeasure, measure, measures_csv, measures_json

__all__ = ["StructureMeasure", "measure", "measures_csv", "measures_json"]
