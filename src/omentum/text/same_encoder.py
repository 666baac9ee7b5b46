"""More sentences by the language model that a checkpoint's embeddings came from, after checking that it is the same."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from omentum.errors import InputError
from omentum.spec import CheckpointSpec
from omentum.text.encoder import embed

LARGEST_DIFFERENCE = 0.02
"""Of an embedding from the stored one, as a share of its length. Half precision loses 0.0005; two prompts of CLIP that
differ in the side alone differ by 0.1."""


def embed_like(spec: CheckpointSpec, rows: Tensor, sentences: Sequence[str], encoder: str = "") -> Tensor:
    """Embed sentences for a checkpoint: by its own language model, which must give its stored embeddings again.

    A row of another model would have the right width and mean nothing to the trained text layer.

    Args:
        spec: Description of the checkpoint.
        rows: Its text embeddings [K, width].
        sentences: Texts to embed.
        encoder: Where the language model is, if not where its name says; see `omentum.text.encoder.embed`.

    Returns:
        float32 [len(sentences), width].

    Raises:
        MissingDependencyError, InputError: See `embed`; or the model gives other embeddings, or no prompt is recorded.
    """
    name = encoder or spec.text_encoder
    known = [(k, c.prompt) for k, c in enumerate(spec.classes) if c.prompt]
    if not known:
        raise InputError("the weights record no prompts by which a text encoder could be checked", source=name)
    again = embed([*(prompt for _, prompt in known), *sentences], name)
    stored = rows[[k for k, _ in known]].float().cpu()
    fits = again.shape[1] == stored.shape[1]
    if fits:
        found = again[: len(known)]
        difference = (found - stored).norm(dim=1) / stored.norm(dim=1).clamp_min(1e-6)
        fits = bool((difference <= LARGEST_DIFFERENCE).all())
    if not fits:
        reason = f"gives other embeddings than the weights hold, e.g. for {known[0][1]!r}"
        reason = f"{reason}; they came from {spec.text_encoder}"
        raise InputError(reason, source=name, remedy="name the folder of that model")
    return again[len(known) :]
