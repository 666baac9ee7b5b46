"""Structures of a user, for tests: a pair, a tumour in one of them, and enough others for three planes of bits."""

from __future__ import annotations

from pathlib import Path

from omentum.anatomy import STRUCTURES, include_structures

PAIR = ("gluteus_maximus_right", "gluteus_maximus_left")
LESION = "gluteus_sarcoma"

TEXT = """
[vertebra_L1]
noun = "first lumbar vertebra"
synonyms = ["vertebrae_L1"]
volume_ml = [20, 120]

[gluteus_maximus_right]
side = "right"
pair = "gluteus_maximus_left"
colour = "#b04632"
volume_ml = [100, 1500]

[gluteus_maximus_left]
side = "left"
pair = "gluteus_maximus_right"

[gluteus_sarcoma]
kind = "tumour"
hosts = ["gluteus_maximus_right", "gluteus_maximus_left"]
"""
KEYS = ("vertebra_L1", *PAIR, LESION)


def written(folder: Path, text: str = TEXT) -> Path:
    """A file of structures."""
    path = folder / "structures.toml"
    path.write_text(text, encoding="utf-8")
    return path


def included(folder: Path, text: str = TEXT) -> tuple[str, ...]:
    """Keys of a file's structures, which are known from now on."""
    return include_structures(written(folder, text))


def many(folder: Path, number: int = 117) -> tuple[str, ...]:
    """So many structures of a user, all of them known from now on; with the packaged ones they need three planes."""
    keys = included(folder, "\n".join(f"[rib_{n}]" for n in range(number)))
    assert len(STRUCTURES) == number + len(STRUCTURES.default_keys)
    return keys
