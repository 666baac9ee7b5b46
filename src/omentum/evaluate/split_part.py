"""One part of a split, or all its folds together, and where the predictions of its cases lie."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import InputError
from omentum.evaluate.pairing import IdOf, PairedCases, listed, prediction_of

if TYPE_CHECKING:
    from omentum.data.splits.split import Split


@dataclass(frozen=True)
class SplitPart:
    """What `--split` and `--part` say.

    Args:
        path: File of `omentum data split`.
        part: Its name; "folds" for all folds together.
        same: See `omentum.evaluate.pairing.find_pairs`.
    """

    path: Path
    part: str
    same: IdOf = str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of its cases.

        Raises:
            InputError: the split cannot be read.
            UsageError: it has no such part.
        """
        return self._split.names(self.part)

    def prediction_of(self, name: str, folder: Path) -> Path | None:
        """The prediction of a case: in `folder/<its part>/`, where there is such a folder, else in `folder`.

        So the predictions of all folds are evaluated together, each case by the model that did not see it.
        """
        own = folder / self._split.part_of[name]
        return prediction_of(name, own if own.is_dir() else folder, self.same)

    def folders(self, folder: Path) -> list[Path]:
        """Where predictions lie."""
        parts = {self._split.part_of[name] for name in self.names}
        return [own for part in sorted(parts) if (own := folder / part).is_dir()] or [folder]

    def of(self, found: PairedCases, pred: Path) -> PairedCases:
        """Only its cases, with their predictions.

        Raises:
            InputError: none of them has a prediction.
        """
        wanted: Collection[str] = frozenset(self.names)
        pairs = [replace(p, prediction=self.prediction_of(p.name, pred)) for p in found.pairs if p.name in wanted]
        if not any(pair.prediction for pair in pairs):
            raise InputError(f"holds no case of the part {self.part!r}", source=pred)
        absent = [name for name in self.names if name not in found.known]
        remarks = (f"the reference holds no case {listed(absent)} of the split",) if absent else ()
        return replace(found, pairs=pairs, remarks=(*found.remarks, *remarks))

    @cached_property
    def _split(self) -> Split:
        from omentum.data.splits.split import Split

        return Split.read(self.path)
