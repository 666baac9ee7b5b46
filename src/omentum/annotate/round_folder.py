"""Folder of an annotation round: its files, and what round.json says of it.

ROUND/
  round.json                    source, weights, options, cases
  worklist.csv, .json, .html    what to correct, in order
  cases/<case>/<case>.seg.nrrd  the proposal, to be corrected in 3D Slicer
               labels.nii.gz    the same as one label map, with labels_itksnap.txt
               masks/<key>.nii.gz
               attention/<key>.png
  proposals/<case>.json, .seg.nrrd   the proposals as they were made, to compare corrections with
  predictions/<view>/<case>/    predictions of each model; may be deleted when the proposals are made
  images/<case>.nii.gz          CTs of a store, on its grid
  accepted/                     accepted corrections of a folder of CTs, as case folders
  corrections/<case>/           their masks, and who, when, what was changed; those of a store are in the store
  monai_label/                  only on request
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omentum.atomic import write_json
from omentum.errors import InputError
from omentum.io.case_names import SEG_NRRD_SUFFIX
from omentum.json_values import from_json_values
from omentum.schemas import Schema, read_stamped, stamped

ROUND = "round.json"
CASES, PROPOSALS, PREDICTIONS, IMAGES, ACCEPTED, MONAI_LABEL = (
    *("cases", "proposals", "predictions", "images", "accepted", "monai_label"),
)
WORKLIST = "worklist"


class SourceKind(StrEnum):
    """Where the CTs of a round come from."""

    FOLDER = "folder"
    STORE = "store"


@dataclass(frozen=True)
class RoundCase:
    """A case of a round.

    Args:
        ct: Path of the CT.
        annotated: Keys of the structures annotated before the round.
        folder: Case folder with its truth, if the CT lies in one; else None.
        error: Why there is no proposal; None if there is one.
    """

    ct: str
    annotated: tuple[str, ...] = ()
    folder: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class AnnotationRound:
    """Description of a round.

    Args:
        source: Folder of CTs or store, absolute.
        kind: Which of the two.
        weights: As given.
        profile: Of the predictions.
        cases: By name.
        omentum: Version that made the round.
    """

    source: str
    kind: SourceKind
    weights: tuple[str, ...]
    profile: str
    cases: Mapping[str, RoundCase]
    omentum: str = version("omentum")

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return stamped(Schema.ANNOTATION_ROUND, asdict(self))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> AnnotationRound:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed or of another version.
        """
        return from_json_values(cls, read_stamped(raw, Schema.ANNOTATION_ROUND))

    @classmethod
    def read(cls, folder: Path) -> AnnotationRound:
        """Read round.json.

        Raises:
            InputError: the folder is no round.
        """
        return cls.from_json(read_document(folder / ROUND, "omentum annotate propose makes one"))

    def write(self, folder: Path) -> None:
        """Write round.json."""
        write_json(folder / ROUND, self.to_json())


def read_document(path: Path, remedy: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: it cannot be read.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path, remedy=remedy) from fault
    except ValueError as fault:
        raise InputError(f"is not JSON: {fault}", source=path, remedy=remedy) from fault
    if not isinstance(content, dict):
        raise InputError("is not what omentum wrote", source=path, remedy=remedy)
    return content


def proposal_masks(folder: Path, case: str) -> Path:
    """The masks of a proposal as they were made."""
    return folder / PROPOSALS / f"{case}{SEG_NRRD_SUFFIX}"


def proposal_file(folder: Path, case: str) -> Path:
    """The description of a proposal; written last."""
    return folder / PROPOSALS / f"{case}.json"


def working_copy(folder: Path, case: str) -> Path:
    """The copy of the masks that an annotator corrects."""
    return folder / CASES / case / f"{case}{SEG_NRRD_SUFFIX}"
