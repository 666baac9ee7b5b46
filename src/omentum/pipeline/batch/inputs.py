"""The cases of a batch: their CTs, names and output folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from omentum.data.datasets.find import find_dataset
from omentum.data.datasets.named_folder import name_and_root
from omentum.data.datasets.raw_case import find_cases
from omentum.data.splits.split import Split
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.io.case_names import IMAGE_SUFFIXES, case_name
from omentum.io.detect import holds_dicom, image_files
from omentum.io.truth import DESCRIPTION
from omentum.pipeline.batch.case_names import InputCase, name_cases
from omentum.pipeline.batch.jobs import Job
from omentum.pipeline.batch.options import CaseSelection
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.outputs import is_single_file
from omentum.progress import ProgressListener

PART = "test"
"""Part of a split that is segmented by default."""
CT = "ct.nii.gz"
"""Name of the CT in a case folder, see `omentum.io.truth`."""
USUAL_NAMES = tuple(f"{stem}{suffix}" for stem in ("ct", "imaging", "image") for suffix in IMAGE_SUFFIXES)
"""Names of the CT in datasets with a folder per case; other files next to it are labels."""


def plan_jobs(inputs: Sequence[Path], out: Path, selection: CaseSelection, progress: ProgressListener) -> list[Job]:
    """Make the jobs of a batch.

    Args:
        inputs: CTs, folders of CTs, and folders of case folders.
        out: Folder for the case folders, or a file for the label map of a single case.
        selection: Datasets, part of a split, case names.
        progress: Receives warnings, and the progress of naming anonymous cases.

    Raises:
        UsageError: no input, or two inputs would write to the same path.
        InputError: a dataset or split cannot be read, or they have no case in common.
    """
    selection.check_part()
    if selection.anonymous and (names := re.findall(r"\{(?:grand)?parent\}|\{name\}", selection.name or "")):
        raise UsageError(f"--anonymous writes no {names[0]}", remedy="name the cases by {number}, or leave out --name")
    sources = [*_inputs(inputs, progress), *_of_datasets(selection.dataset)]
    if not sources:
        raise UsageError("nothing to segment", remedy="give CTs, folders of cases, or --dataset NAME=FOLDER")
    named = name_cases(sources, selection.name)
    if selection.split is not None:
        named = _of_part(named, selection.split, selection.part or PART, progress)
    if selection.anonymous and selection.name is None:
        named = dict(zip(_hashed(list(named.values()), progress), named.values(), strict=True))
    if is_single_file(out) and len(named) > 1:
        raise UsageError("is one file, but there are several inputs", source=out, remedy="give a folder with -o")
    _refuse_inside(out, list(named.values()))
    jobs = [(case, source, out if is_single_file(out) else out / case) for case, source in named.items()]
    return [Job(*job, selection.anonymous) for job in jobs]


def _inputs(paths: Sequence[Path], progress: ProgressListener) -> Iterator[InputCase]:
    """Each CT; a folder of cases or CTs is expanded."""
    for path in paths:
        folders = [path] if (path / DESCRIPTION).is_file() else sorted(p.parent for p in path.glob(f"*/{DESCRIPTION}"))
        if folders:
            yield from (InputCase(folder / CT, case_name(folder)) for folder in folders)
        else:
            found = _of_folder(path)
            if found and (left := _not_looked_into(path, found)):
                progress.say("warning", f"{path}: CTs further down are left out: {listed(left)}")
            yield from found or [InputCase(path)]


def _of_folder(path: Path) -> list[InputCase]:
    """CTs in a folder or in its subfolders; empty for anything else, and for a DICOM folder."""
    if not path.is_dir():
        return []
    found = [InputCase(file) for file in image_files(path)]
    if not found:
        found = [source for folder in _folders(path) for source in _of_case(folder, image_files(folder))]
    return [] if found and holds_dicom(path) else found


def _not_looked_into(path: Path, found: Sequence[InputCase]) -> list[str]:
    """Subfolders that contain image files, directly or one level below, and were not searched.

    Files next to or below a CT that was found are assumed to be its labels.
    """
    places = {source.path.parent for source in found}
    left = []
    for folder in _folders(path):
        deeper = [folder] if path in places else _folders(folder) if folder not in places else []
        if any(map(image_files, deeper)):
            left.append(folder.name)
    return left


def _folders(path: Path) -> list[Path]:
    return [folder for folder in sorted(path.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]


def _of_case(folder: Path, files: Sequence[Path]) -> list[InputCase]:
    usual = {file.name.lower(): file for file in files}
    one = next((usual[name] for name in USUAL_NAMES if name in usual), files[0] if len(files) == 1 else None)
    return [InputCase(file) for file in files] if one is None else [InputCase(one, case_name(folder))]


def _hashed(paths: Sequence[Path], progress: ProgressListener) -> list[str]:
    """Reproducible anonymous names: the first digits of each file's SHA-256."""
    names: list[str] = []
    progress.begin("naming cases", 1, 1)
    for number, path in enumerate(paths, start=1):
        try:
            name = f"case_{sha256_of(path)[:10]}"
        except InputError:
            name = f"unreadable_{number}"  # the reason is reported on reading
        if name in names:
            other = paths[names.index(name)]
            raise UsageError(f"holds the same as {other}", source=path, remedy="name one of them")
        names.append(name)
        progress.progress(number, len(paths))
    return names


def _refuse_inside(out: Path, sources: Sequence[Path]) -> None:
    """Refuse an output folder inside a DICOM series, which would then be read as part of it."""
    place = Path(os.path.realpath(out))
    for source in sources:
        if source.is_dir() and place.is_relative_to(os.path.realpath(source)):
            raise UsageError(f"lies inside the input {source}", source=out, remedy="choose an output beside it")


def _of_datasets(named: Sequence[str]) -> Iterator[InputCase]:
    """CTs of datasets, with the case names used in a store."""
    for text in named:
        name, root = name_and_root(text)
        yield from (InputCase(case.image, case.name) for case in find_cases(find_dataset(name), root).cases)


def _of_part(named: dict[str, Path], path: Path, part: str, progress: ProgressListener) -> dict[str, Path]:
    names = Split.read(path).names(part)
    found = {name: named[name] for name in names if name in named}
    if not found:
        raise InputError(f"none of the inputs is in its part {part!r}", source=path, remedy="names must be the store's")
    if missing := [name for name in names if name not in found]:
        count = f"{len(missing)} of the {len(names)} cases"
        progress.say("warning", f"{path}: {count} of its part {part!r} are not there: {listed(missing)}")
    return found
