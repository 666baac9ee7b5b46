"""Write the probability of a structure as a parametric map (PS3.3 A.75) on the images of a CT series."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, silence_library_warnings
from omentum.io.dicom.maker import MODEL_NAME
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import SourceSeries
from omentum.io.dicom_out.stream import UTF_8, write_stream
from omentum.io.dicom_out.template import decimals

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def write_parametric_map(
    path: Path, steps: NDArray[Any], key: str, source: SourceSeries, identity: ObjectIdentity, producer: Producer
) -> None:
    """Write a map of probabilities.

    Args:
        path: The file.
        steps: Probability [column, row, slice] in steps of 1/255 (uint8) or 1/65535 (uint16), on `source.grid`.
        key: The structure.
        source: The series referred to.
        identity: UIDs and series of the object.
        producer: Software and weights.

    Raises:
        GeometryError: The map is on another grid.
        OutputError: The file cannot be written.
    """
    import highdicom
    from pydicom.sr.codedict import codes

    if steps.shape != source.grid.shape:
        raise GeometryError("the probabilities are not on the grid of the DICOM images", source=path)
    highest = int(np.iinfo(steps.dtype).max)
    name = STRUCTURES[key].display
    with silence_library_warnings():
        mapping = highdicom.pm.RealWorldValueMapping(
            lut_label="PROBABILITY",
            lut_explanation=f"Probability of {name.lower()}, 0 to 1",
            unit=codes.UCUM.NoUnits,
            value_range=(0, highest),
            slope=1 / highest,
            intercept=0.0,
        )
        made = highdicom.pm.ParametricMap(
            _images(source),
            steps.transpose(2, 1, 0).astype(np.uint16, order="C"),  # the standard knows no 8 bits here
            **identity.arguments(),
            **producer.equipment(),
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[mapping],
            voi_lut_transformations=[highdicom.VOILUTTransformation((highest + 1) / 2, highest + 1)],
            content_label="PROBABILITY",
            content_description=f"Probability of {name}"[:64],
            content_creator_name=f"{MODEL_NAME}^",
            plane_positions=[highdicom.PlanePositionSequence("PATIENT", one.position_mm) for one in source.images],
        )
        made.SpecificCharacterSet = UTF_8
        made.Laterality = ""  # type 2C: series of paired organs would state a side
        identity.finish(made)
        write_stream(path, made, ())


def _images(source: SourceSeries) -> list[Dataset]:
    """A data set for each slice, with its place."""
    made = []
    for image in source.images:
        one = deepcopy(source.template)
        one.SOPClassUID, one.SOPInstanceUID = image.sop_class, image.sop_instance
        one.ImagePositionPatient = decimals(image.position_mm)
        one.ImageOrientationPatient = decimals(source.directions)
        made.append(one)
    return made
