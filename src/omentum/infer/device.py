"""Which processor to compute on."""

from __future__ import annotations

import platform
from typing import Literal, get_args

import torch

from omentum.errors import UsageError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: str) -> torch.device:
    """The device a user means: `auto` is CUDA where there is one, else the CPU; `cuda:1` is the second CUDA device.

    Raises:
        UsageError: unknown name, or a device this machine does not have.
    """
    family, _, number = name.partition(":")
    if family not in get_args(DeviceName) or (":" in name and not (family == "cuda" and number.isdecimal())):
        raise UsageError(f"unknown device {name!r}", remedy=f"use one of {', '.join(get_args(DeviceName))}")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[family] or (number and int(number) >= torch.cuda.device_count()):
        raise UsageError(f"this machine has no usable {name} device", remedy="use --device auto or cpu")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Its name as the maker gives it, for the manifest."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"
