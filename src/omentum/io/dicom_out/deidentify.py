"""De-identify DICOM outputs by the Basic Application Level Confidentiality Profile (PS3.15 Annex E).

UIDs of the series are replaced by random ones, the same in all objects of a case; no key or table of them is kept, so
that nobody can get back, and two runs do not agree.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from omentum.io.dicom_out.source import SourceSeries
from omentum.io.dicom_out.template import UIDS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def with_new_uids(source: SourceSeries) -> SourceSeries:
    """A series of nobody: new UIDs for study, series, frame of reference and images, and no identity."""
    from pydicom.uid import generate_uid

    template = deepcopy(source.template)
    for name in UIDS:
        setattr(template, name, generate_uid())
    deidentify(template)
    new = {uid: str(generate_uid()) for uid in dict.fromkeys(image.sop_instance for image in source.images)}
    images = tuple(replace(image, sop_instance=new[image.sop_instance]) for image in source.images)
    template.SOPInstanceUID = images[0].sop_instance
    return SourceSeries(template, images, source.grid)


def deidentify(dataset: Dataset) -> None:
    """Apply the profile to a data set and its sequences, in place, and say so in it."""
    _apply(dataset, _profile()["actions"])
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = list(_profile()["methods"].values())
    dataset.DeidentificationMethodCodeSequence = [_method(*method) for method in _profile()["methods"].items()]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"


def _apply(dataset: Dataset, actions: Mapping[str, str]) -> None:
    for element in list(dataset):
        match actions.get(element.keyword):
            case "X":
                del dataset[element.tag]
            case "Z":
                element.value = None
            case "D":
                element.value = _profile()["values"][element.VR]
            case None if element.VR == "SQ":
                for item in element.value:
                    _apply(item, actions)


def _method(value: str, meaning: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


@cache
def _profile() -> dict[str, Any]:
    text = (resources.files("omentum.io.dicom_out") / "confidentiality.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
