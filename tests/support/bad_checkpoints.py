"""Files that are no checkpoints, or checkpoints that lie."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from omentum.model.safetensors_file import MAX_ENTRIES, read_header
from omentum.model.state import state_sha256

DISGUISES = {
    "torch file": (b"PK\x03\x04" + bytes(100), "not a safe checkpoint.*omentum weights import"),
    "pickle": (pickle.dumps({"a": 1}, protocol=2), "not a safe checkpoint"),
    "new pickle": (pickle.dumps({"a": 1}, protocol=5), "not a safe checkpoint"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "git lfs pull"),
    "web page": (b"\n<!DOCTYPE html><html><body>sign in</body></html>", "web page"),
    "gzip": (b"\x1f\x8b\x08" + bytes(range(1, 60)), "gzip"),
    "empty": (b"", "empty or all zeros"),
    "zeros": (bytes(4096), "empty or all zeros"),
    "text": (b"these are not the weights you are looking for", "impossible header length"),
    "stub": (b"\x10\x00", "damaged or incomplete"),
}
"""Kind -> content, and what is said of it."""


def with_header(path: Path, header: object, data: bytes = b"") -> Path:
    """A safetensors file with any header: JSON values, or text as it is."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(shape: Any = (1,), begin: int = 0, end: int = 4, dtype: str = "F32") -> dict[str, Any]:
    """A tensor in a header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


BOMBS: dict[str, tuple[Any, str]] = {
    "length": (struct.pack("<Q", 2**62) + b"{}", "impossible header length"),
    "nesting": (b"[" * 10**6, "not a safetensors checkpoint"),
    "entries": ({f"t{n}": entry(begin=4 * n, end=4 * n + 4) for n in range(MAX_ENTRIES + 1)}, "more than any"),
    "shape overflow": ({"a": entry((2**62, 2**62))}, "does not take 4 bytes"),
    "too short": ({"a": entry(), "b": entry((3,), begin=4, end=12)}, r"of shape \[3\] does not take 8 bytes"),
    "negative": ({"a": entry((-1, -1))}, "impossible shape"),
    "true as a size": ({"a": entry((True,))}, "impossible shape"),
    "overlap": ({"a": entry(), "b": entry(begin=2, end=6)}, "overlaps"),
    "hole": ({"a": entry(), "b": entry(begin=8, end=12)}, "hole"),
    "more than the file": ({"a": entry((2**30,), end=2**32)}, "damaged or incomplete: expected 4294967296 bytes"),
    "twice": (b'{"a": %s, "a": %s}' % ((json.dumps(entry()).encode(),) * 2), "twice"),
    "strange type": ({"a": entry(dtype="F4")}, "'F4'"),
    "list": ([1, 2], "not a safetensors checkpoint"),
    "metadata": ({"__metadata__": {"omentum": 3}}, "not text"),
}
"""Kind -> header, and what is said of it."""


def bomb_file(path: Path, kind: str) -> Path:
    """The file of a bomb."""
    header, _ = BOMBS[kind]
    if kind == "length":
        path.write_bytes(header)
        return path
    return with_header(path, header, bytes(4))


def rewritten(path: Path, change, metadata=None) -> Path:
    """The checkpoint with its tensors changed and, so that only that is wrong, a checksum that fits."""
    state = load_file(path)
    change(state)
    stored = {**read_header(path).metadata, **(metadata or {}), "tensors_sha256": state_sha256(state)}
    save_file(state, path, metadata=stored)
    return path
