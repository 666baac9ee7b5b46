"""Reuse of results of an earlier run: whether they match this run, and their summary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omentum.errors import InputError, OutputError
from omentum.measure import Lesion, StructureMeasure
from omentum.pipeline.batch.jobs import CaseSummary
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import DICOM_ONLY, RESULT_NEUTRAL_OPTIONS
from omentum.pipeline.outputs import LABEL_MAP_SHA256, MASKS_SHA256, is_single_file
from omentum.quality import Quality
from omentum.result_files import LABEL_MAP, MANIFEST, MASKS, MEASUREMENTS

ADDABLE = ("masks", "preview", "statistics", "report", "meshes", "formats")
"""Outputs that can be added to a finished case, see `omentum.pipeline.batch.adding`."""
_REMEDY = "choose another output or pass --overwrite"


def has_result(target: Path) -> bool:
    """Whether a folder may contain the result of an earlier run."""
    return not is_single_file(target) and (target / MANIFEST).is_file()


def identity(
    input_sha256: str, weights_sha256: str, options: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that determines a result, by the names used in messages; options as in the manifest.

    Includes only outputs that cannot be added later.
    """
    return {
        "input": input_sha256,
        "weights": weights_sha256,
        "version of omentum": version("omentum"),
        **{name: value for name, value in options.items() if name not in RESULT_NEUTRAL_OPTIONS},
        **{name: value for name, value in outputs.items() if name not in ADDABLE},
    }


def check_resumable(folder: Path, wanted: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[str]:
    """Check whether an earlier result can be reused; return the outputs it lacks.

    Args:
        folder: Folder with an earlier result.
        wanted: Result of `identity` for this run.
        outputs: Requested files, see `SaveOptions.outputs`.

    Returns:
        Requested outputs that are missing; additional ones are kept.

    Raises:
        OutputError: the result was made with other inputs or options (the message lists them), or its masks were
            modified.
    """
    with _explaining(folder):
        manifest = _read(folder / MANIFEST)
        made_by, made_outputs = _made_by(manifest), manifest["outputs"]
        missing = [name for name in ADDABLE if _lacks(outputs[name], made_outputs[name])]
        undecided = {name for name in DICOM_ONLY if outputs[name] is None or made_outputs[name] is None}
    _check_alike(folder, manifest, {name: wanted.get(name) for name in {**wanted, **made_by} if name not in undecided})
    return missing


def check_made_with(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Check whether an earlier result can be reused, as far as it is known what this run would be made of.

    Args:
        folder: Folder with an earlier result.
        wanted: Some of the entries of `identity`, and `formats`, of which there may be more.

    Raises:
        OutputError: as for `check_resumable`.
    """
    with _explaining(folder):
        manifest = _read(folder / MANIFEST)
        _made_by(manifest)
        lacks = _lacks(list(wanted.get("formats", ())), manifest["outputs"]["formats"])
    compared = {name: value for name, value in wanted.items() if name != "formats"}
    _check_alike(folder, manifest, compared, ["formats"] if lacks else [])


@contextmanager
def _explaining(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise OutputError("exists already, and does not say how it was made", source=folder, remedy=_REMEDY) from fault


def _made_by(manifest: Mapping[str, Any]) -> dict[str, Any]:
    made = (manifest["input"]["sha256"], manifest["weights"]["sha256"], manifest["options"], manifest["outputs"])
    return identity(*made) | {"version of omentum": manifest["versions"]["omentum"]}


def _check_alike(
    folder: Path, manifest: Mapping[str, Any], wanted: Mapping[str, Any], differs: Sequence[str] = ()
) -> None:
    """Raise where a result was made otherwise, or is not what was written."""
    made_by, wanted = _made_by(manifest), json.loads(json.dumps(wanted))
    differs = [*(name for name in wanted if wanted[name] != made_by.get(name)), *differs]
    if differs:
        raise OutputError(f"exists already, made otherwise ({', '.join(differs)})", source=folder, remedy=_REMEDY)
    _check_as_written(folder / LABEL_MAP, manifest.get(LABEL_MAP_SHA256))
    _check_as_written(folder / MASKS, manifest.get(MASKS_SHA256))


def _lacks(wanted: Any, made: Any) -> bool:
    if isinstance(wanted, list):
        return not set(wanted) <= set(made)
    return bool(wanted) and wanted != made


def _check_as_written(path: Path, written: str | None) -> None:
    try:
        found = sha256_of(path)
    except InputError as fault:
        raise OutputError(f"is gone: {fault.reason}", source=path, remedy=_REMEDY) from fault
    if found != written:
        raise OutputError("is damaged or changed: not what was written", source=path, remedy=_REMEDY)


def read_case_summary(folder: Path) -> CaseSummary:
    """Read the summary of a case from its folder.

    Raises:
        OutputError: its files are damaged or incomplete.
    """
    try:
        measured, manifest = _read(folder / MEASUREMENTS), _read(folder / MANIFEST)
        measures = [StructureMeasure.from_json(m) for m in measured["structures"].values()]
        listed = [*measured["lesions"], *measured["candidates"]]
        lesions = sorted(map(Lesion.from_json, listed), key=lambda one: one.number)
        return CaseSummary(measures, lesions, Quality.from_json(measured["quality"]), list(manifest["warnings"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise OutputError("exists already, and its measurements are damaged", source=folder, remedy=_REMEDY) from fault


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a checked case folder."""
    return _read(folder / MANIFEST)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
