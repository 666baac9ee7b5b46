"""Cases into training, validation and test, whole groups of one patient at a time.

A group goes where a hash of its first name sends it: the same cases give the same split on every machine, and adding
other patients moves nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from omentum.errors import UsageError

SHARES: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}


def split_groups(
    groups: Sequence[Sequence[str]], shares: Mapping[str, float] = SHARES, seed: int = 0
) -> dict[str, list[str]]:
    """Names by part, in alphabetical order.

    Args:
        groups: Names that must stay together.
        shares: Part -> its share of the groups; the shares add up to 1.
        seed: Another seed, another split.

    Raises:
        UsageError: shares that are negative or do not add up to 1.
    """
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1.0) > 1e-6:
        raise UsageError(f"shares {dict(shares)} do not add up to 1")
    parts: dict[str, list[str]] = {part: [] for part in shares}
    for group in groups:
        parts[_part(min(group), shares, seed)] += group
    return {part: sorted(names) for part, names in parts.items()}


def _part(name: str, shares: Mapping[str, float], seed: int) -> str:
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    left = int.from_bytes(digest, "big") / 2**64
    for part, share in shares.items():
        left -= share
        if left < 0:
            return part
    return next(part for part in reversed(list(shares)) if shares[part] > 0)
