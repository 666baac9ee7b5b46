"""The table of profiles (see the head of profiles.toml), typed and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Literal, get_args

from omentum.errors import UsageError

Precision = Literal["float32", "bf16"]
"""Precision of the network; with bf16, logits and their sums are kept in float16."""

AXES = "xyz"


@dataclass(frozen=True)
class Profile:
    """How thoroughly a CT is segmented.

    Args:
        about: One line for the user.
        overlap: Share of a window that its neighbour covers too, 0 <= overlap < 1.
        precision: Of the network.
        flips: Axes (of "xyz") along which the CT is also mirrored, and the answers averaged.

    Raises:
        UsageError: a value that is impossible.
    """

    about: str
    overlap: float
    precision: Precision
    flips: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "flips", tuple(self.flips))
        if not 0 <= self.overlap < 1:
            raise UsageError(f"the overlap of windows must be at least 0 and below 1, got {self.overlap}")
        if self.precision not in get_args(Precision):
            raise UsageError(f"unknown precision {self.precision!r}", remedy="use float32 or bf16")
        if len(set(self.flips)) != len(self.flips) or not set(self.flips) <= set(AXES):
            raise UsageError(f"flips are different axes of x, y and z, got {', '.join(self.flips)}")


def parse_profiles(text: str) -> Mapping[str, Profile]:
    """Name -> profile, in the table's order.

    Raises:
        UsageError: an unknown or missing column, or an impossible value.
    """
    profiles = {}
    for name, columns in tomllib.loads(text).items():
        try:
            profiles[name] = Profile(**columns)
        except TypeError as fault:
            raise UsageError(f"profile {name!r}: {fault}") from fault
    return MappingProxyType(profiles)


PROFILES = parse_profiles((resources.files("omentum.infer") / "profiles.toml").read_text(encoding="utf-8"))
"""The packaged table."""


def find_profile(name: str) -> Profile:
    """The profile with a name.

    Raises:
        UsageError: there is none.
    """
    if name not in PROFILES:
        raise UsageError(f"unknown profile {name!r}", remedy=f"use one of {', '.join(PROFILES)}")
    return PROFILES[name]
