"""The proposal for one case, from its predictions to the files for the viewers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.annotate.propose.case_views import CaseView, structure_views
from omentum.annotate.propose.evidence import Evidence, PredictedView, attention, gather
from omentum.annotate.propose.gain import DISTRUSTED, MISSED, expect
from omentum.annotate.propose.options import ProposeOptions, ViewPlan
from omentum.annotate.propose.proposals import CaseProposal, SliceHint, StructureProposal
from omentum.annotate.round_folder import CASES, PREDICTIONS, RoundCase, proposal_file, proposal_masks, working_copy
from omentum.atomic import replacing, replacing_folder, write_json, write_text
from omentum.boxes import Box
from omentum.errors import OutputError
from omentum.io.detect import load_volume
from omentum.io.label_names import ITK_SNAP, itk_snap_labels
from omentum.io.nifti import write_labelmap, write_mask
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.measure import find_lesions, measure
from omentum.measure.diameters import axial_axis
from omentum.pipeline.manifest import sha256_of
from omentum.quality import Quality, assess_quality
from omentum.report.attention_map import attention_png, coronal_projection
from omentum.segmentation import BITS_PER_PLANE, Segmentation, no_bits
from omentum.volume import Grid, Volume

SLICES = 10
"""Slices listed for a structure."""
CORRECTED = "holds corrections that are not accepted yet"
_REMEDY = "accept them with omentum annotate accept, or choose another folder"


@dataclass(frozen=True, eq=False)
class _Found:
    """What the views say of one structure, kept until the whole case is measured."""

    evidence: Evidence
    box: Box
    proposal: NDArray[np.bool_]
    views: tuple[PredictedView, ...]


@dataclass(frozen=True)
class ProposalTask:
    """One case of a round.

    Args:
        round_folder: Folder of the round.
        name: Name of the case.
        case: What round.json says of it.
        plans: The predictions made.
        options: Options of the round.
    """

    round_folder: Path
    name: str
    case: RoundCase
    plans: Sequence[ViewPlan]
    options: ProposeOptions

    def made_from(self, views: Sequence[CaseView]) -> dict[str, str]:
        """Everything that decides the proposal."""
        of_views = {plan.name: view.sha256 for plan, view in zip(self.plans, views, strict=True)}
        left = "" if self.options.annotated else " ".join(self.case.annotated)
        return {**of_views, "omentum": version("omentum"), "left out": left, "masks": str(self.options.masks)}


def propose_case(task: ProposalTask) -> CaseProposal:
    """Make the proposal of a case, or read it if it is there already, made from the same predictions.

    Raises:
        InputError: a prediction or the CT cannot be read.
        OutputError: there is another proposal, or corrections that would be lost; or a file cannot be written.
    """
    views = _read_views(task)
    made_from, earlier = task.made_from(views), earlier_proposal(task.round_folder, task.name)
    if earlier is not None and earlier.made_from == made_from:
        return earlier
    if earlier is not None:
        _refuse_loss(task, earlier)
    ct = load_volume(Path(task.case.ct))
    known = dict.fromkeys(key for view in views for key in view.masks.classes)
    keys = [key for key in known if task.options.annotated or key not in task.case.annotated]
    found = {key: _found(views, key, ct.grid) for key in keys}
    proposed = _packed(found, ct)
    quality = _quality(ct, proposed)
    distrusted = frozenset[str]().union(*(view.distrusted for view in views))
    overlooked = dict.fromkeys(distrusted, DISTRUSTED) | dict.fromkeys(quality.missing_structures, MISSED)
    structures = tuple(
        _structure(task.name, key, one, quality, overlooked.get(key, 0.0), ct.grid) for key, one in found.items()
    )
    masks_sha256 = _write(task, ct, proposed, found)
    proposal = CaseProposal(task.name, task.case.ct, made_from, masks_sha256, structures)
    write_json(proposal_file(task.round_folder, task.name), proposal.to_json())
    return proposal


def earlier_proposal(folder: Path, case: str) -> CaseProposal | None:
    """The finished proposal of a case; None if there is none that can be read."""
    try:
        return CaseProposal.from_json(json.loads(proposal_file(folder, case).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_untouched(folder: Path, proposal: CaseProposal) -> bool:
    """Whether the working copy of a proposal is as it was made, or not there."""
    path = working_copy(folder, proposal.case)
    return not path.is_file() or sha256_of(path) == proposal.masks_sha256


def _read_views(task: ProposalTask) -> list[CaseView]:
    folder = task.round_folder / PREDICTIONS
    return [CaseView.read(folder / plan.name / task.name, is_model=plan.is_model) for plan in task.plans]


def _refuse_loss(task: ProposalTask, earlier: CaseProposal) -> None:
    place = working_copy(task.round_folder, task.name)
    if not is_untouched(task.round_folder, earlier):
        raise OutputError(CORRECTED, source=place, remedy=_REMEDY)
    if not task.options.overwrite:
        remedy = "choose another folder or pass --overwrite"
        raise OutputError("was proposed from other predictions", source=place, remedy=remedy)


def _found(views: list[CaseView], key: str, grid: Grid) -> _Found:
    cut = structure_views(views, key)
    return _Found(gather(cut.proposal, cut.views, axial_axis(grid)), cut.box, cut.proposal, cut.views)


def _packed(found: dict[str, _Found], ct: Volume) -> Segmentation:
    bits = no_bits(len(found), ct.shape)
    for k, one in enumerate(found.values()):
        bits[k // BITS_PER_PLANE][one.box][one.proposal] |= bits.dtype.type(1 << (k % BITS_PER_PLANE))
    return Segmentation(bits, ct.affine, tuple(found), header=ct.header)


def _quality(ct: Volume, proposed: Segmentation) -> Quality:
    return assess_quality(ct, proposed, measure(ct, proposed), find_lesions(ct, proposed))


def _structure(
    case: str, key: str, found: _Found, quality: Quality, overlooked: float, grid: Grid
) -> StructureProposal:
    axis, evidence = axial_axis(grid), found.evidence
    judged = quality.structures.get(key)
    across = [mm for a, mm in enumerate(grid.spacing_mm) if a != axis]
    pixel_cm2 = across[0] * across[1] / 100
    score = None if judged is None else judged.score
    expected = expect(evidence, score, overlooked=overlooked, pixel_cm2=pixel_cm2)
    return StructureProposal(
        key=key,
        voxels=evidence.voxels,
        volume_ml=evidence.voxels * grid.voxel_volume_ml,
        score=_rounded(score),
        agreement=_rounded(evidence.agreement),
        mean_entropy=_rounded(evidence.mean_entropy),
        expected_dice=round(expected.dice, 4),
        expected_changed_voxels=round(expected.changed_voxels, 1),
        effort_s=round(expected.effort_s, 1),
        priority=round(expected.priority, 5),
        suggestion=expected.suggestion,
        slice_axis="ijk"[axis],
        slices=_slices(evidence, found.box[axis].start, axis, grid),
        attention=f"{CASES}/{case}/attention/{key}.png" if evidence.wrong_voxels > 0 else None,
        reasons=() if judged is None else judged.reasons,
    )


def _slices(evidence: Evidence, first: int, axis: int, grid: Grid) -> tuple[SliceHint, ...]:
    """Slices with the most expected errors; ties from the lowest index."""
    wrong = evidence.wrong_by_slice
    order = [int(n) for n in np.argsort(-wrong, kind="stable") if wrong[n] > 0][:SLICES]
    hints = []
    for n in order:
        middle = [(size - 1) / 2 for size in grid.shape]
        middle[axis] = first + n
        hints.append(SliceHint(first + n, round(float(grid.to_world(middle)[2]), 1), round(float(wrong[n]), 1)))
    return tuple(hints)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _write(task: ProposalTask, ct: Volume, proposed: Segmentation, found: dict[str, _Found]) -> str:
    """Write the files of a case; return the hash of the masks as they were made."""
    original = proposal_masks(task.round_folder, task.name)
    original.parent.mkdir(parents=True, exist_ok=True)
    proposal_file(task.round_folder, task.name).unlink(missing_ok=True)
    write_seg_nrrd(original, proposed)
    with replacing_folder(task.round_folder / CASES / task.name) as folder:
        with replacing(folder / original.name) as file:
            file.write(original.read_bytes())
        write_labelmap(folder / "labels.nii.gz", proposed)
        write_text(folder / ITK_SNAP, itk_snap_labels(proposed.classes))
        for key in found if task.options.masks else ():
            write_mask(folder / "masks" / f"{key}.nii.gz", proposed.mask(key), proposed)
        body = coronal_projection(ct)
        for key, one in found.items():
            if one.evidence.wrong_voxels > 0:
                with replacing(folder / "attention" / f"{key}.png") as file:
                    file.write(attention_png(body, ct.grid, one.box, attention(one.views), one.proposal))
    return sha256_of(original)
