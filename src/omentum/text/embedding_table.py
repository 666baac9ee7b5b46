"""Embeddings from a file instead of a language model: rows are looked up by structure.

Three kinds of files are read:

- a checkpoint of Omentum (`.safetensors`): its text embeddings, with their prompts;
- any other `.safetensors` file: one tensor [width] for each structure, by any of its names, or one tensor `embeddings`
  [K, width] with the metadata entry `keys` (JSON list of names). Optional metadata: `prompts` (JSON object, name to
  sentence) and `encoder`;
- a `.npy` file [K, width]: names are the lines of a text file beside it (TABLE.txt for TABLE.npy); without one, 32 rows
  are those of the published template.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import published_prompt
from omentum.anatomy.structure import Structure, normalise
from omentum.atomic import replacing_by_name
from omentum.errors import InputError
from omentum.model.checkpoint import DESCRIPTION, read_tensors, spec_of
from omentum.model.published import TEMPLATE_EMBEDDINGS_SHA256
from omentum.model.safetensors_file import Header, read_header
from omentum.model.state import TEXT
from omentum.text.named_encoders import CLIP

SUFFIXES = (".safetensors", ".npy")
KEYS, PROMPTS, ENCODER, ROWS = "keys", "prompts", "encoder", "embeddings"


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings by structure.

    Args:
        rows: Name of a structure, as in the file -> float32 [width].
        prompts: The same names -> sentence it was made from; may lack any.
        encoder: The language model, as far as known.
        source: The file.
    """

    rows: Mapping[str, Tensor]
    prompts: Mapping[str, str] = field(default_factory=dict)
    encoder: str = ""
    source: str = ""

    def names_of(self, structures: Iterable[Structure]) -> list[str]:
        """The names of these structures in the table.

        Raises:
            InputError: It lacks some, or has one under several names.
        """
        known: dict[str, list[str]] = {}
        for name in self.rows:
            known.setdefault(normalise(name), []).append(name)
        found = {
            row.key: list(dict.fromkeys(n for own in row.names for n in known.get(normalise(own), ())))
            for row in structures
        }
        if lacking := [key for key, names in found.items() if not names]:
            there = f"it has {', '.join(list(self.rows)[:40])}"
            reason = f"has no embedding of {', '.join(lacking)}"
            raise InputError(reason, source=self.source, remedy=f"{there}; or name a language model as text_encoder")
        if double := [(key, names) for key, names in found.items() if len(names) > 1]:
            key, names = double[0]
            raise InputError(f"has several embeddings of {key}: {', '.join(names)}", source=self.source)
        return [names[0] for names in found.values()]


def is_table(encoder: str) -> bool:
    """Whether a text encoder is the file of a table."""
    return Path(encoder).suffix in SUFFIXES and not Path(encoder).is_dir()


def read_table(path: str | Path) -> EmbeddingTable:
    """Read a table.

    Raises:
        InputError: It is missing, damaged, of another kind, or its names and rows do not fit.
        CheckpointError: Not a safetensors file, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such table of embeddings", source=path)
    table = _read_npy(path) if path.suffix == ".npy" else _read_safetensors(path)
    widths = {tuple(row.shape) for row in table.rows.values()}
    if not table.rows or len(widths) > 1 or len(next(iter(widths))) != 1 or widths == {(0,)}:
        raise InputError(f"rows of one length are needed, got the shapes {sorted(widths)[:3]}", source=path)
    if strange := [name for name, row in table.rows.items() if not torch.isfinite(row).all() or not row.any()]:
        raise InputError(f"the embedding of {strange[0]} is zero or not finite", source=path)
    return table


def save_table(path: Path, keys: Sequence[str], rows: Tensor, prompts: Sequence[str], encoder: str) -> None:
    """Write a table of embeddings [K, width] as safetensors.

    Raises:
        OutputError: It cannot be written.
    """
    metadata = {
        KEYS: json.dumps(list(keys)),
        PROMPTS: json.dumps(dict(zip(keys, prompts, strict=True)), ensure_ascii=False),
        ENCODER: encoder,
    }
    with replacing_by_name(path) as partial:
        save_file({ROWS: rows.float().contiguous()}, partial, metadata=metadata)


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a table."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> EmbeddingTable:
    header = read_header(path)
    tensors = read_tensors(path)
    if DESCRIPTION in header.metadata:
        spec = spec_of(header, path)
        rows = dict(zip(spec.class_keys, tensors[TEXT].float(), strict=False)) if TEXT in tensors else {}
        return EmbeddingTable(rows, {c.key: c.prompt for c in spec.classes}, spec.text_encoder, str(path))
    prompts, encoder = _metadata(header, PROMPTS, path) or {}, header.metadata.get(ENCODER, "")
    if ROWS in tensors:
        names = _metadata(header, KEYS, path)
        return EmbeddingTable(_named(tensors[ROWS], names, path), prompts, encoder, str(path))
    floating = {name: tensor.float() for name, tensor in tensors.items() if tensor.is_floating_point()}
    return EmbeddingTable(floating, prompts, encoder, str(path))


def _metadata(header: Header, name: str, path: Path) -> Any:
    """A metadata entry that is JSON of texts: the list of names, or sentences by name."""
    if name not in header.metadata:
        return None
    try:
        said: Any = json.loads(header.metadata[name])
    except ValueError:
        said = None
    kind = "object" if name == PROMPTS else "list"
    texts = list(said.values()) if isinstance(said, dict) else said
    fits = isinstance(said, dict if kind == "object" else list)
    if not fits or not all(isinstance(text, str) for text in texts):
        raise InputError(f"its metadata entry {name!r} is not a JSON {kind} of texts", source=path)
    return said


def _read_npy(path: Path) -> EmbeddingTable:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as fault:
        raise InputError(f"not a table of numbers: {fault}", source=path) from fault
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind != "f":
        what = f"{rows.dtype} {list(rows.shape)}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise InputError(f"a table is an array of floats [structures, width], got {what}", source=path)
    tensor = torch.from_numpy(rows.astype(np.float32))
    beside = path.with_suffix(".txt")
    if beside.is_file():
        try:
            names = [line.strip() for line in beside.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as fault:
            raise InputError(f"cannot be read: {fault}", source=beside) from fault
        return EmbeddingTable(_named(tensor, names, path), source=str(path))
    keys = STRUCTURES.default_keys
    if len(tensor) != len(keys):
        remedy = f"name the structures in {beside.name}, one a line"
        raise InputError(f"{len(tensor)} rows, and nothing says of which structures", source=path, remedy=remedy)
    published = hashlib.sha256(rows.astype("<f2").tobytes()).hexdigest() == TEMPLATE_EMBEDDINGS_SHA256
    prompts = {key: published_prompt(STRUCTURES[key]) for key in keys} if published else {}
    return EmbeddingTable(_named(tensor, list(keys), path), prompts, CLIP if published else "", str(path))


def _named(rows: Tensor, names: Sequence[str] | None, path: Path) -> dict[str, Tensor]:
    if names is None or len(names) != len(rows) or rows.ndim != 2:
        told = "no names" if names is None else f"{len(names)} names"
        raise InputError(f"{told} for a table of the shape {list(rows.shape)}", source=path)
    if len(set(names)) != len(names):
        raise InputError(f"names {next(n for n in names if names.count(n) > 1)} twice", source=path)
    return dict(zip(names, rows.float(), strict=True))
