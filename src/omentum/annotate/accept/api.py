"""Take corrections back into the labels, in one call; implements `omentum annotate accept`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.annotate.accept.files import CorrectedFile, find_files
from omentum.annotate.accept.judge import (
    AcceptStatus,
    KnownLabels,
    belongs_elsewhere,
    fits_the_other_side,
    judge,
    reversed_axis,
)
from omentum.annotate.accept.labels import LabelTarget, add_masks, find_target
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.accept.read import Renames, read_corrected
from omentum.annotate.accept.record import record_of
from omentum.annotate.accept.results import AcceptOutcome, AcceptResult
from omentum.annotate.propose.api import write_worklist
from omentum.annotate.propose.propose_case import earlier_proposal
from omentum.annotate.round_folder import AnnotationRound, proposal_masks
from omentum.data.correction_records import CorrectionRecord
from omentum.data.corrections import read_corrections
from omentum.errors import InputError, OmentumError, UsageError, capture_warnings, warn_of_case
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.progress import ProgressListener, SilentProgress
from omentum.segmentation import Segmentation
from omentum.words import keys_of, structures_in

PathLike = str | os.PathLike[str]
Mask = NDArray[np.bool_]
_WAYS = dict.fromkeys("RL", "from left to right") | dict.fromkeys("AP", "from front to back")
_WAYS |= dict.fromkeys("SI", "from head to foot")


def accept_corrections(
    folder: PathLike,
    corrections: PathLike | Sequence[PathLike],
    by: str,
    options: AcceptOptions | None = None,
    *,
    progress: ProgressListener | None = None,
) -> AcceptResult:
    """Take corrected masks back into the store of a round, or into case folders if the round was made of a folder.

    Corrections rank below the truth of a dataset and above pseudo-labels (`omentum.data.label_precedence`). A file that
    cannot be used is refused with the reason and does not stop the others; what was accepted earlier is kept.

    Args:
        folder: Folder of the round, see `omentum.annotate.propose_annotations`.
        corrections: Files (`.seg.nrrd`, DICOM segmentations and structure sets, NIfTI label maps, NIfTI masks named
            after their structure) and folders of them, named after their case. The folder `cases/` of the round takes
            what was edited in place.
        by: Name of the person who corrected.
        options: See `AcceptOptions`.
        progress: Receives progress, warnings and errors.

    Raises:
        InputError: the folder is no round, its store is gone, or a path does not exist.
        UsageError: unknown structures, or no name.
        OutputError: another process is writing the store, or something cannot be written.

    Example:
        >>> done = omentum.accept_corrections("round/", "round/cases/", by="A. Miller")
        >>> [(one.case, one.structure, one.status) for one in done.outcomes]
    """
    folder, progress = Path(folder), progress or SilentProgress()
    paths = [corrections] if isinstance(corrections, (str, os.PathLike)) else list(corrections)
    about = AnnotationRound.read(folder)
    if not about.cases:
        raise InputError("has no proposals yet", source=folder, remedy="complete it: omentum annotate propose")
    settings = _Settings.of(by, options or AcceptOptions())
    target = find_target(folder, about, settings.options.store)
    files = find_files([Path(path) for path in paths], list(about.cases), folder)
    outcomes: list[AcceptOutcome] = []
    with target.writing():
        for number, file in enumerate(files, start=1):
            progress.begin(f"{file.case}: {file.path.name}", number, len(files))
            try:
                with capture_warnings(lambda message: progress.say("warning", message), propagate=False):
                    outcomes += _Acceptance(folder, about, target, settings).accept(file)
            except OmentumError as fault:
                outcomes.append(_refused(file, fault))
                progress.say("error", outcomes[-1].reason)
    if unused := sorted(set(settings.renamed.keys) - settings.renamed.used):
        progress.say("warning", f"--rename: no segment is called {', '.join(map(repr, unused))}")
    found = (earlier_proposal(folder, name) for name in about.cases)
    write_worklist(folder, [proposal for proposal in found if proposal is not None])
    return AcceptResult(tuple(outcomes), str(target.labels))


@dataclass(frozen=True)
class _Settings:
    """Options with their words resolved to structures."""

    by: str
    options: AcceptOptions
    wanted: frozenset[str] | None
    absent: frozenset[str]
    renamed: Renames = field(default_factory=Renames)

    @classmethod
    def of(cls, by: str, options: AcceptOptions) -> _Settings:
        if not by.strip():
            raise UsageError("corrections need the name of the person who made them", remedy="--by NAME")
        renamed = {}
        for text in options.rename:
            name, found, structure = text.rpartition("=")
            if not found or not name:
                raise UsageError(f"--rename {text!r} does not say what is what", remedy='--rename "Segment_1=liver"')
            keys = _keys([structure])
            if len(keys) != 1:
                raise UsageError(f"--rename {text!r}: a segment is one structure, not {', '.join(keys)}")
            renamed[name.strip()] = keys[0]
        wanted = None if options.structures is None else frozenset(_keys(options.structures))
        return cls(by.strip(), options, wanted, frozenset(_keys(options.absent)), Renames(renamed))


def _keys(names: str | Iterable[str]) -> list[str]:
    return list(keys_of(structures_in(names, guesses=False)))


@dataclass(frozen=True)
class _Acceptance:
    """Takes the corrections of one file."""

    folder: Path
    about: AnnotationRound
    target: LabelTarget
    settings: _Settings

    def accept(self, file: CorrectedFile) -> list[AcceptOutcome]:
        """Judge every structure of a file, and take the accepted ones."""
        proposal = self._proposal(file.case)
        self.target.check_grid(file.case, proposal.grid)
        masks = read_corrected(file, proposal, self.settings.renamed, self.settings.options.mapping)
        self._refuse_other_case(file, masks, proposal)
        self._refuse_reversed(file, masks, proposal)
        self._refuse_other_side(file, masks, proposal)
        empty = np.zeros(proposal.shape, np.bool_)
        masks |= {key: empty for key in self.settings.absent if key not in masks}
        earlier = read_corrections(self.target.root, file.case)
        known = KnownLabels(frozenset(self.about.cases[file.case].annotated), earlier.records if earlier else None)
        outcomes: list[AcceptOutcome] = []
        taken: dict[str, Mask] = {}
        records: list[CorrectionRecord] = []
        for key in (key for key in STRUCTURES.keys if key in masks):
            if self.settings.wanted is not None and key not in self.settings.wanted:
                continue
            mask, proposed = masks[key], proposal.mask(key) if key in proposal.classes else empty
            verdict = judge(key, mask, proposed, known, self.settings.options)
            status, reason = verdict.status, verdict.reason
            if status is AcceptStatus.ACCEPTED and (reason := self.target.check(key)):
                status = AcceptStatus.REFUSED
            if status is AcceptStatus.ACCEPTED:
                taken[key] = mask
                by, path = self.settings.by, file.path
                records.append(record_of(key, mask, proposed, verdict, by=by, file=path, called=path.name))
            voxels = int(np.count_nonzero(mask))
            outcomes.append(
                AcceptOutcome(str(file.path), file.case, key, status, reason, voxels, verdict.changed_voxels)
            )
        if taken:
            self.target.take(file.case, add_masks(earlier, file.case, taken, records, proposal))
        elif earlier is not None:
            self.target.complete(file.case, earlier)
        return outcomes

    def _proposal(self, case: str) -> Segmentation:
        path = proposal_masks(self.folder, case)
        if not path.is_file():
            raise InputError("there is no proposal to compare with", source=path, remedy="run omentum annotate propose")
        return read_seg_nrrd(path)

    def _refuse_other_case(self, file: CorrectedFile, masks: dict[str, Mask], proposal: Segmentation) -> None:
        """Refuse corrections that were saved under the name of another case on the same grid."""
        own = {key: proposal.mask(key) for key in masks if key in proposal.classes}
        if not belongs_elsewhere(masks, own, masks):  # they fit their own proposal
            return
        for name in self.about.cases:
            path = proposal_masks(self.folder, name)
            if name == file.case or not path.is_file():
                continue
            other = read_seg_nrrd(path)
            if other.grid.same_as(proposal.grid) and belongs_elsewhere(
                masks, own, {key: other.mask(key) for key in masks if key in other.classes}
            ):
                reason = f"is named after {file.case}, but its masks are those of {name}"
                raise InputError(reason, source=file.path, remedy="rename the file")

    def _refuse_reversed(self, file: CorrectedFile, masks: dict[str, Mask], proposal: Segmentation) -> None:
        """Refuse masks whose voxels run the other way than those of the CT, against what their affine says."""
        axis = reversed_axis(masks, {key: proposal.mask(key) for key in masks if key in proposal.classes})
        if axis is not None:
            way = _WAYS[proposal.grid.orientation[axis]]
            reason = f"its masks are the proposed ones reversed {way}"
            raise InputError(reason, source=file.path, remedy="save it again with the geometry of the CT")

    def _refuse_other_side(self, file: CorrectedFile, masks: dict[str, Mask], proposal: Segmentation) -> None:
        """Refuse one side where the other was proposed; where both changed places in one file, warn."""
        proposals = {key: proposal.mask(key) for key in proposal.classes}
        for key in (key for key in masks if fits_the_other_side(key, masks, proposals)):
            other = STRUCTURES[key].pair
            assert other is not None
            if fits_the_other_side(other, masks, proposals):
                warn_of_case(f"{key} lies where {other} was proposed, and the reverse: are the sides right?", file.path)
                continue
            remedy = f"call it {other}; if the proposal has swapped the sides, correct both in one file"
            raise InputError(f"its {key} lies where {other} was proposed", source=file.path, remedy=remedy)


def _refused(file: CorrectedFile, fault: OmentumError) -> AcceptOutcome:
    message = str(fault) if fault.source is not None else f"{file.path}: {fault}"
    return AcceptOutcome(str(file.path), file.case, None, AcceptStatus.REFUSED, message)
