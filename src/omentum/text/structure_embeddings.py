"""Embeddings of structures: their prompts read by a language model, or rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import TEMPLATE, class_prompts
from omentum.errors import UsageError
from omentum.text import encoder as language_model
from omentum.text.embedding_table import file_sha256, is_table, read_table
from omentum.text.named_encoders import MINILM, full_name


@dataclass(frozen=True)
class StructureEmbeddings:
    """What a language model says about structures.

    Args:
        keys: The structures.
        prompts: The sentence of each; "" where a table does not tell it.
        rows: float32 [K, width].
        encoder: Name of the language model, for the description of a checkpoint; never a path.
        sha256: Of the model's files or of the table.
    """

    keys: tuple[str, ...]
    prompts: tuple[str, ...]
    rows: Tensor
    encoder: str
    sha256: str


def embed_structures(
    keys: Sequence[str],
    encoder: str = MINILM,
    template: str = TEMPLATE,
    own_prompts: Mapping[str, str] | None = None,
) -> StructureEmbeddings:
    """Embed the prompts of structures.

    Args:
        keys: Keys of `omentum.STRUCTURES`.
        encoder: As of `embed`, or the file of a table (see `embedding_table`), whose prompts are fixed.
        template: Name of a template or a sentence; see `template_of`.
        own_prompts: Key -> whole sentence, in place of the template.

    Raises:
        UsageError: The template is none, or prompts are given beside a table.
        MissingDependencyError, InputError: See `embed` and `read_table`.
    """
    if is_table(encoder):
        refuse_prompts_with_table(encoder, template, own_prompts or {})
        return table_embeddings(keys, encoder)
    prompts = class_prompts(keys, template, own_prompts or {})
    rows = language_model.embed(prompts, encoder)
    return StructureEmbeddings(
        tuple(keys), tuple(prompts), rows, recorded_name(encoder), language_model.identity(encoder)
    )


def table_embeddings(keys: Sequence[str], path: str | Path) -> StructureEmbeddings:
    """Rows of a table for structures; see `read_table` and `EmbeddingTable.names_of` for the errors."""
    import torch

    table = read_table(path)
    names = table.names_of([STRUCTURES[key] for key in keys])
    return StructureEmbeddings(
        tuple(keys),
        tuple(table.prompts.get(name, "") for name in names),
        torch.stack([table.rows[name] for name in names]),
        table.encoder or f"table {Path(path).name}",
        file_sha256(path),
    )


def refuse_prompts_with_table(encoder: str, template: str, own_prompts: Mapping[str, str]) -> None:
    """Raise a UsageError if prompts are given that a table would ignore."""
    if own_prompts or template not in (TEMPLATE, "V3"):
        raise UsageError("a table of embeddings has prompts of its own", source=encoder, remedy="leave prompts out")


def recorded_name(encoder: str) -> str:
    """Name of an encoder for the description of a checkpoint: a folder's own name without the path to it."""
    return Path(encoder).resolve().name if Path(encoder).is_dir() else full_name(encoder)
