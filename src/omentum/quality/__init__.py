"""Reliability of a result: flags with reasons, and a score for every structure."""

from omentum.quality.assess import Quality, assess_quality, quality_csv
from omentum.quality.confidence import Confidence
from omentum.quality.flags import Flag

__all__ = ["Confidence", "Flag", "Quality", "assess_quality", "quality_csv"]
