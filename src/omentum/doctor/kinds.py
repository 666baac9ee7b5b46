"""What a file or folder is, by its content; headers only."""

from __future__ import annotations

import json
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from omentum.errors import OmentumError
from omentum.formatting import size
from omentum.io.dicom.open import HEAD, looks_like_dicom
from omentum.io.source import open_source
from omentum.result_files import MANIFEST
from omentum.schemas import PREFIX
from omentum.volume import Grid


class InputKind(StrEnum):
    """Kinds of files and folders."""

    NIFTI = "NIfTI image"
    DICOM = "DICOM"
    NRRD = "NRRD image"
    META_IMAGE = "MetaImage"
    SEGMENTATION = "segmentation"
    CASES = "folder of CTs"
    CHECKPOINT = "weights"
    RESULT = "result of omentum"
    STORE = "store of prepared cases"
    RUN = "training run"
    ARCHIVE = "archive"
    DOCUMENT = "JSON document of omentum"
    OTHER = "something else"


@dataclass(frozen=True)
class Identity:
    """What an input is.

    Args:
        kind: What it is.
        facts: What its header states, by label; nothing of a patient.
        reason: Why a header that should be there could not be read.
    """

    kind: InputKind
    facts: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


def identify(path: Path) -> Identity:
    """Say what a file or folder is; damaged headers do not raise."""
    try:
        if path.is_dir():
            return _folder(path)
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would block forever
            return Identity(InputKind.OTHER, reason=f"{path}: is no regular file")
        return _file(path)
    except OmentumError as fault:
        return Identity(InputKind.OTHER, reason=str(fault))
    except OSError as fault:
        return Identity(InputKind.OTHER, reason=f"{path}: {fault.strerror or fault}")
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as fault:
        return Identity(InputKind.OTHER, reason=f"{path}: is damaged ({type(fault).__name__})")


def _folder(path: Path) -> Identity:
    for name, kind in (("store.json", InputKind.STORE), ("run.json", InputKind.RUN), (MANIFEST, InputKind.RESULT)):
        if (path / name).is_file():
            return Identity(kind, _document(path / name))
    from omentum.io.detect import holds_dicom, image_files

    if holds_dicom(path):
        return Identity(InputKind.DICOM)
    files = image_files(path)
    return Identity(InputKind.CASES, {"image files": len(files)} if files else {})


def _file(path: Path) -> Identity:
    with path.open("rb") as file:
        start = file.read(HEAD)
    if looks_like_dicom(start):
        return Identity(InputKind.DICOM)
    for looks, describe in _KINDS:
        if looks(path, start):
            return describe(path)
    return Identity(InputKind.OTHER, {"size": size(path.stat().st_size)})


def _nifti(path: Path) -> Identity:
    from omentum.io.labels import has_label_table
    from omentum.io.nifti_header import read_layout

    with open_source(path) as source:
        layout = read_layout(source.read_up_to(_NIFTI_HEAD), path, source.most_bytes, assume_orientation="RAS")
        facts = {
            "grid": Grid(layout.shape, layout.geometry.affine).words,
            "volumes": layout.volumes,
            "stored as": layout.dtype.name,
            "compressed": source.compressed,
        }
    if has_label_table(path):
        return Identity(InputKind.SEGMENTATION, {"format": "NIfTI label map of omentum"} | facts)
    return Identity(InputKind.NIFTI, facts)


def _nrrd(path: Path) -> Identity:
    facts = _text_header(path, ("type", "dimension", "sizes", "encoding", "space", "spacings", "space directions"))
    if any(line.startswith(_SEGMENT) for line in _lines(path)):
        return Identity(InputKind.SEGMENTATION, {"format": ".seg.nrrd of 3D Slicer"} | facts)
    return Identity(InputKind.NRRD, facts)


def _meta_image(path: Path) -> Identity:
    return Identity(
        InputKind.META_IMAGE,
        _text_header(path, ("NDims", "DimSize", "ElementSpacing", "ElementType", "CompressedData")),
    )


def _checkpoint(path: Path) -> Identity:
    from omentum.model.checkpoint import read_spec

    try:
        spec = read_spec(path)
    except OmentumError as fault:
        return Identity(InputKind.CHECKPOINT, {"size": size(path.stat().st_size)}, str(fault))
    grid = " x ".join(f"{mm:g}" for mm in spec.preprocess.spacing_mm)
    facts = {
        "backbone": spec.model.backbone,
        "classes": len(spec.classes),
        "model grid": f"{grid} mm",
        "licence": spec.licence,
        "size": size(path.stat().st_size),
    }
    return Identity(InputKind.CHECKPOINT, facts)


def _zip(path: Path) -> Identity:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    facts = {"format": "zip", "entries": len(entries), "unpacked": size(sum(entry.file_size for entry in entries))}
    return Identity(InputKind.ARCHIVE, facts)


def _tar(path: Path) -> Identity:
    return Identity(InputKind.ARCHIVE, {"format": "tar", "size": size(path.stat().st_size)})


def _json(path: Path) -> Identity:
    return Identity(InputKind.DOCUMENT, _document(path))


def _document(path: Path) -> dict[str, Any]:
    """Schema and version of a JSON document."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return {}
    schema = content.get("schema") if isinstance(content, dict) else None
    return {"schema": schema, "version": content.get("schema_version")} if str(schema).startswith(PREFIX) else {}


def _text_header(path: Path, wanted: tuple[str, ...]) -> dict[str, str]:
    """Fields of an NRRD or MetaImage header; others may hold anything and are not shown."""
    fields = {}
    for line in _lines(path):
        name, _, value = line.partition(":" if ":" in line else "=")
        if name.strip() in wanted:
            fields[name.strip()] = value.strip()[:80]
    return fields


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        head = file.read(_TEXT_HEAD)
    for line in head.split(b"\n"):
        if not line.strip():
            return  # what follows is data
        yield line.decode("latin-1")


def _is_nifti(path: Path, start: bytes) -> bool:
    from omentum.io.nifti_header import header_class

    if not start:
        return False
    try:
        with open_source(path) as source:
            header_class(source.read_up_to(_NIFTI_HEAD), path)
    except OmentumError:
        return False
    return True


def _is_safetensors(path: Path, start: bytes) -> bool:
    length = int.from_bytes(start[:8], "little")
    return len(start) > 9 and start[8:9] == b"{" and length < path.stat().st_size


def _is_torch(path: Path, start: bytes) -> bool:
    if start.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    return start[:1] == b"\x80" and path.suffix in (".pt", ".pth", ".ckpt")


def _pickle(path: Path) -> Identity:
    reason = f"{path}: is a torch checkpoint, which is imported first (omentum weights import)"
    return Identity(InputKind.CHECKPOINT, {"format": "torch", "size": size(path.stat().st_size)}, reason)


_NIFTI_HEAD, _TEXT_HEAD = 544, 64 * 1024
_SEGMENT = "Segment0_"
_KINDS: tuple[tuple[Callable[[Path, bytes], bool], Callable[[Path], Identity]], ...] = (
    (lambda _, start: start.startswith(b"NRRD"), _nrrd),
    (lambda _, start: start.startswith((b"ObjectType", b"NDims")), _meta_image),
    (_is_safetensors, _checkpoint),
    (_is_torch, _pickle),
    (lambda path, start: start.startswith(b"PK") and zipfile.is_zipfile(path), _zip),
    (_is_nifti, _nifti),
    (lambda path, _: tarfile.is_tarfile(path), _tar),
    (lambda _, start: start.lstrip()[:1] == b"{", _json),
)
"""Whether a file that starts so is of a kind, and its description; the first that fits."""
