"""Text embeddings from any language model that `transformers` can open, or from what one said before.

A CLIP model yields its projected text features, as in the published model; other models with a text projection theirs;
any other encoder its pooled token states, by default their mean (the usual sentence embedding). Embeddings are not
normalised, and a checkpoint stores them as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from omentum.errors import InputError, MissingDependencyError
from omentum.text.embedding_cache import cached, keep
from omentum.text.model_folder import find_folder, model_sha256
from omentum.text.named_encoders import MINILM, full_name, named_encoders
from omentum.text.open_network import open_network


def embed(sentences: Sequence[str], encoder: str = MINILM) -> Tensor:
    """Embed sentences. Nothing is downloaded; results are cached below the home folder of Omentum.

    Args:
        sentences: Texts to embed, e.g. the prompts of `omentum.anatomy.prompts`.
        encoder: A name (`omentum encoders list`), a folder with a text model of transformers, sentence-transformers or
            OpenCLIP, or a model id of the Hugging Face hub that was downloaded before.

    Returns:
        float32 [len(sentences), width].

    Raises:
        MissingDependencyError: transformers, or the package with MiniLM, is not installed.
        InputError: The model cannot be opened, a sentence is too long for it, or it cannot tell two of them apart.
    """
    name = full_name(encoder)
    folder = _folder(name)
    model = model_sha256(folder)
    rows = {sentence: cached(model, sentence) for sentence in sentences}
    missing = [sentence for sentence, row in rows.items() if row is None]
    if missing:
        network = open_network(folder, name)
        for sentence in missing:
            rows[sentence] = network.embed(sentence)
            keep(model, sentence, rows[sentence])  # type: ignore[arg-type]
    found = [row for sentence in sentences if (row := rows[sentence]) is not None]
    _refuse_indistinguishable(name, list(zip(sentences, found, strict=True)))
    return torch.stack(found) if found else torch.zeros(0, 0)


def check(encoder: str = MINILM, sentences: Sequence[str] = ()) -> None:
    """Check that a model is available, as far as possible without opening it; raises the errors of `embed`.

    Args:
        encoder: As of `embed`.
        sentences: What will be embedded: if all of it is cached, transformers need not be installed.
    """
    from importlib.util import find_spec

    name = full_name(encoder)
    folder = _folder(name)
    model = model_sha256(folder)
    if sentences and all(cached(model, sentence) is not None for sentence in sentences):
        return
    if find_spec("transformers") is None:
        raise _needs_transformers(name)


def identity(encoder: str) -> str:
    """SHA-256 of the files of a model, which says whether two are the same; see `embed` for the errors."""
    return model_sha256(_folder(full_name(encoder)))


def _folder(name: str) -> Path:
    """Where the model is; if its library is missing too, the error names everything to install."""
    from importlib.util import find_spec

    try:
        return find_folder(name)
    except (MissingDependencyError, InputError):
        if find_spec("transformers") is None:
            raise _needs_transformers(name) from None
        raise


def _needs_transformers(name: str) -> MissingDependencyError:
    row = named_encoders().get(name)
    also = f" and {row.remedy}" if row is not None and row.package else ""
    return MissingDependencyError(
        f"the text encoder {name} needs transformers", remedy=f"pip install 'omentum[text]'{also}"
    )


def _refuse_indistinguishable(name: str, embedded: Sequence[tuple[str, Tensor]]) -> None:
    """Two prompts of the same tokens (words that the vocabulary lacks) would be one class."""
    seen: dict[bytes, str] = {}
    for sentence, row in embedded:
        other = seen.setdefault(row.numpy().tobytes(), sentence)
        if " ".join(other.casefold().split()) != " ".join(sentence.casefold().split()):
            reason = f"cannot tell {sentence!r} from {other!r}: its vocabulary lacks their words"
            raise InputError(reason, source=name, remedy="take another text encoder, or other words")
