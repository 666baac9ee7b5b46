"""The tools themselves, without the protocol: paths are checked, errors are those of the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omentum.anatomy import STRUCTURES, Structure
from omentum.errors import InputError, capture_warnings
from omentum.follow_up.scans import compare_scans, segmentation_of
from omentum.mcp.answers import (
    CheckedInput,
    ClassesAnswer,
    CompareAnswer,
    DoctorAnswer,
    ExplainedWords,
    ListedStructure,
    MeasureAnswer,
    MeasuredLesion,
    MeasuredStructure,
    QualityFlag,
    SegmentAnswer,
    SegmentedCase,
)
from omentum.mcp.notified import NotifiedProgress
from omentum.mcp.places import Places
from omentum.measure import Lesion, StructureMeasure, find_lesions, measure
from omentum.pipeline.batch.options import BatchOptions
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.quality.flags import Flag
from omentum.result_files import MEASUREMENTS
from omentum.words import explain_words, keys_of, structures_in

if TYPE_CHECKING:
    from omentum.doctor.input_report import InputReport
    from omentum.pipeline.batch.jobs import CaseOutcome


@dataclass(frozen=True)
class SegmentRequest:
    """What a language model asks to be segmented.

    Args:
        path: CT, or folder of CTs.
        classes: Structures in words; None for all of the weights.
        profile: See `SegmentOptions.profile`; None for the server's.
        series: See `SegmentOptions.series`.
        formats: See `SaveOptions.formats`.
        folder: Name of a folder below the output folder.
        overwrite: Whether an earlier result made otherwise is replaced.
    """

    path: str
    classes: str | None = None
    profile: str | None = None
    series: str | None = None
    formats: Sequence[str] = ()
    folder: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Tools:
    """What a server offers.

    Args:
        places: What may be read and written.
        weights: As for `omentum segment`.
        options: Options of every segmentation, except those that a request names.
    """

    places: Places
    weights: tuple[str, ...] = ("default",)
    options: SegmentOptions = field(default_factory=SegmentOptions)

    def segment(self, wanted: SegmentRequest, progress: NotifiedProgress) -> SegmentAnswer:
        """Segment a CT or a folder of CTs as `omentum segment` does; see `segment_batch` for the errors."""
        source, out = self.places.readable(wanted.path), self.places.writable(wanted.folder)
        progress.step("loading")
        from omentum.pipeline.batch.api import segment_batch

        result = segment_batch(
            source,
            out,
            options=self._options(classes=wanted.classes, profile=wanted.profile, series=wanted.series),
            save=SaveOptions(formats=tuple(wanted.formats), overwrite=wanted.overwrite),
            batch=BatchOptions(self.weights, jobs=0),
            progress=progress,
        )
        return SegmentAnswer(cases=list(map(_segmented, result.outcomes)), seconds=round(result.seconds, 1))

    def measure(self, segmentation: str, ct: str | None, classes: str | None) -> MeasureAnswer:
        """Measurements of a segmentation: those of its case folder, or of any masks on a CT.

        Raises:
            InputError, GeometryError: A file cannot be used, or the masks are not on the grid of the CT.
            UsageError: Words are not understood, or a path may not be read.
        """
        place, warnings = self.places.readable(segmentation), list[str]()
        wanted = None if classes is None else keys_of(structures_in(classes))
        with capture_warnings(warnings.append, propagate=False):
            if ct is None:
                measures, lesions, flags = _measured_before(place)
            else:
                measures, lesions, flags = *_measured_now(place, self.places.readable(ct)), list[Flag]()
        if wanted is not None:
            measures = [m for m in measures if m.key in wanted]
            lesions = [one for one in lesions if one.key in wanted]
        known = {m.key for m in measures}
        return MeasureAnswer(
            segmentation=str(place),
            structures=list(map(MeasuredStructure.of, measures)),
            lesions=list(map(MeasuredLesion.of, lesions)),
            flags=[QualityFlag.of(flag) for flag in flags if wanted is None or flag.structure in ("", *wanted)],
            not_measured=[key for key in wanted or () if key not in known],
            warnings=warnings,
        )

    def list_classes(self, explain: str | None, *, with_trust: bool) -> ClassesAnswer:
        """Structures that can be requested; or those that words mean.

        Args:
            explain: Words; only the structures that they mean are listed.
            with_trust: Load the weights, list only what they find, and say how far to trust it.
        """
        trust = self._trust() if with_trust else None
        found = () if explain is None else explain_words(explain)
        explained = [
            ExplainedWords(query=one.query, structures=list(one.structures), how=one.how, text=str(one))
            for one in found
        ]
        keys = STRUCTURES.keys if explain is None else keys_of(found)
        listed = [_listed(STRUCTURES[key], trust) for key in keys if trust is None or key in trust]
        return ClassesAnswer(structures=listed, explained=explained)

    def compare_lesions(
        self, before: str, after: str, classes: str | None, *, force: bool, progress: NotifiedProgress
    ) -> CompareAnswer:
        """Lesions of one patient in two scans; see `compare_scans` for the errors."""
        places = self.places.readable(before), self.places.readable(after)
        result = compare_scans(*places, classes=classes, force=force, progress=progress)
        return CompareAnswer.of(result, progress.notes)

    def doctor(self, path: str, classes: str | None) -> DoctorAnswer:
        """Say what an input is and whether `segment` would succeed; the network is not run."""
        place = self.places.readable(path)
        from omentum.doctor.examine import Examiner
        from omentum.doctor.machine import examine_machine

        reports = Examiner(examine_machine(), self._options(classes=classes), self.weights).examine(place)
        return DoctorAnswer(inputs=list(map(_checked, reports)))

    def _options(self, **asked: str | None) -> SegmentOptions:
        """The server's options with what a request names."""
        given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        return replace(self.options, **given)

    def _trust(self) -> dict[str, str]:
        from omentum.pipeline.segmenter import Segmenter

        segmenter = Segmenter(self.weights, self.options)
        return {key: str(trust) for key, trust in segmenter.trust.items()}


