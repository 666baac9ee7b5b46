"""What counts as annotated in a case, given what its annotators looked for and what its labels hold.

One rule for training (`harmonise`) and for judging (`omentum evaluate --mapping`): what a model learns from a case and
what it is held to there are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

Keys = frozenset[str]


@dataclass(frozen=True)
class AnnotationScope:
    """What was looked for.

    Args:
        annotated: Structure keys that were looked for.
        if_present: Those of `annotated` that count only where a voxel has them.
        healthy: Lesion types the patient is known not to have: annotated too, unless the labels say otherwise
            (`contradicted`), or an unknown lesion might be one.
    """

    annotated: Keys
    if_present: Keys = frozenset()
    healthy: Keys = frozenset()

    def contradicted(self, present: Keys) -> Keys:
        """What is labelled although the patient is known not to have it: labels and word cannot both be right."""
        return self.healthy & present

    def candidates(self, present: Keys, unsure: Keys = frozenset()) -> Keys:
        """What may count, before doubts and `if_present` are looked at.

        Args:
            present: Structures with a voxel.
            unsure: Structures that could not be told apart from others.
        """
        return (self.annotated | self.healthy) - self.contradicted(present) - unsure

    def confirmed(self, claimed: Keys, present: Keys) -> Keys:
        """What counts in the end."""
        return claimed - (self.if_present - self.healthy - present)

    def with_hidden_voxels(self, present: Keys) -> AnnotationScope:
        """In a case that leaves out voxels which may be anything (`Target.hides`): what has no voxel may be there.

        Args:
            present: Structures with a voxel.
        """
        return replace(self, annotated=self.annotated & present)

    def resolved(self, present: Keys, doubtful: Callable[[Keys], Keys]) -> Keys:
        """All of it in order.

        Args:
            present: Structures with a voxel.
            doubtful: Of what is claimed -> what may lack a voxel, see `omentum.data.harmonise.unknown_parts`.
        """
        claimed = self.candidates(present)
        return self.confirmed(claimed - doubtful(claimed), present)


def contradiction_text(denied: Keys) -> str:
    """What is to be said where labels and word contradict each other."""
    text = "labelled, though the recipe says that the patient has none: not annotated in this case"
    return f"{', '.join(sorted(denied))} {'is' if len(denied) == 1 else 'are'} {text}"
