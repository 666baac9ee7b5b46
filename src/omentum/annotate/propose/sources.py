"""The CTs of a round: a folder of CTs, of case folders, or a store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from omentum.annotate.round_folder import IMAGES, RoundCase, SourceKind
from omentum.annotate.stored_images import stored_image, write_images
from omentum.data.store.store import Store
from omentum.errors import InputError
from omentum.evaluate.stored_reference import is_store
from omentum.io.truth import DESCRIPTION
from omentum.pipeline.batch.inputs import plan_jobs
from omentum.pipeline.batch.options import CaseSelection
from omentum.progress import ProgressListener


@dataclass(frozen=True)
class RoundSource:
    """CTs of a round.

    Args:
        kind: Folder or store.
        inputs: What `segment_batch` is given.
        cases: By name, as `segment_batch` names them.
    """

    kind: SourceKind
    inputs: tuple[Path, ...]
    cases: dict[str, RoundCase]


def find_source(source: Path, out: Path, progress: ProgressListener) -> RoundSource:
    """Find the CTs; those of a store are written to the folder of the round, on the grid of the store.

    Raises:
        InputError: there is no such folder, or a store that cannot be read.
        UsageError: there is no CT.
    """
    if not source.exists():
        raise InputError("no such file or folder", source=source)
    if source.is_dir() and is_store(source):
        return _of_store(source, out, progress)
    cases = {}
    for job in plan_jobs([source], out / "planned", CaseSelection(), progress):
        folder = job.source.parent if (job.source.parent / DESCRIPTION).is_file() else None
        annotated = () if folder is None else _annotated_in(folder / DESCRIPTION)
        cases[job.case] = RoundCase(
            str(job.source.absolute()), annotated, None if folder is None else str(folder.absolute())
        )
    return RoundSource(SourceKind.FOLDER, (source,), cases)


def _of_store(path: Path, out: Path, progress: ProgressListener) -> RoundSource:
    store, images = Store.open(path), out / IMAGES
    failed = write_images(store, images, progress)
    cases = {
        case.name: RoundCase(
            str(stored_image(images, case.name).absolute()), case.annotated, error=failed.get(case.name)
        )
        for case in store.cases
    }
    inputs = tuple(stored_image(images, name) for name in cases if name not in failed)
    return RoundSource(SourceKind.STORE, inputs, cases)


def _annotated_in(path: Path) -> tuple[str, ...]:
    try:
        return tuple(str(key) for key in json.loads(path.read_bytes())["annotated"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(f"is not the description of a case: {fault!r}", source=path) from fault