def _segmented(outcome: CaseOutcome) -> SegmentedCase:
    done = outcome.ended and not outcome.error
    target = outcome.job.target
    return SegmentedCase(
        case=outcome.job.case,
        status=outcome.status,
        error=outcome.error,
        folder=str(target) if done else None,
        files=sorted(path.name for path in target.iterdir()) if done else [],
        structures=list(map(MeasuredStructure.of, outcome.measures)),
        lesions=list(map(MeasuredLesion.of, outcome.lesions)),
        flags=list(map(QualityFlag.of, outcome.quality.flags)) if outcome.quality else [],
        warnings=list(dict.fromkeys(outcome.warnings)),
    )


def _measured_before(place: Path) -> tuple[list[StructureMeasure], list[Lesion], list[Flag]]:
    """From the measurements that lie beside a segmentation."""
    file = segmentation_of(place).with_name(MEASUREMENTS)
    if not file.is_file():
        remedy = "name the CT as well, and the masks are measured on it"
        raise InputError(f"has no {MEASUREMENTS} beside it", source=place, remedy=remedy)
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        measures = [StructureMeasure.from_json(one) for one in content["structures"].values()]
        lesions = [Lesion.from_json(one) for one in (*content["lesions"], *content["candidates"])]
        flags = [Flag.from_json(one) for one in content["quality"]["flags"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise InputError("is damaged or of another version", source=file, remedy="segment the scan again") from fault
    return measures, sorted(lesions, key=lambda one: one.number), flags


def _measured_now(place: Path, image: Path) -> tuple[list[StructureMeasure], list[Lesion]]:
    from omentum.io.detect import load_volume
    from omentum.io.sanity import check_ct
    from omentum.io.segmentations import read_segmentation

    ct = check_ct(load_volume(image), source=image)
    seg = read_segmentation(segmentation_of(place), grid=ct.grid)
    if not ct.grid.same_as(seg.grid):
        remedy = "give the CT that was segmented"
        raise InputError(f"is not on the grid of {image}", source=place, remedy=remedy)
    return measure(ct, seg), find_lesions(ct, seg)


def _listed(row: Structure, trust: dict[str, str] | None) -> ListedStructure:
    return ListedStructure(
        key=row.key,
        name=row.display,
        kind=row.kind,
        side=row.side,
        hosts=list(row.hosts),
        snomed=row.snomed.code,
        synonyms=list(row.synonyms),
        trust=None if trust is None else trust[row.key],
    )


def _checked(report: InputReport) -> CheckedInput:
    from omentum.doctor.text import series_line

    return CheckedInput(
        input=report.input,
        works=report.works,
        kind=str(report.kind),
        use=report.use,
        grid=report.plan.grid if report.plan else None,
        series=list(map(series_line, report.series)),
        seconds=report.estimate.seconds if report.estimate else None,
        checks=[f"{one.outcome}, {one.about}: {one.text}" for one in report.checks],
    )
