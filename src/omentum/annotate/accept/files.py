"""Which case of a round a file of corrections belongs to, by its name or the names of its folders."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.annotate.round_folder import CASES
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.io.case_names import DICOM_SUFFIX, case_name, is_image_name, is_segmentation_name
from omentum.io.dicom_masks.open_object import holds_dicom_masks

FOLDERS = 3
"""Folders above a file whose names are compared with those of cases."""
CT = "ct.nii.gz"
"""The CT of a case folder."""


@dataclass(frozen=True)
class CorrectedFile:
    """A file with corrections.

    Args:
        path: The file.
        case: Case of the round.
        structure: Key, if the file is the mask of one structure; None for a file with several.
    """

    path: Path
    case: str
    structure: str | None = None


def find_files(paths: Sequence[Path], cases: Collection[str], round_folder: Path) -> list[CorrectedFile]:
    """Find all files and their cases.

    Args:
        paths: Files, and folders that are searched with their subfolders.
        cases: Names of the cases of the round.
        round_folder: Folder of the round.

    Raises:
        InputError: a path does not exist, a folder holds no corrections, or a file belongs to no case.
    """
    found: list[CorrectedFile] = []
    for path in paths:
        files = list(_files(path, round_folder))
        if not files:
            raise InputError(
                "holds no .seg.nrrd, no image file and no DICOM masks", source=path, remedy="give files of corrections"
            )
        found += [_of_case(file, cases) for file in files]
    return found


def _files(path: Path, round_folder: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise InputError("no such file or folder", source=path)
    own = (round_folder / CASES).resolve()
    for file in sorted(path.rglob("*")):
        if not file.is_file() or not is_segmentation_name(file):
            continue
        if file.name.lower().endswith(DICOM_SUFFIX) and not holds_dicom_masks(file):  # slices of a CT
            continue
        inside = file.resolve().is_relative_to(own)
        # In the folder of the round only the working copy is edited; masks and label map repeat the proposal.
        if file.name == f"{file.parent.name}.seg.nrrd" if inside else file.name != CT:
            yield file


def _of_case(file: Path, cases: Collection[str]) -> CorrectedFile:
    stem = case_name(file)
    if stem in cases:
        return CorrectedFile(file, stem)
    above = [folder.name for folder in file.absolute().parents][:FOLDERS]
    by_folder = next((name for name in above if name in cases), None)
    structure = _structure(stem) if is_image_name(file) else None
    if by_folder is not None:
        return CorrectedFile(file, by_folder, structure)
    if begun := [name for name in cases if stem.startswith(name) and not stem[len(name)].isalnum()]:
        case = max(begun, key=len)
        rest = stem[len(case) + 1 :]
        return CorrectedFile(file, case, _structure(rest) if is_image_name(file) else None)
    if len(cases) == 1:
        return CorrectedFile(file, next(iter(cases)), structure)
    names = sorted(cases)
    remedy = f"name it or its folder after one of them: {listed(names)}"
    raise InputError("belongs to no case of the round", source=file, remedy=remedy)


def _structure(word: str) -> str | None:
    try:
        return STRUCTURES.find(word).key
    except UsageError:
        return None
