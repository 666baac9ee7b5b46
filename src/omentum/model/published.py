"""Import of the weights the authors of the CLIP-Driven Universal Model released, and of any file in their layout."""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import published_prompt
from omentum.errors import CaseWarning, CheckpointError
from omentum.model.catalogue import origin
from omentum.model.safetensors_file import HOSTILE, refuse_disguise
from omentum.model.state import check_names, model_from_state
from omentum.model.universal import UniversalModel
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec

ORIGIN = "clip-driven-universal-model"
"""Row of catalogue.toml with the licence of everything imported here."""

TEXT_ENCODER = "openai/clip-vit-base-patch32"

TEMPLATE_EMBEDDINGS_SHA256 = "a0e886c0c8fc2b1e7450a0e6975a31998985db2ede13682fdeafe9b06716f083"
"""Of the released 32 x 512 embeddings as little-endian float16: the only proof in a file that its classes are these."""

FINGERPRINTS: tuple[tuple[str, str, ModelSpec | None], ...] = (
    (
        "backbone.swinViT.",
        "Swin UNETR",
        ModelSpec("swin_unetr", {"feature_size": 48, "patch_merging": "legacy"}),
    ),
    ("backbone.down_tr64.", "U-Net", ModelSpec("unet", {"width": 64})),
    ("backbone.conv_0_0.", "U-Net++", None),
    ("backbone.dints_space.", "DiNTS", None),
)
"""Start of a tensor name -> what network it betrays, and how we build it (None: we cannot)."""

UNUSED = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")
"""Statistics the published U-Net stores and never uses."""

RENAMED: tuple[tuple[str, str], ...] = (
    (r"^text_embeddings$", "organ_embedding"),
    (r"^head\.voxel_features\.", "precls_conv."),
    (r"^head\.image_feature\.", "GAP."),
    (r"^head\.controller\.", "controller."),
    (r"^head\.text_feature\.", "text_to_vision."),
    (r"^backbone\.network\.", "backbone."),
    (r"^backbone\.down\.0\.", "backbone.down_tr64."),
    (r"^backbone\.down\.1\.", "backbone.down_tr128."),
    (r"^backbone\.down\.2\.", "backbone.down_tr256."),
    (r"^backbone\.down\.3\.", "backbone.down_tr512."),
    (r"^backbone\.up\.0\.", "backbone.up_tr256."),
    (r"^backbone\.up\.1\.", "backbone.up_tr128."),
    (r"^backbone\.up\.2\.", "backbone.up_tr64."),
    (r"(_tr\d+\.)upsample\.", r"\1up_conv."),
    (r"(_tr\d+\.)(?:convolutions\.)?0\.", r"\1ops.0.conv1."),
    (r"(_tr\d+\.)(?:convolutions\.)?1\.", r"\1ops.0.bn1."),
    (r"(_tr\d+\.)(?:convolutions\.)?3\.", r"\1ops.1.conv1."),
    (r"(_tr\d+\.)(?:convolutions\.)?4\.", r"\1ops.1.bn1."),
)
"""Our names -> published names, applied in order."""


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
    state = _canonical(_network_state(_unpickled(path), path))
    spec = _spec(_model_spec(state, path), state, path)
    return model_from_state(spec, state, path, published_name)


def published_name(name: str) -> str:
    """The published name of one of our tensors."""
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def _unpickled(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            start = file.read(64)
        if not start.startswith(HOSTILE):
            refuse_disguise(start, path)
            raise CheckpointError("not a PyTorch file", source=path, remedy="safetensors files need no import")
        _check_archive(start, path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise CheckpointError(
            "not a safe checkpoint: it asks for code to be run, or is damaged", source=path
        ) from fault
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, AttributeError, TypeError) as fault:
        if isinstance(fault, OSError) and fault.filename is not None:
            raise CheckpointError(f"cannot be read: {fault.strerror}", source=path) from fault
        raise CheckpointError("damaged or incomplete PyTorch file", source=path, remedy="download it again") from fault


def _check_archive(start: bytes, path: Path) -> None:
    """PyTorch stores its entries uncompressed; an archive that would grow when opened is refused."""
    if not start.startswith(b"PK"):
        return
    try:
        entries = zipfile.ZipFile(path).infolist()
    except zipfile.BadZipFile as fault:
        raise CheckpointError("damaged or incomplete PyTorch file", source=path, remedy="download it again") from fault
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or (
        sum(entry.file_size for entry in entries) > path.stat().st_size
    ):
        raise CheckpointError("not a safe checkpoint: a compressed archive", source=path)


def _network_state(content: Any, path: Path) -> Mapping[str, Tensor]:
    if isinstance(content, dict) and "net" in content:
        content = content["net"]
    if not isinstance(content, dict) or not content:
        raise CheckpointError("holds no network: neither `net` nor tensors by name", source=path)
    strangers = [name for name, value in content.items() if not isinstance(value, Tensor) or not isinstance(name, str)]
    if strangers:
        raise CheckpointError(
            f"holds no network: {len(strangers)} entries are not tensors, first {str(strangers[0])!r}", source=path
        )
    return content


def _canonical(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names with `backbone.` and without `module.`; unused statistics dropped; 1x1x1 controller kernels flattened."""
    canonical = {}
    for name, tensor in state.items():
        name = name.removeprefix("module.")
        if name.split(".")[0] in {"swinViT"} or re.match(r"(encoder|decoder)\d+\.", name):
            name = f"backbone.{name}"
        if not UNUSED.search(name):
            canonical[name] = tensor.flatten(1) if name == "controller.weight" and tensor.ndim == 5 else tensor
    return canonical


def _model_spec(state: Mapping[str, Tensor], path: Path) -> ModelSpec:
    for start, kind, spec in FINGERPRINTS:
        if any(name.startswith(start) for name in state):
            if spec is None:
                raise CheckpointError(f"a published {kind}; Swin UNETR and U-Net can be imported", source=path)
            return spec
    check_names(state, ["organ_embedding", "controller.weight"], "a published Universal Model", path)
    raise CheckpointError("not a published Universal Model: its network is unknown", source=path)


def _spec(model: ModelSpec, state: Mapping[str, Tensor], path: Path) -> CheckpointSpec:
    return CheckpointSpec(
        model=model,
        preprocess=PreprocessSpec(),
        classes=tuple(ClassSpec(s.key, published_prompt(s)) for s in STRUCTURES),
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
    warnings.warn(
        CaseWarning(
            f"{path}: its text embeddings are not the released ones; the order of its classes is taken to be the "
            "published template's"
        ),
        stacklevel=4,
    )
    return "assumed: the text embeddings are not those released for the 32 structures"
