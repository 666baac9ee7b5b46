"""The files that an evaluation is written to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omentum.evaluate.evaluation import Evaluation


@dataclass(frozen=True)
class EvaluationFiles:
    """Where an evaluation is written; None for what is not wanted.

    Args:
        json: All scores.
        csv: One line a case and structure.
        html: A page with tables, box plots and the worst cases.
        operating_points: CSV, one line a lesion type and rate of false positives: the threshold for it.
    """

    json: Path | None = None
    csv: Path | None = None
    html: Path | None = None
    operating_points: Path | None = None

    def check(self, lists: Sequence[Path], inputs: Sequence[Path]) -> None:
        """Refuse what cannot be written, or would replace what is read, before hours of work are spent.

        Args:
            lists: Files that the options name.
            inputs: Predictions and references: files, or folders of them.

        Raises:
            OutputError: with the reason.
            UsageError: one file is asked for twice.
        """
        from omentum.evaluate.pairing import read_in
        from omentum.output_checks import check_distinct, check_output

        read = [read_in(path) for path in inputs]
        files = [*lists, *(file for files, _ in read for file in files)]
        within = [folder for _, folders in read for folder in folders]
        wanted = [path for path in (self.json, self.csv, self.html, self.operating_points) if path]
        for path in wanted:
            check_output(path, inputs=files, within=within, overwrite=True)
        check_distinct(wanted)

    def write(self, result: Evaluation) -> None:
        """Write them, each as a whole or not at all.

        Raises:
            OutputError: one cannot be written.
        """
        from omentum.atomic import write_json
        from omentum.evaluate import files

        if self.json:
            write_json(self.json, result.to_json())
        if self.csv:
            files.write_csv(self.csv, result.evaluated.scores)
        if self.operating_points:
            files.write_operating_points(self.operating_points, result.summary.curves)
        if self.html:
            from omentum.evaluate.page import write_page

            write_page(self.html, result)
