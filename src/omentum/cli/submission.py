"""`--submission`: label maps alone in one folder, each named as its CT: the form in which challenges take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import OutputError, UsageError
from omentum.io.outputs import check_output

if TYPE_CHECKING:
    from omentum.pipeline import Job, Outcome


@dataclass(frozen=True)
class Submission:
    """A folder that gets a copy of every label map.

    Args:
        folder: Holds nothing else that is ours.
        results: Where the cases go.
        overwrite: Whether a file that is there already may be replaced although its case is yet to be segmented.
    """

    folder: Path
    results: Path
    overwrite: bool

    def check(self, jobs: Iterable[Job]) -> None:
        """Refuse before anything is computed what could not be written, or would hide a CT.

        Raises:
            UsageError: the folder is that of the results, or two CTs have files of the same name.
            OutputError: a file is in the way, or the folder cannot be written.
        """
        from omentum.pipeline import is_earlier, is_single_file

        if is_single_file(self.results):
            raise UsageError("is one file already", source=self.results, remedy="give a folder with -o")
        if self.folder.resolve() == self.results.resolve():
            raise UsageError("is the folder of the results, too", source=self.folder, remedy="give it a folder alone")
        taken: dict[Path, Path] = {}
        for job in jobs:
            other = taken.setdefault(self._place(job), job.source)
            if other is not job.source:
                raise UsageError(f"has the same file name as {other}", source=job.source, remedy="rename one of them")
            again = self.overwrite or is_earlier(job.target)
            check_output(self._place(job), inputs=[job.source], overwrite=again)

    def add(self, outcomes: Sequence[Outcome]) -> int:
        """Copy the label maps of all cases that are done.

        Returns:
            How many there are.

        Raises:
            OutputError: a file cannot be written.
        """
        from omentum.io.nifti import copy_nifti
        from omentum.pipeline import LABEL_MAP

        done = [outcome.job for outcome in outcomes if outcome.error is None]
        for job in done:
            label_map = job.target / LABEL_MAP
            if not label_map.is_file():
                raise OutputError("its label map is gone", source=job.target, remedy="run again with --overwrite")
            copy_nifti(label_map, self._place(job))
        return len(done)

    def _place(self, job: Job) -> Path:
        """Named as the CT's own file; a folder of DICOM is no file."""
        is_nifti = job.source.name.lower().endswith((".nii", ".nii.gz")) and not job.source.is_dir()
        return self.folder / (job.source.name if is_nifti else f"{job.case}.nii.gz")
