"""Import of the weights the authors of the CLIP-Driven Universal Model released, and of any file in their layout."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import published_prompt
from omentum.errors import CheckpointError, warn_of_case
from omentum.model.catalogue import origin
from omentum.model.layouts import layouts
from omentum.model.state import check_names, model_from_state
from omentum.model.torch_file import read_torch_file
from omentum.model.universal import UniversalModel
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec

ORIGIN = "clip-driven-universal-model"
"""Row of catalogue.toml with the licence of everything imported here."""

TEXT_ENCODER = "openai/clip-vit-base-patch32"

TEMPLATE_EMBEDDINGS_SHA256 = "a0e886c0c8fc2b1e7450a0e6975a31998985db2ede13682fdeafe9b06716f083"
"""Of the released 32 x 512 embeddings as little-endian float16: the only proof in a file that its classes are these."""

FINGERPRINTS: tuple[tuple[str, ModelSpec], ...] = (
    ("backbone.swinViT.", ModelSpec("swin_unetr", {"feature_size": 48, "patch_merging": "legacy"})),
    ("backbone.down_tr64.", ModelSpec("unet", {"width": 64})),
    ("backbone.conv_0_0.", ModelSpec("unetpp")),
    ("backbone.dints_space.", ModelSpec("dints")),
)
"""Start of a tensor name -> the network it betrays."""

UNUSED = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$|^backbone\.stem_down\.3\.")
"""Stored and never used: statistics of the published U-Net, and the coarsest input of the published DiNTS."""

BACKBONE = "backbone."
LAYOUTS = ("monai", "models-genesis", "dints")
"""How the published backbones' tensors are named; no two of these rename the same name."""

RENAMED: tuple[tuple[str, str], ...] = (
    (r"^text_embeddings$", "organ_embedding"),
    (r"^head\.voxel_features\.", "precls_conv."),
    (r"^head\.image_feature\.", "GAP."),
    (r"^head\.controller\.", "controller."),
    (r"^head\.text_feature\.", "text_to_vision."),
)
"""Our names outside the backbone -> published names, applied in order."""


def import_published(path: str | Path) -> UniversalModel:
    """Read a `.pth` file in the published layout, exactly.

    Accepted are a dictionary with the entry `net` (a training checkpoint; the rest of it is ignored) and a bare state
    dictionary, names with or without `module.`, Swin UNETR names with or without `backbone.`. The file's own text
    embeddings are kept; its classes are the 32 of the published template.

    Raises:
        CheckpointError: unsafe, damaged, another network, or tensors missing, unexpected, misshapen or not finite.

    Warns:
        CaseWarning: the embeddings are not the released ones, so the order of the classes is taken on trust.
    """
    path = Path(path)
    state = _canonical(read_torch_file(path, containers=("net",)))
    spec = _spec(_model_spec(state, path), state, path)
    return model_from_state(spec, state, path, published_name)


def published_name(name: str) -> str:
    """The published name of one of our tensors."""
    if name.startswith(BACKBONE):
        name = name.removeprefix(BACKBONE)
        for key in LAYOUTS:
            name = layouts()[key].theirs(name)
        return BACKBONE + name
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def _canonical(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names with `backbone.` and without `module.`; unused statistics dropped; 1x1x1 controller kernels flattened."""
    canonical = {}
    for stored_name, tensor in state.items():
        bare = stored_name.removeprefix("module.")
        in_backbone = bare.split(".")[0] == "swinViT" or re.match(r"(encoder|decoder)\d+\.", bare)
        name = f"backbone.{bare}" if in_backbone else bare
        if not UNUSED.search(name):
            canonical[name] = tensor.flatten(1) if name == "controller.weight" and tensor.ndim == 5 else tensor
    return canonical


def _model_spec(state: Mapping[str, Tensor], path: Path) -> ModelSpec:
    for start, spec in FINGERPRINTS:
        if any(name.startswith(start) for name in state):
            return spec
    check_names(state, ["organ_embedding", "controller.weight"], "a published Universal Model", path)
    raise CheckpointError("not a published Universal Model: its network is unknown", source=path)


def _spec(model: ModelSpec, state: Mapping[str, Tensor], path: Path) -> CheckpointSpec:
    return CheckpointSpec(
        model=model,
        preprocess=PreprocessSpec(),
        classes=tuple(ClassSpec(key, published_prompt(STRUCTURES[key])) for key in STRUCTURES.default_keys),
        text_encoder=TEXT_ENCODER,
        training={"imported_from": path.name, "class_order": _class_order(state.get("organ_embedding"), path)},
        licence=f"{origin(ORIGIN).licence}: {origin(ORIGIN).terms}",
        citation=origin(ORIGIN).citation,
    )


def _class_order(embeddings: Tensor | None, path: Path) -> str:
    if embeddings is not None and embeddings.is_floating_point():
        stored = embeddings.to(torch.float16).contiguous().view(torch.uint8).numpy().tobytes()
        if hashlib.sha256(stored).hexdigest() == TEMPLATE_EMBEDDINGS_SHA256:
            return "verified: the text embeddings are those released for the 32 structures"
    warn_of_case(
        "its text embeddings are not the released ones; the order of its classes is taken to be the published "
        "template's",
        path,
        stacklevel=4,
    )
    return "assumed: the text embeddings are not those released for the 32 structures"
