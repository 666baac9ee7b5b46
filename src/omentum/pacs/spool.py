"""Received images on disk until they are segmented: one private folder for each series, limited in total.

    incoming/<series>/      images that have come so far
    working/<series>/       the series that is being segmented
    failed/<series>/        series that could not be segmented; removed, oldest first, when room is needed

Names are ours: neither UIDs nor names of a sender become part of a path. An image appears complete or not at all. After
a crash, what was incoming or being worked on is taken up again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.errors import OutputError
from omentum.io.dicom.damage import damage_errors
from omentum.io.dicom.open import open_dicom
from omentum.pacs.uids import is_uid, name_of_series
from omentum.temporary_names import remove, remove_unfinished, unfinished

INCOMING, WORKING, FAILED = "incoming", "working", "failed"
SENDER = ".sender.json"
WHOLE = ".whole"
"""There is such a file if the sender has ended its transfer, or the series was taken for complete."""
FAULT = ".fault.txt"
"""Beside the images of a series; files with a dot are no slices."""


class NoRoomError(OutputError):
    """The spool has reached its quota, or the disk is full."""


class NotAnImageError(ValueError):
    """What was received is not what its sender says."""


@dataclass(frozen=True)
class SpooledSeries:
    """A series in the spool.

    Args:
        name: Name of its folder, derived from a hash.
        sender: AE title of its sender.
    """

    name: str
    sender: str


class Spool:
    """The folders; safe for several threads, and of one process at a time.

    Args:
        folder: Created if missing; only this user can read it.
        quota_bytes: Most bytes of all images in it.

    Raises:
        OutputError: it cannot be created, or another process uses it.
    """

    def __init__(self, folder: Path, quota_bytes: int) -> None:
        self._folder, self._quota, self._lock = folder, quota_bytes, threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in (INCOMING, WORKING, FAILED):
                (folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as fault:
            raise OutputError(f"cannot be written: {fault.strerror or fault}", source=folder) from fault
        if hasattr(os, "getuid") and (folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077):
            raise OutputError("can be read by others", source=folder, remedy="chmod 700, or another --spool")
        self._lock_file = _locked(folder)
        remove_unfinished(folder)
        for left in (folder / WORKING).iterdir():
            self._merge(left, folder / INCOMING / left.name)
        self._used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def close(self) -> None:
        """Let other processes use it."""
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def left_over(self) -> list[SpooledSeries]:
        """Series of an earlier run that were not finished."""
        return [SpooledSeries(path.name, _sender(path)) for path in sorted((self._folder / INCOMING).iterdir())]

    def is_whole(self, series: SpooledSeries) -> bool:
        """Whether its sender had sent all of a series that was left over."""
        return (self._folder / INCOMING / series.name / WHOLE).exists()

    def mark_whole(self, series: SpooledSeries) -> None:
        """Keep in mind that the sender of a series has ended its transfer."""
        with self._lock, suppress(OSError):  # it may be worked on already
            (self._folder / INCOMING / series.name / WHOLE).touch(mode=0o600)

    def add(self, content: bytes, sop_instance: str, sender: str) -> SpooledSeries:
        """Keep one received image.

        Args:
            content: A DICOM file.
            sop_instance: Its SOP instance UID, as the sender says.
            sender: AE title.

        Raises:
            NotAnImageError: it has no valid UIDs, or others than its sender says.
            NoRoomError: there is no room for it.
        """
        with self._lock:
            self._make_room(len(content))
            self._used += len(content)
        new = unfinished(self._folder / "image")
        try:
            series = SpooledSeries(_series_of(new, content, sop_instance, sender), sender)
            with self._lock:
                self._place(new, series, hashlib.sha256(sop_instance.encode()).hexdigest()[:32])
        except OSError as fault:
            raise NoRoomError(f"cannot be written: {fault.strerror or fault}", source=self._folder) from fault
        finally:
            with self._lock:
                self._used -= len(content)
            remove(new)
        return series

    def take(self, series: SpooledSeries) -> Path:
        """Move a complete series to where it is worked on; images that come later start another one."""
        self.mark_whole(series)
        with self._lock:
            place = self._folder / WORKING / series.name
            (self._folder / INCOMING / series.name).rename(place)
            return place

    def done(self, folder: Path) -> None:
        """Delete a series that is finished."""
        with self._lock:
            self._used -= _bytes_in(folder)
            remove(folder)

    def fail(self, folder: Path, why: str = "") -> None:
        """Set a series aside that could not be segmented, with the reason in a file."""
        with self._lock:
            with suppress(OSError):
                self._used += (folder / FAULT).write_text(why, encoding="utf-8")
            place = self._folder / FAILED / folder.name
            self._used -= _bytes_in(place)
            remove(place)
            folder.rename(place)

    def put_back(self, folder: Path) -> None:
        """Return a series that was not finished."""
        with self._lock:
            self._merge(folder, self._folder / INCOMING / folder.name)

    def _make_room(self, n_bytes: int) -> None:
        old = sorted((self._folder / FAILED).iterdir(), key=lambda path: path.stat().st_mtime)
        while self._used + n_bytes > self._quota and old:
            self._used -= _bytes_in(old[0])
            remove(old.pop(0))
        if self._used + n_bytes > self._quota:
            raise NoRoomError(f"its quota of {self._quota} bytes is reached", source=self._folder)
        if shutil.disk_usage(self._folder).free < n_bytes:
            raise NoRoomError("no space left on the disk", source=self._folder)

    def _place(self, new: Path, series: SpooledSeries, name: str) -> None:
        folder = self._folder / INCOMING / series.name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            sender = unfinished(self._folder / "sender")
            sender.write_text(json.dumps(series.sender), encoding="ascii")
            sender.replace(folder / SENDER)
            self._used += (folder / SENDER).stat().st_size
        (folder / WHOLE).unlink(missing_ok=True)
        place = folder / f"{name}.dcm"
        before = place.stat().st_size if place.exists() else 0
        self._used += new.stat().st_size - before
        new.replace(place)

    def _merge(self, folder: Path, into: Path) -> None:
        if not into.exists():
            folder.rename(into)
            return
        for path in folder.iterdir():
            path.replace(into / path.name)
        folder.rmdir()


def _series_of(new: Path, content: bytes, sop_instance: str, sender: str) -> str:
    """Write an image under a temporary name and read what series it is of."""
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    try:
        header: Any = open_dicom(new, pixels=False, tags=["SeriesInstanceUID", "SOPInstanceUID"])
        series, stated = (str(header.get(name) or "") for name in ("SeriesInstanceUID", "SOPInstanceUID"))
    except OSError:
        raise
    except damage_errors() as fault:
        raise NotAnImageError("cannot be read") from fault
    if not (is_uid(series) and is_uid(stated)) or stated != sop_instance:
        raise NotAnImageError("has no valid UIDs, or others than announced")
    return name_of_series(f"{series} from {sender}")


def _locked(folder: Path) -> int | None:
    """Lock a folder for this process; None where the system or file system cannot."""
    try:
        import fcntl
    except ImportError:
        return None
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        os.close(file)
        raise OutputError("is used by another process", source=folder, remedy="another --spool") from fault
    except OSError:  # some network file systems
        os.close(file)
        return None
    return file


def _sender(folder: Path) -> str:
    """AE title; "" if it is not known."""
    with suppress(OSError, ValueError):
        return str(json.loads((folder / SENDER).read_text(encoding="ascii")))
    return ""


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
