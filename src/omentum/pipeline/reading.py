"""First stages of a case: reading, checking and preprocessing its CT. Needs no network."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omentum.io.detect import load_volume
from omentum.io.objects import as_volume
from omentum.io.sanity import check_ct
from omentum.io.scan_grid import check_assumed
from omentum.pipeline.anonymity import without_names
from omentum.pipeline.manifest import CaseName, describe_input
from omentum.pipeline.options import SegmentOptions
from omentum.pipeline.run_record import RunRecord
from omentum.preprocess.prepare import Prepared, prepare_upright
from omentum.spec import PreprocessSpec
from omentum.volume import Volume


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A CT after reading.

    Args:
        ct: CT in HU, repaired where necessary (see `check_ct`).
        description: Description for the manifest.
        run_record: Timings and warnings so far.
    """

    ct: Volume
    description: dict[str, Any]
    run_record: RunRecord = field(default_factory=RunRecord)


@dataclass(frozen=True, eq=False)
class PreparedInput:
    """A CT preprocessed for the networks.

    Args:
        case: Case after reading.
        prepared: CT preprocessed for the model.
        coarse: CT preprocessed for the locating model; None without one.
    """

    case: LoadedCase
    prepared: Prepared
    coarse: Prepared | None


@dataclass(frozen=True)
class PreprocessSpecs:
    """Preprocessing for the model, and for the locating model if there is one."""

    model: PreprocessSpec
    locator: PreprocessSpec | None


def read_case(
    image: str | os.PathLike[str] | Volume | Any, options: SegmentOptions, name: CaseName | None = None
) -> LoadedCase:
    """Read and check a CT.

    Args:
        image: A file, or an image in memory in HU; see `as_volume`.
        options: Options for reading; see `SegmentOptions`.
        name: Name in the results; that of the file by default.

    Raises:
        InputError: the image cannot be used; see `load_volume` and `check_ct`.
        UsageError: `image` is neither a path nor an image with a geometry.
    """
    run_record, name = RunRecord(), name or CaseName.of_image(image)
    source = Path(image) if isinstance(image, (str, os.PathLike)) else None
    given = as_volume(image, volume=options.volume) if source is None else source
    with run_record.capture_warnings(), run_record.stage("read"):
        ct = check_ct(_loaded(given, options), source=source, force=options.force)
        description = describe_input(given, ct, name)
    if name.file is None and source is not None:
        anonymised = [without_names(message, source, name.case) for message in run_record.warnings]
        run_record.warnings = list(dict.fromkeys(anonymised))
    return LoadedCase(ct, description, run_record)


def prepare_case(case: LoadedCase, specs: PreprocessSpecs) -> PreparedInput:
    """Resample the CT to the grids of the networks."""
    with case.run_record.capture_warnings(), case.run_record.stage("prepare"):
        coarse = None if specs.locator is None else prepare_upright(case.ct, specs.locator)
        return PreparedInput(case, prepare_upright(case.ct, specs.model), coarse)


def read_and_prepare(
    image: str | Path, options: SegmentOptions, name: CaseName, specs: PreprocessSpecs
) -> PreparedInput:
    """Read and preprocess; see `read_case` for errors."""
    return prepare_case(read_case(image, options, name), specs)


def _loaded(image: Path | Volume, options: SegmentOptions) -> Volume:
    if isinstance(image, Volume):
        check_assumed(image.grid, options.assume_orientation, None)
        return image
    return load_volume(
        image,
        volume=options.volume,
        assume_orientation=options.assume_orientation,
        series=options.series,
        allow_tilt=options.allow_tilt,
    )
