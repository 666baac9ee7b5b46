"""What a language model said about a prompt, kept on this machine: one small file each, below the home folder.

The name of a file depends on the content of the model and on the prompt, so nothing is ever outdated. Files appear
complete or not at all, and any number of processes may write the same one. A damaged file counts as missing.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from omentum.atomic import replacing_by_name
from omentum.errors import CheckpointError, OutputError
from omentum.home import EMBEDDINGS, home
from omentum.model.checkpoint import read_tensors
from omentum.model.safetensors_file import read_header

VERSION = "1"
"""Changes whenever the same model and prompt would give another embedding."""

_ROW = "embedding"


def cached(model_sha256: str, sentence: str) -> Tensor | None:
    """The embedding of a sentence, float32 [width], if it is kept whole."""
    path = _path(model_sha256, sentence)
    if not path.is_file():
        return None
    try:
        header = read_header(path)
        row = read_tensors(path).get(_ROW)
    except CheckpointError:
        return None
    if row is None or row.ndim != 1 or header.metadata != _about(model_sha256, sentence, row):
        return None
    return row


def keep(model_sha256: str, sentence: str, row: Tensor) -> None:
    """Keep an embedding; without room or the right to write, it is computed again next time."""
    path = _path(model_sha256, sentence)
    with suppress(OutputError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing_by_name(path) as partial:
            save_file({_ROW: row.contiguous()}, partial, metadata=_about(model_sha256, sentence, row))


def kept_files() -> list[Path]:
    """All files of this cache."""
    return sorted((home() / EMBEDDINGS).glob("*/*.safetensors"))


def _path(model_sha256: str, sentence: str) -> Path:
    prompt = hashlib.sha256(f"{VERSION}\0{sentence}".encode()).hexdigest()
    return home() / EMBEDDINGS / model_sha256[:32] / f"{prompt[:32]}.safetensors"


def _about(model_sha256: str, sentence: str, row: Tensor) -> dict[str, str]:
    content = hashlib.sha256(row.to(torch.float32).contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()
    return {"model_sha256": model_sha256, "prompt": sentence, "version": VERSION, "row_sha256": content}
