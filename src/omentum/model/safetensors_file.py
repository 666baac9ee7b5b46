"""A safetensors file judged before it is read: what it really is, and whether its header can be true."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.errors import CheckpointError

MAX_HEADER_BYTES = 16 * 2**20
MAX_ENTRIES = 20_000
MAX_FILE_BYTES = 16 * 2**30
"""Caps far above any real network (Swin UNETR: 170 entries, 0.25 GB) and far below what would hurt the machine."""

IMPORT_REMEDY = "if it is a published Universal Model, run `omentum weights import FILE -o model.safetensors`"

HOSTILE = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""First bytes of zip archives (PyTorch files) and of Python pickles."""

SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    *((s, "not a safe checkpoint: a PyTorch file or pickle may run code when opened", IMPORT_REMEDY) for s in HOSTILE),
    (b"version https://git-lfs", "a Git LFS pointer instead of the weights", "run `git lfs pull`"),
    (b"<!doctype html", "a web page instead of the weights", "download the file itself, not the page about it"),
    (b"<html", "a web page instead of the weights", "download the file itself, not the page about it"),
    (b"\x1f\x8b", "gzip-compressed", "unpack it first"),
)
"""First bytes of what is often given instead of a checkpoint; what to say about it. Text in lower case."""

ITEM_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8, "BOOL": 8}
"""Types a checkpoint of ours may hold."""


@dataclass(frozen=True)
class Header:
    """The parsed header of a file.

    Args:
        metadata: Free text entries.
        shapes: Tensor name -> shape.
        dtypes: Tensor name -> safetensors type name.
    """

    metadata: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The checked header; nothing of the tensors is read, nothing is allocated that the file does not fill.

    Raises:
        CheckpointError: not a safetensors file, truncated, or a header that cannot be true.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(64)
            refuse_disguise(start, path)
            length = int.from_bytes(start[:8], "little")
            _check_sizes(length, size, path)
            file.seek(8)
            text = file.read(length)
    except OSError as fault:
        raise CheckpointError(f"cannot be read: {fault.strerror or fault}", source=path) from fault
    return _parse(text, data_bytes=size - 8 - length, path=path)


def refuse_disguise(start: bytes, path: Path) -> None:
    """Raise a CheckpointError if the first bytes belong to something else.

    The length field of a true file (8 bytes, little-endian, below 16 MiB) ends in four zeros and is no text.
    """
    if not start.strip(b"\0"):
        raise CheckpointError("damaged or incomplete: the file is empty or all zeros", source=path)
    for signature, reason, remedy in SIGNATURES:
        if starts_with(start, signature):
            raise CheckpointError(reason, source=path, remedy=remedy)


def starts_with(start: bytes, signature: bytes) -> bool:
    """Whether a file that begins so has this signature; a safetensors header of 640 bytes begins like a pickle."""
    if signature.isascii() and signature[:1] in b"v<":
        return start.lstrip().lower().startswith(signature)
    return start.startswith(signature) and start[4:9] != bytes(4) + b"{"


def _check_sizes(header: int, size: int, path: Path) -> None:
    if size > MAX_FILE_BYTES:
        raise CheckpointError(f"{size} bytes are more than any checkpoint has", source=path)
    if header > MAX_HEADER_BYTES:
        raise CheckpointError("not a safetensors checkpoint, or damaged (impossible header length)", source=path)
    if 8 + header > size:
        raise CheckpointError(f"damaged or incomplete: expected more than {8 + header} bytes, got {size}", source=path)


def _parse(text: bytes, *, data_bytes: int, path: Path) -> Header:
    try:
        raw = json.loads(text, object_pairs_hook=_without_duplicates)
        metadata = raw.pop("__metadata__", {})
        if len(raw) > MAX_ENTRIES:
            raise ValueError(f"{len(raw)} tensors are more than any checkpoint has")
        spans = sorted(_checked_span(name, entry) for name, entry in raw.items())
        if not all(isinstance(value, str) for value in metadata.values()):
            raise TypeError("metadata that is not text")
        shapes = {name: tuple(entry["shape"]) for name, entry in raw.items()}
        dtypes = {name: entry["dtype"] for name, entry in raw.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise CheckpointError(f"not a safetensors checkpoint, or damaged: {fault}", source=path) from fault
    _check_spans(spans, data_bytes, path)
    return Header(metadata, shapes, dtypes)


def _checked_span(name: str, entry: Mapping[str, Any]) -> tuple[int, int, str]:
    begin, end = entry["data_offsets"]
    shape = entry["shape"]
    if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)):
        raise ValueError(f"impossible shape or place of tensor {name!r}")
    if entry["dtype"] not in ITEM_BITS:
        raise ValueError(f"tensor {name!r} has the type {entry['dtype']!r}")
    if math.prod(shape) * ITEM_BITS[entry["dtype"]] != 8 * (end - begin):
        raise ValueError(f"tensor {name!r} of shape {shape} does not take {end - begin} bytes")
    return begin, end, name


def _check_spans(spans: list[tuple[int, int, str]], data_bytes: int, path: Path) -> None:
    """Tensors must fill the file without holes or overlaps."""
    position = 0
    for begin, end, name in spans:
        if begin != position:
            raise CheckpointError(f"damaged: tensor {name!r} overlaps another or leaves a hole", source=path)
        position = end
    if position != data_bytes:
        raise CheckpointError(
            f"damaged or incomplete: expected {position} bytes of weights, got {data_bytes}", source=path
        )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in the header")
    return found
