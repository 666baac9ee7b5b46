"""State dictionaries in the layouts of public files, small and with made-up numbers."""

from __future__ import annotations

import torch
from monai.networks.nets.swin_unetr import SwinUNETR
from published_files import published_entries
from torch import Tensor

State = dict[str, Tensor]
SWIN = {"feature_size": 12, "patch_merging": "legacy"}


def random_like(names: dict[str, Tensor]) -> State:
    """Other numbers than any fresh network has."""
    return {n: t.new_empty(t.shape).normal_() if t.is_floating_point() else t.clone() for n, t in names.items()}


def swin_state() -> State:
    return random_like(SwinUNETR(in_channels=1, out_channels=14, feature_size=12).state_dict())


def swin_ssl_state() -> State:
    """As model_swinvit.pt has it: the transformer alone, its perceptrons by older names, heads of the pretext tasks."""
    start = "swinViT."
    state = {n.removeprefix(start): t for n, t in swin_state().items() if n.startswith(start)}
    state = {n.replace("mlp.linear1", "mlp.fc1").replace("mlp.linear2", "mlp.fc2"): t for n, t in state.items()}
    return state | {"norm.weight": torch.randn(192)} | pretext_heads()


def swin_script_state() -> State:
    """As the pre-training script saves it."""
    state = {n.replace("swinViT.", "swin_vit."): t for n, t in swin_state().items() if n.startswith("swinViT.")}
    return state | pretext_heads()


def pretext_heads() -> State:
    shapes = {"rotation_head.weight": (4, 192), "contrastive_head.bias": (512,), "conv.bias": (1,)}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def genesis_state() -> State:
    """As Genesis_Chest_CT.pt has it, of width 4 instead of 64."""
    state = {}
    for name, (shape, _) in published_entries("unet").items():
        if name.startswith("backbone."):
            small = [n // 16 if axis < 2 and n > 1 else n for axis, n in enumerate(shape)]
            state[name.removeprefix("backbone.")] = torch.randn(small) if small else torch.tensor(0)
    return state | {"out_tr.final_conv.weight": torch.randn(1, 4, 1, 1, 1), "out_tr.final_conv.bias": torch.randn(1)}


def parallel(state: State) -> State:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def in_backbone(state: State) -> State:
    """As in a file of the Universal Model or SuPreM, beside the head."""
    return {f"module.backbone.{name}": tensor for name, tensor in state.items()}
