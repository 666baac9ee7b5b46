"""Zip files from anywhere, unpacked into a temporary folder; nothing they say of themselves is believed.

Bytes are counted while they are unpacked. Entries that would lie elsewhere, links, encrypted or damaged entries and
archives within the archive are refused. Only what may be part of an image is written: on a busy disk thousands of other
files would take minutes.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from omentum.errors import InputError, sources_shown_as
from omentum.formatting import counted
from omentum.home import private_folder
from omentum.io.archive.members import ZIP_MAGICS, Entry, Parts, image_members
from omentum.io.dicom.open import MAGIC, PREAMBLE

MAX_ENTRIES = 50_000
"""More than any study has."""
TINY_BYTES = PREAMBLE + len(MAGIC)
"""No image is smaller; of other files there are a few beside the images, or what a broken transfer left of these."""
MAX_TINY = 1000
MAX_RATIO = 200
"""No CT shrinks further than this; `SLACK_BYTES` is always allowed."""
SLACK_BYTES = 64 << 20
MAX_DEPTH = 32
"""Folders within folders."""

FREE_SHARE = 0.1
"""Of the free space, what is left to others."""

_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_IGNORED = ("__MACOSX",)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of these no more is inflated at once than is asked for; of bzip2 and LZMA, kilobytes would fill the memory."""
_AGAIN = "copy or download the file again"


def is_zip(path: Path) -> bool:
    """Whether a regular file starts as a zip file does; an empty one counts."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(4) in ZIP_MAGICS
    except OSError:
        return False


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with the content of a zip file; messages about what is in it name the zip file.

    Raises:
        InputError: It is damaged or encrypted, has entries that it must not have, would become too large, or holds no
            image.
    """
    with _room(path) as place, sources_shown_as(place, path):
        folder = Path(os.path.realpath(place))
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, folder, path)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as fault:
            raise InputError(f"is a damaged zip file: {_one_line(fault)}", source=path, remedy=_AGAIN) from fault
        except OSError as fault:
            raise InputError(f"cannot be unpacked: {fault.strerror or fault}", source=path) from fault
        yield place


@contextmanager
def _room(path: Path) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder("omentum-zip"))
        except OSError as fault:
            raise InputError(f"cannot be unpacked: {fault.strerror or fault}", source=path) from fault
        yield folder


def _unpack(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"holds {len(entries)} entries, the limit is {MAX_ENTRIES}", source=path)
    tiny = sum(entry.file_size < TINY_BYTES and not entry.is_dir() for entry in entries)
    if tiny > MAX_TINY:
        reason = f"holds {tiny} files of fewer than {TINY_BYTES} bytes, too small for an image; the limit is {MAX_TINY}"
        raise InputError(reason, source=path, remedy=_AGAIN)
    files = [(entry, parts) for entry in entries if not _is_ignored(parts := _parts(entry, path), entry)]
    _check_places(files, path)
    if not (members := image_members(archive, files)):
        raise without_image(len(files), path)
    left = min(SLACK_BYTES + MAX_RATIO * path.stat().st_size, int((1 - FREE_SHARE) * shutil.disk_usage(folder).free))
    for entry, parts in members:
        target = folder.joinpath(*parts)
        if os.path.commonpath([folder, os.path.realpath(target)]) != str(folder):
            raise _unsafe(entry, "lies outside of it", path)
        target.parent.mkdir(parents=True, exist_ok=True)
        left -= _write(archive, entry, target, left, path)


def _check_places(files: Sequence[Entry], path: Path) -> None:
    """Refuse two files at one place, also if they would not be unpacked."""
    folders: set[Parts] = set()
    taken: set[Parts] = set()
    for entry, parts in files:
        above = [parts[:depth] for depth in range(1, len(parts))]
        if parts in taken or parts in folders:
            raise _unsafe(entry, "is there twice", path)
        if not taken.isdisjoint(above):
            raise _unsafe(entry, "lies in a folder that is there as a file, too", path)
        taken.add(parts)
        folders.update(above)


def without_image(n_files: int, source: Path) -> InputError:
    """The refusal of files among which there is no CT."""
    return InputError(f"holds {counted(n_files, 'file')}, none of them an image, not one CT", source=source)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most_bytes: int, path: Path) -> int:
    """Unpack an entry; returns its bytes, counted."""
    written = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            if not written and chunk.startswith(ZIP_MAGICS):
                raise InputError(f"holds another zip file, {_shown(entry)}", source=path, remedy="unpack it first")
            written += len(chunk)
            if written > most_bytes:
                text = "unpacks to far more than a CT can, or to more than there is room for"
                raise InputError(text, source=path, remedy="unpack it yourself if you trust it")
            file.write(chunk)
    return written


def _parts(entry: zipfile.ZipInfo, path: Path) -> Parts:
    """Folders and name of an entry, after the checks that need no unpacking."""
    name = PurePosixPath(entry.filename)
    if "\\" in entry.filename or ":" in entry.filename.partition("/")[0]:
        raise _unsafe(entry, "has a name with a backslash or a drive", path)
    if name.is_absolute() or ".." in name.parts:
        raise _unsafe(entry, "lies outside of it", path)
    if len(name.parts) > MAX_DEPTH:
        raise _unsafe(entry, f"lies more than {MAX_DEPTH} folders deep", path)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe(entry, "is a link or a device", path)
    if entry.flag_bits & _ENCRYPTED:
        raise InputError("is encrypted", source=path, remedy="unpack it with its password first")
    if entry.compress_type not in _METHODS:
        reason = f"its entry {_shown(entry)} is compressed by another method than deflate"
        raise InputError(reason, source=path, remedy="unpack it, or zip it again by the usual method")
    return name.parts


def _is_ignored(parts: Parts, entry: zipfile.ZipInfo) -> bool:
    """Folders, which come with their files, and what macOS and file managers add."""
    return not parts or entry.is_dir() or parts[0] in _IGNORED or parts[-1].startswith(".")


def _unsafe(entry: zipfile.ZipInfo, why: str, path: Path) -> InputError:
    remedy = "do not trust it; a new one from the source may be sound"
    return InputError(f"its entry {_shown(entry)} {why}", source=path, remedy=remedy)


def _shown(entry: zipfile.ZipInfo) -> str:
    name = "".join(c if c.isprintable() else "?" for c in entry.filename)
    return repr(name if len(name) <= 80 else f"{name[:77]}...")


def _one_line(fault: BaseException) -> str:
    return " ".join(str(fault).split())
