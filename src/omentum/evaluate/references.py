"""The reference of a case: its annotation, its patient, and the structures whose labels are no truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omentum.anatomy.pairs import pair_of
from omentum.errors import InputError, UsageError
from omentum.evaluate.pairing import DESCRIPTION, Pair
from omentum.result_files import segmentation_in

if TYPE_CHECKING:
    from omentum.evaluate import LabelMapping
    from omentum.segmentation import Segmentation
    from omentum.volume import Grid

ASSISTED = "the label is an accepted prediction"


@dataclass(frozen=True, eq=False)
class CaseReference:
    """The reference of a case as annotated.

    Args:
        truth: Masks.
        patient: Patient identifier; "" if unknown.
        assisted: Structures whose labels began as predictions; see `omentum.io.truth.assisted_in`.
    """

    truth: Segmentation
    patient: str
    assisted: frozenset[str] = field(default=frozenset())

    def excluded(self, joined: frozenset[str], mappings: Iterable[LabelMapping]) -> dict[str, str]:
        """Structures that cannot be evaluated because labels they are made of began as predictions, with the reason.

        Args:
            joined: Pairs evaluated as one structure.
            mappings: Label mappings, some of whose structures are unions of ours.
        """
        keys = set(self.assisted)
        for mapping in mappings:
            keys |= {whole for whole, parts in mapping.unions.items() if self.assisted & {*parts}}
        pairs = {pair for key in keys if (pair := pair_of(key)) in joined}
        keys |= {key for key in self.truth.classes if pair_of(key) in pairs}
        return dict.fromkeys(keys, ASSISTED)


def reference_of(pair: Pair, mapping: LabelMapping | None, grid: Grid | None = None) -> CaseReference:
    """Read a reference; the patient is that of the list of patients if given, otherwise of the case.

    Args:
        pair: The case.
        mapping: Label mapping of foreign references.
        grid: Grid of the CT, if known, for a DICOM reference, which may not have one of its own.

    Raises:
        InputError: it cannot be read.
        UsageError: it needs no mapping.
    """
    from omentum.evaluate.foreign_labels import read_reference
    from omentum.evaluate.stored_reference import is_stored, read_stored, stored_case
    from omentum.io.truth import assisted_in, read_truth

    path = pair.reference
    if path.is_dir() and not (path / DESCRIPTION).is_file():
        path = segmentation_in(path) or path
    if not path.is_dir():
        return CaseReference(read_reference(path, mapping, grid), pair.patient)
    if mapping:
        raise UsageError("is a truth folder and needs no --mapping", source=path)
    if is_stored(path):
        truth, patient = read_stored(path)
        return CaseReference(truth, pair.patient or patient, stored_case(path).assisted)
    if not (path / DESCRIPTION).is_file():
        raise InputError(
            f"is no case folder: it has no {DESCRIPTION} and no segmentation",
            source=path,
            remedy="give the truth or a segmentation of that case",
        )
    truth, facts = read_truth(path)
    return CaseReference(truth, pair.patient or str(facts.get("patient", "")), assisted_in(facts))
