"""Options of an extension, for Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from omentum.errors import UsageError
from omentum.option_fields import Group, option
from omentum.spec import MAX_GROWTH


class Protection(StrEnum):
    """What keeps the structures that a model knows while it learns others."""

    ADAPTERS = "adapters"
    """The new structures have low-rank additions to the frozen network; the known ones stay as they are to the bit, and
    both together take two passes through the network."""
    HEADS = "heads"
    """The new structures have a head of their own on the frozen backbone; the known ones stay as they are."""
    DISTIL = "distil"
    """Everything is trained, with pseudo-labels, and the parent's probabilities are kept on every patch."""
    FROZEN = "frozen"
    """The shared head is trained, with pseudo-labels; the backbone is frozen."""
    PSEUDO = "pseudo"
    """Everything is trained, with pseudo-labels of the parent for the known structures."""
    NONE = "none"
    """Everything is trained, on the new labels alone."""

    @property
    def keeps_all(self) -> bool:
        """Whether known structures cannot change at all."""
        return self in (Protection.ADAPTERS, Protection.HEADS)

    @property
    def has_pseudo_labels(self) -> bool:
        """Whether the parent labels the known structures in the new data."""
        return self in (Protection.DISTIL, Protection.FROZEN, Protection.PSEUDO)


@dataclass(frozen=True)
class ExtendOptions:
    """How a model is extended.

    Args:
        add: Words for the new structures: keys or names of structures (of a structures file, or that the data
            describe), or new words, for which a structure is made.
        data: TOML file of a training run with the data that annotate them, or a store or folder of cases.
        protect: What keeps the known structures.
        rehearse: Store or folder of cases that annotate known structures, trained on as well.
        check: Store or folder of cases that annotate known structures and are not trained on, to measure them.
        validation: Cases held out of every collection that does not say so itself, and of the cases to rehearse.
        max_forgetting: Dice that a known structure may lose.
        anyway: Write the checkpoint even if one lost more.
        min_confidence: Expected Dice of a pseudo-label, from the parent's probabilities, below which the structure
            counts as not annotated in that case.
        distil_weight: Factor of the distillation loss.
        rank: Rank of the adapters.
        max_growth: Parameters that all adapters may add, as a share of the network's.
        prompt: Prompt template of the new classes; that of the known ones by default.
        settings: Settings of the training run, key=value, instead of the file's.

    Raises:
        UsageError: nothing to add, or a number out of range.
    """

    add: tuple[str, ...] = field(
        default=(),
        metadata=option("words for a new structure; repeatable", Group.FIND, metavar="WORDS", is_repeated=True),
    )
    data: Path | None = field(
        default=None,
        metadata=option("TOML file with the data that show it, or a store or folder", Group.INPUT, kind=Path),
    )
    protect: Protection = field(
        default=Protection.ADAPTERS,
        metadata=option("what keeps the known structures", Group.HOW, choices=tuple(Protection)),
    )
    rehearse: Path | None = field(
        default=None, metadata=option("store or folder of known structures, trained on too", Group.INPUT, kind=Path)
    )
    check: Path | None = field(
        default=None,
        metadata=option("store or folder of known structures, to measure what is kept", Group.INPUT, kind=Path),
    )
    validation: int = field(
        default=2, metadata=option("cases held out, where the data do not say", Group.INPUT, metavar="N", minimum=1)
    )
    max_forgetting: float = field(
        default=0.01, metadata=option("Dice that a known structure may lose", Group.HOW, kind=float, metavar="DICE")
    )
    anyway: bool = field(default=False, metadata=option("write the weights even if one loses more", Group.OUTPUT))
    min_confidence: float = field(
        default=0.8,
        metadata=option("least expected Dice of a pseudo-label", Group.HOW, kind=float, metavar="DICE", is_rare=True),
    )
    distil_weight: float = field(
        default=10.0, metadata=option("factor of the distillation loss", Group.HOW, kind=float, is_rare=True)
    )
    rank: int = field(default=4, metadata=option("of the adapters", Group.HOW, minimum=1, is_rare=True))
    max_growth: float = field(
        default=MAX_GROWTH,
        metadata=option("most parameters of all adapters, as a share", Group.HOW, kind=float, is_rare=True),
    )
    prompt: str = field(
        default="", metadata=option("prompt template, that of the known classes by default", Group.HOW, is_rare=True)
    )
    settings: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "key=value instead of the file's; repeatable",
            Group.INPUT,
            flags=("--set",),
            metavar="KEY=VALUE",
            is_repeated=True,
        ),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "protect", Protection(self.protect))
        for name in ("data", "rehearse", "check"):
            if (place := getattr(self, name)) is not None:
                object.__setattr__(self, name, Path(place))
        if not [word for word in self.add if word.strip()]:
            raise UsageError("nothing to add", remedy='--add "vermiform appendix"')
        if self.data is None:
            raise UsageError("no data to learn from", remedy="--data FILE.toml, or a store or folder of cases")
        for name, low, high in (
            ("max_forgetting", 0.0, 1.0),
            ("min_confidence", 0.0, 1.0),
            ("distil_weight", 0.0, 1e6),
            ("max_growth", 0.0, 1e6),
        ):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} must lie between {low:g} and {high:g}, got {getattr(self, name)}")
