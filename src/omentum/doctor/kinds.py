"""What a file or folder is: what the reader of CTs takes it for, and what else Omentum knows; headers only."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from omentum.doctor.dicom_series import SeriesFacts, list_series
from omentum.errors import OmentumError, capture_warnings
from omentum.formatting import counted, size
from omentum.io.detect import Content, content_of, ct_in_zip, holds_dicom, image_files
from omentum.io.dicom.open import storage_class
from omentum.io.dicom.uids import STRUCTURE_SET
from omentum.io.dicom_masks.open_object import SEGMENTATIONS, open_object
from omentum.io.images import ImageFormat, format_of
from omentum.io.source import InputStream, open_source
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
    ZIP = "zip file"
    DOCUMENT = "JSON document of omentum"
    OTHER = "something else"


@dataclass(frozen=True)
class Identity:
    """What an input is.

    Args:
        kind: What it is.
        facts: What its header states, by label; nothing of a patient.
        series: CT series of a DICOM file or folder, also in a zip file.
        reason: Why a header that should be there could not be read.
    """

    kind: InputKind
    facts: dict[str, Any] = field(default_factory=dict)
    series: tuple[SeriesFacts, ...] = ()
    reason: str | None = None


def identify(path: Path) -> Identity:
    """Say what a file or folder is; damaged headers do not raise."""
    try:
        with capture_warnings(lambda _: None, propagate=False):  # reading the CT tells them again
            if path.is_dir():
                return _folder(path)
            if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would block forever
                return Identity(InputKind.OTHER, reason=f"{path}: is no regular file")
            return _file(path)
    except OmentumError as fault:
        return Identity(InputKind.OTHER, reason=str(fault))
    except OSError as fault:
        return Identity(InputKind.OTHER, reason=f"{path}: {fault.strerror or fault}")


def _folder(path: Path) -> Identity:
    for name, kind in (("store.json", InputKind.STORE), ("run.json", InputKind.RUN), (MANIFEST, InputKind.RESULT)):
        if (path / name).is_file():
            return Identity(kind, _document(path / name))
    if holds_dicom(path):
        return _dicom(path)
    files = image_files(path)
    return Identity(InputKind.CASES, {"image files": len(files)} if files else {})


def _file(path: Path) -> Identity:
    match content_of(path):
        case Content.ZIP:
            return _torch(path) if _is_torch(path) else _zip(path)
        case Content.DICOM:
            return _dicom_file(path)
        case Content.SEG_NRRD:
            named = {"format": ".seg.nrrd of 3D Slicer"}
            return Identity(InputKind.SEGMENTATION, named | _header(path, _nrrd_facts).facts)
        case _:
            return _other_file(path)


def _other_file(path: Path) -> Identity:
    """A file that is neither DICOM nor a zip file."""
    match format_of(path):
        case ImageFormat.NRRD:
            return _header(path, _nrrd_facts, InputKind.NRRD)
        case ImageFormat.METAIMAGE:
            return _header(path, _meta_image_facts, InputKind.META_IMAGE)
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if _is_safetensors(path, start):
        return _checkpoint(path)
    if _is_nifti(path):
        return _nifti(path)
    if start[:1] == b"\x80" and path.suffix in (".pt", ".pth", ".ckpt"):
        return _torch(path)
    if start.lstrip()[:1] == b"{":
        return Identity(InputKind.DOCUMENT, _document(path))
    return Identity(InputKind.OTHER, {"size": size(path.stat().st_size)})


def _dicom_file(path: Path) -> Identity:
    try:
        dataset = open_object(path, pixels=False)
    except OmentumError as fault:
        return Identity(InputKind.DICOM, reason=str(fault))
    kind = storage_class(dataset)
    if kind in SEGMENTATIONS:
        segments = counted(len(dataset.get("SegmentSequence") or ()), "segment")
        return Identity(InputKind.SEGMENTATION, {"format": "DICOM segmentation", "holds": segments})
    if kind == STRUCTURE_SET:
        regions = counted(len(dataset.get("StructureSetROISequence") or ()), "region")
        return Identity(InputKind.SEGMENTATION, {"format": "DICOM structure set (RTSTRUCT)", "holds": regions})
    return _dicom(path)


def _dicom(path: Path) -> Identity:
    try:
        contents = list_series(path)
    except OmentumError as fault:
        return Identity(InputKind.DICOM, reason=str(fault))
    others = ", ".join(f"{count} x {what}" for what, count in contents.others.items())
    return Identity(InputKind.DICOM, {"also": others} if others else {}, contents.series)


def _zip(path: Path) -> Identity:
    with ct_in_zip(path) as inner:
        found = identify(inner)
    return Identity(InputKind.ZIP, {"holds": str(found.kind)} | found.facts, found.series)


def _header(
    path: Path, read: Callable[[InputStream, Path], dict[str, Any]], kind: InputKind = InputKind.SEGMENTATION
) -> Identity:
    """An image file by its header; also where that is damaged, which reading the CT tells."""
    try:
        with open_source(path) as source:
            return Identity(kind, read(source, path))
    except OmentumError as fault:
        return Identity(kind, reason=str(fault))


def _nifti(path: Path) -> Identity:
    from omentum.io.labels import has_label_table

    found = _header(path, _nifti_facts, InputKind.NIFTI)
    if found.reason is None and has_label_table(path):
        return Identity(InputKind.SEGMENTATION, {"format": "NIfTI label map of omentum"} | found.facts)
    return found


def _nifti_facts(source: InputStream, path: Path) -> dict[str, Any]:
    from omentum.io.nifti_header import read_layout

    layout = read_layout(source.read_up_to(_NIFTI_HEAD), path, source.most_bytes)
    return _facts(Grid(layout.shape, layout.geometry.affine), layout.volumes, layout.dtype, source.compressed)


def _nrrd_facts(source: InputStream, path: Path) -> dict[str, Any]:
    from omentum.io.nrrd.header import read_nrrd_layout

    layout = read_nrrd_layout(source, path)
    return _facts(layout.grid, layout.layers, layout.dtype, layout.compressed)


def _meta_image_facts(source: InputStream, path: Path) -> dict[str, Any]:
    from omentum.io.metaimage.header import read_metaimage_layout

    layout = read_metaimage_layout(source, path)
    return _facts(layout.grid, layout.volumes, layout.dtype, layout.compressed)


def _facts(grid: Grid, volumes: int, dtype: np.dtype[Any], compressed: bool) -> dict[str, Any]:
    return {"grid": grid.words, "volumes": volumes, "stored as": dtype.name, "compressed": compressed}


def _checkpoint(path: Path) -> Identity:
    from omentum.model.checkpoint import read_spec

    try:
        spec = read_spec(path)
    except OmentumError as fault:
        return Identity(InputKind.CHECKPOINT, {"size": size(path.stat().st_size)}, reason=str(fault))
    grid = " x ".join(f"{mm:g}" for mm in spec.preprocess.spacing_mm)
    facts = {
        "backbone": spec.model.backbone,
        "classes": len(spec.classes),
        "model grid": f"{grid} mm",
        "licence": spec.licence,
        "size": size(path.stat().st_size),
    }
    return Identity(InputKind.CHECKPOINT, facts)


def _document(path: Path) -> dict[str, Any]:
    """Schema and version of a JSON document."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return {}
    schema = content.get("schema") if isinstance(content, dict) else None
    return {"schema": schema, "version": content.get("schema_version")} if str(schema).startswith(PREFIX) else {}


def _is_nifti(path: Path) -> bool:
    from omentum.io.nifti_header import header_class

    try:
        with open_source(path) as source:
            header_class(source.read_up_to(_NIFTI_HEAD), path)
    except OmentumError:
        return False
    return True


def _is_safetensors(path: Path, start: bytes) -> bool:
    length = int.from_bytes(start[:8], "little")
    return len(start) > 9 and start[8:9] == b"{" and length < path.stat().st_size


def _is_torch(path: Path) -> bool:
    """Whether a zip file is a checkpoint of torch."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return False


def _torch(path: Path) -> Identity:
    reason = f"{path}: is a torch checkpoint, which is imported first (omentum weights import)"
    return Identity(InputKind.CHECKPOINT, {"format": "torch", "size": size(path.stat().st_size)}, reason=reason)


_NIFTI_HEAD, _HEAD_BYTES = 544, 256
