"""Which entries of a zip file may be part of an image, by names and first bytes; nothing is written."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from pathlib import Path

from omentum.io.case_names import ZIP_SUFFIX, is_image_name
from omentum.io.dicom.naming.file_names import name_pattern
from omentum.io.dicom.open import HEAD, looks_like_dicom
from omentum.io.metaimage.data_file import HEADER_SUFFIX, MOST_HEADER_BYTES, named_data_file

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""How a zip file begins."""

Parts = tuple[str, ...]
Entry = tuple[zipfile.ZipInfo, Parts]
"""An entry, with the folders it lies in and its name."""


class _Kind(Enum):
    """What an entry is, by its name or its first bytes."""

    IMAGE = auto()
    """Named like an image file; or a zip file, which the caller refuses."""
    DICOM = auto()
    BLANK = auto()
    """Empty or zeros."""
    OTHER = auto()


def image_members(archive: zipfile.ZipFile, entries: Sequence[Entry]) -> list[Entry]:
    """Entries that may be part of an image, in their order; none if none of them is an image.

    These are images, the data files that headers of MetaImage name, and beside DICOM files also what is blank or called
    like these: it may be a slice that was damaged, which has to be refused and not to be missing.

    Args:
        archive: The zip file; its entries are stored or deflated.
        entries: Files in it.

    Raises:
        zipfile.BadZipFile, zlib.error, EOFError: An entry is damaged.
    """
    kinds = [_kind(archive, entry) for entry, _ in entries]
    series = {name_pattern(parts[-1]) for (_, parts), kind in zip(entries, kinds, strict=True) if kind is _Kind.DICOM}
    data_files = set(_data_files(archive, entries))

    def is_wanted(parts: Parts, kind: _Kind) -> bool:
        if kind is _Kind.BLANK and series:
            return True
        return kind in (_Kind.IMAGE, _Kind.DICOM) or name_pattern(parts[-1]) in series or parts in data_files

    return [entry for entry, kind in zip(entries, kinds, strict=True) if is_wanted(entry[1], kind)]


def _kind(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Kind:
    name = Path(entry.filename)
    if is_image_name(name) or name.suffix.lower() == ZIP_SUFFIX:
        return _Kind.IMAGE
    with archive.open(entry) as source:
        head = source.read(HEAD)
    if head.startswith(ZIP_MAGICS):
        return _Kind.IMAGE
    if looks_like_dicom(head):
        return _Kind.DICOM
    return _Kind.OTHER if any(head) else _Kind.BLANK


def _data_files(archive: zipfile.ZipFile, entries: Sequence[Entry]) -> Iterator[Parts]:
    for entry, (*folders, name) in entries:
        if name.lower().endswith(HEADER_SUFFIX):
            with archive.open(entry) as source:
                data_file = named_data_file(source.read(MOST_HEADER_BYTES))
            if data_file is not None:
                yield (*folders, data_file)
