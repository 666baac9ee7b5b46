"""DICOM objects in a case folder; all refer to the images that the CT was read from."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omentum.anatomy import STRUCTURES
from omentum.errors import MissingDependencyError, UsageError, warn_of_case
from omentum.measure import Lesion, StructureMeasure
from omentum.pipeline.measured_case import MeasuredCase
from omentum.pipeline.options import OutputFormat, SaveOptions, Step
from omentum.result_files import DICOM_LABELMAP, DICOM_SEG, DICOM_SR, PROBABILITIES, RTSTRUCT

if TYPE_CHECKING:
    from omentum.io.dicom_out.measurement_report import ReportedLesion, ReportedStructure

DICOM_FILES = {
    OutputFormat.DICOM_SEG: DICOM_SEG,
    OutputFormat.DICOM_LABELMAP: DICOM_LABELMAP,
    OutputFormat.RTSTRUCT: RTSTRUCT,
    OutputFormat.DICOM_SR: DICOM_SR,
}
"""Files of a case folder by format; probabilities are a file for each structure."""
_PACKAGES = ("pydicom", "highdicom")


def check_dicom_formats(
    save: SaveOptions, header: Mapping[str, Any] | None, *, has_probabilities: bool, source: Path | None = None
) -> None:
    """Refuse DICOM formats that cannot be written, before the work.

    Args:
        save: Requested outputs.
        header: `Volume.header` of the CT; None before it is read.
        has_probabilities: Whether probabilities are kept.
        source: File or folder of the CT, for messages.

    Raises:
        UsageError: The CT was not read from DICOM, or a format needs what is not there.
        MissingDependencyError: A package is missing.
    """
    if not save.dicom_formats:
        return
    if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
        raise MissingDependencyError(f"DICOM outputs need {missing[0]}", remedy="pip install 'omentum[dicom]'")
    if OutputFormat.DICOM_PM in save.dicom_formats and not has_probabilities:
        remedy = "give --probabilities uint8 or uint16, of a finished case with --overwrite"
        raise UsageError(f"{OutputFormat.DICOM_PM} needs the probabilities, which are not kept", remedy=remedy)
    if header is not None:
        from omentum.io.dicom_out.source import check_has_images

        check_has_images(header, source)


def check_overlaps(save: SaveOptions, classes: Sequence[str]) -> None:
    """Refuse a label map of structures that lie within each other, before the work.

    Args:
        save: Requested outputs.
        classes: Keys of the structures that will be sought.

    Raises:
        UsageError: One of them lies in another one, so that they share voxels wherever both are found.
    """
    if OutputFormat.DICOM_LABELMAP not in save.dicom_formats:
        return
    for key in classes:
        if host := next((host for host in STRUCTURES[key].hosts if host in classes), None):
            reason = f"{STRUCTURES[key].display} lies in {STRUCTURES[host].display}, which a LABELMAP cannot hold"
            remedy = f"write {OutputFormat.DICOM_SEG}, which holds overlaps, or choose classes without one of them"
            raise UsageError(reason, remedy=remedy)


def write_dicom_outputs(
    folder: Path, case: MeasuredCase, save: SaveOptions, say: Step, earlier: Path | None = None
) -> dict[str, list[str]]:
    """Write the requested DICOM objects.

    Args:
        folder: Folder of the files.
        case: What was found.
        save: Requested outputs.
        say: Told what is written.
        earlier: Folder of the case, if it is finished and these objects are added.

    Returns:
        File -> keys of the structures in it, those that were found.

    Raises:
        UsageError: As for `check_dicom_formats`, or structures overlap in a label map.
        OutputError: A file cannot be written.
    """
    if not (formats := save.dicom_formats):
        return {}
    from omentum.io.dicom_out.deidentify import with_new_uids
    from omentum.io.dicom_out.earlier import earlier_segments
    from omentum.io.dicom_out.objects import ObjectSet
    from omentum.io.dicom_out.producer import Producer
    from omentum.io.dicom_out.source import source_series

    say("writing DICOM")
    series = source_series(case.ct.header, case.ct.grid)
    if save.deidentify:
        series = with_new_uids(series)
    how = {"deflate": save.deflate, "is_deidentified": save.deidentify}
    objects = ObjectSet(folder, case, series, Producer.of_manifest(case.manifest), case.overlap_voxels, **how)
    if not objects.found:
        warn_of_case("no structure was found; no DICOM object holds masks")
    writers = {
        OutputFormat.DICOM_SEG: objects.write_segmentation,
        OutputFormat.DICOM_LABELMAP: objects.write_labelmap,
        OutputFormat.RTSTRUCT: objects.write_structure_set,
    }
    masks = {DICOM_FILES[wanted]: write(DICOM_FILES[wanted]) for wanted, write in writers.items() if wanted in formats}
    written = {name: keys for name, keys in masks.items() if keys}
    if OutputFormat.DICOM_SR in formats and objects.found:
        segments = objects.segments if OutputFormat.DICOM_SEG in formats else None
        if segments is None and earlier is not None:
            segments = earlier_segments(earlier / DICOM_FILES[OutputFormat.DICOM_SEG], series)
        structures = [_reported(one) for one in case.measures(save.numbering) if one.found]
        lesions = [_reported_lesion(one) for one in case.lesions()]
        written[DICOM_SR] = objects.write_report(DICOM_SR, structures, lesions, segments)
    if OutputFormat.DICOM_PM in formats:
        for key, compressed in case.probabilities.items():  # one at a time, each as large as the CT
            name = f"{PROBABILITIES}/{key}.dcm"
            (folder / PROBABILITIES).mkdir(exist_ok=True)
            objects.write_probability(name, key, compressed.to_array())
            written[name] = [key]
    return written


def _reported(one: StructureMeasure) -> ReportedStructure:
    from omentum.io.dicom_out.measurement_report import ReportedStructure

    return ReportedStructure(one.key, one.volume_ml, one.mean_hu)


def _reported_lesion(one: Lesion) -> ReportedLesion:
    from omentum.io.dicom_out.measurement_report import ReportedLesion

    return ReportedLesion(
        name=f"{one.display} {one.number}",
        key=one.key,
        host=one.host,
        volume_ml=one.volume_ml,
        mean_hu=one.hu.mean_hu,
        longest_mm=one.axial.longest.ends_mm,
        perpendicular_mm=one.axial.perpendicular.ends_mm,
        is_candidate=one.is_candidate,
    )
