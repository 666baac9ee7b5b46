"""Part of a split, or all its folds together, and the predictions of its cases."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import InputError
from omentum.evaluate.pairing import IdOf, PairedCases, prediction_of
from omentum.formatting import listed

if TYPE_CHECKING:
    from omentum.data.splits.split import Split


@dataclass(frozen=True)
class SplitPart:
    """Part selected by `--split` and `--part`.

    Args:
        path: Split file of `omentum data split`.
        part: Name of the part; "folds" for all folds together.
        same: See `omentum.evaluate.pairing.find_pairs`.
    """

    path: Path
    part: str
    same: IdOf = str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the cases in the part.

        Raises:
            InputError: the split cannot be read.
            UsageError: the split has no such part.
        """
        return self._split.names(self.part)

    def prediction_of(self, name: str, folder: Path) -> Path | None:
        """Prediction of a case: in `folder/<part>/` if that folder exists, otherwise in `folder`.

        This way the predictions of all folds are evaluated together, each case by the model not trained on it.
        """
        own = folder / self._split.part_of[name]
        return prediction_of(name, own if own.is_dir() else folder, self.same)

    def folders(self, folder: Path) -> list[Path]:
        """Folders that contain predictions."""
        parts = {self._split.part_of[name] for name in self.names}
        return [own for part in sorted(parts) if (own := folder / part).is_dir()] or [folder]

    def of(self, found: PairedCases, pred: Path) -> PairedCases:
        """Restrict cases to the part, with their predictions.

        Raises:
            InputError: no case has a prediction.
        """
        wanted: Collection[str] = frozenset(self.names)
        pairs = [replace(p, prediction=self.prediction_of(p.name, pred)) for p in found.pairs if p.name in wanted]
        if not any(pair.prediction for pair in pairs):
            raise InputError(f"holds no case of the part {self.part!r}", source=pred)
        absent = [name for name in self.names if name not in found.known]
        remarks = (f"the reference holds no case {listed(absent, quoted=True)} of the split",) if absent else ()
        return replace(found, pairs=pairs, remarks=(*found.remarks, *remarks))

    @cached_property
    def _split(self) -> Split:
        from omentum.data.splits.split import Split

        return Split.read(self.path)
