"""The state folder: what lies where. Only this user can read it, and one service at a time uses it.

    service.sqlite            uploads, jobs
    uploads/<id>/<name>       received files
    jobs/<id>/attempt-<n>/    results
    jobs/<id>/ct.nii.gz       the CT as it was read, for viewing
    jobs/<id>/corrections/    corrected masks, and corrections.json: who made them

The names of folders are ours; those of files are checked (`check_file_name`).
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from omentum.errors import OutputError
from omentum.serve.faults import ServiceError
from omentum.temporary_names import remove, remove_unfinished

DATABASE, UPLOADS, JOBS, LOCK = "service.sqlite", "uploads", "jobs", "service.lock"
CT, CORRECTIONS, RECORDS = "ct.nii.gz", "corrections", "corrections.json"
LONGEST_NAME = 180
"""Bytes of a file name."""


@dataclass(frozen=True)
class StateFolder:
    """Paths in the state folder."""

    root: Path

    def upload(self, upload: str) -> Path:
        """Folder of the files of an upload."""
        return self.root / UPLOADS / upload

    def job(self, job: str) -> Path:
        """Folder of all that a job wrote."""
        return self.root / JOBS / job

    def results(self, job: str, attempt: int) -> Path:
        """Folder of the results of a job; an interrupted attempt leaves nothing in that of the next."""
        return self.job(job) / f"attempt-{attempt}"

    def ct(self, job: str) -> Path:
        """The CT of a job."""
        return self.job(job) / CT

    def corrections(self, job: str) -> Path:
        """Folder of the corrections of a job."""
        return self.job(job) / CORRECTIONS

    def is_corrected(self, job: str) -> bool:
        """Whether a job has corrections."""
        return (self.corrections(job) / RECORDS).is_file()

    def correction(self, job: str, version: int) -> Path | None:
        """The mask of a correction; None if there is none."""
        return next(self.corrections(job).glob(correction_name(version, "*")), None)

    def open(self) -> FileLock:
        """Create the folder where needed and lock it.

        Raises:
            OutputError: it cannot be written, others can read it, or another service uses it.
        """
        try:
            for folder in (self.root, self.root / UPLOADS, self.root / JOBS):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            raise OutputError(f"cannot be written: {fault.strerror or fault}", source=self.root) from fault
        if hasattr(os, "getuid") and (self.root.stat().st_uid != os.getuid() or self.root.stat().st_mode & 0o077):
            raise OutputError("can be read by others", source=self.root, remedy="chmod 700, or another --state")
        lock = FileLock(self.root / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout as fault:
            raise OutputError("is used by another service", source=self.root, remedy="another --state") from fault
        except OSError as fault:  # a folder that is there but read-only
            raise OutputError(f"cannot be written: {fault.strerror or fault}", source=self.root) from fault
        return lock

    def remove_strangers(self, uploads: Collection[str], jobs: Collection[str]) -> None:
        """Remove folders that the database does not know, and unfinished files: left by a killed service."""
        for folder, known in ((self.root / UPLOADS, uploads), (self.root / JOBS, jobs)):
            for path in folder.iterdir():
                if path.name in known:
                    remove_unfinished(path)
                else:
                    remove(path)


def correction_name(version: int, structure: str) -> str:
    """Name of the mask of a correction of a job."""
    return f"{version:04d}_{structure}.nii.gz"


def bytes_in(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 for what is not there."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def files_in(folder: Path) -> dict[str, Path]:
    """Files in a folder and its subfolders by their relative names, sorted."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: found[name] for name in sorted(found) if not Path(name).name.startswith(".")}


def check_file_name(name: str) -> str:
    """A name that cannot lead out of its folder, on any system.

    Raises:
        ServiceError: it could.
    """
    stem = name.partition(".")[0].rstrip().upper()
    is_device = stem in {"CON", "PRN", "AUX", "NUL"} or (stem[:3] in {"COM", "LPT"} and stem[3:].isdigit())
    is_odd = not name.isprintable() or name.strip() != name or name.startswith(".") or name.endswith(".")
    if not name or is_device or is_odd or set(name) & set('/\\:*?"<>|') or not _fits(name):
        reason = f"a file name has up to {LONGEST_NAME} bytes, no slashes, and does not begin with a dot"
        raise ServiceError(400, "bad_name", reason, remedy="number the files: 0001.dcm, 0002.dcm, ...")
    return name


def _fits(name: str) -> bool:
    try:
        return len(name.encode("utf-8")) <= LONGEST_NAME
    except UnicodeEncodeError:  # lone surrogates
        return False
