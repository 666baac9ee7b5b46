"""Decide which structures count as annotated in a case, from the annotation protocol and the labels present.

Training (`harmonise`) and evaluation (`omentum evaluate --mapping`) share this rule, so a model is trained and scored
on the same structures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

Keys = frozenset[str]


@dataclass(frozen=True)
class AnnotationScope:
    """Annotation protocol of a case.

    Args:
        annotated: Keys of the annotated structures.
        if_present: Subset of `annotated` that counts only if it has a voxel.
        healthy: Lesion types the patient is known not to have. They count as annotated too, unless the labels disagree
            (`contradicted`) or an unknown lesion might be one of them.
    """

    annotated: Keys
    if_present: Keys = frozenset()
    healthy: Keys = frozenset()

    def contradicted(self, present: Keys) -> Keys:
        """Structures that are labelled although the patient is declared healthy of them, a contradiction."""
        return self.healthy & present

    def candidates(self, present: Keys, unsure: Keys = frozenset()) -> Keys:
        """Structures that may count as annotated, before doubts and `if_present` are applied.

        Args:
            present: Structures with a voxel.
            unsure: Structures that could not be distinguished from others.
        """
        return (self.annotated | self.healthy) - self.contradicted(present) - unsure

    def confirmed(self, claimed: Keys, present: Keys) -> Keys:
        """Structures that finally count as annotated."""
        return claimed - (self.if_present - self.healthy - present)

    def with_hidden_voxels(self, present: Keys) -> AnnotationScope:
        """Adjust the scope for a case with unannotated voxels (`Target.hides`), which may hide absent structures.

        Args:
            present: Structures with a voxel.
        """
        return replace(self, annotated=self.annotated & present)

    def resolved(self, present: Keys, doubtful: Callable[[Keys], Keys]) -> Keys:
        """Apply all rules in order.

        Args:
            present: Structures with a voxel.
            doubtful: Maps the claimed structures to those that may be incomplete; see
                `omentum.data.harmonise.unknown_parts`.
        """
        claimed = self.candidates(present)
        return self.confirmed(claimed - doubtful(claimed), present)


def contradiction_text(denied: Keys) -> str:
    """Message for structures that are labelled although the dataset declares them absent."""
    text = "labelled, though the recipe says that the patient has none: not annotated in this case"
    return f"{', '.join(sorted(denied))} {'is' if len(denied) == 1 else 'are'} {text}"
