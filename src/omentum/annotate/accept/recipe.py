"""A recipe beside accepted case folders, by which `omentum data prepare` reads them as a dataset."""

from __future__ import annotations

import json
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import pair_of
from omentum.io.truth import DESCRIPTION, assisted_in

SEGMENTS = "labels.seg.nrrd"
"""Labels of a case folder for the recipe."""


def recipe_text(folder: Path) -> str:
    """The recipe, TOML.

    A rule for each case names its annotated structures: the mask of a lesion also belongs to its host, which need not
    be annotated for that.

    Args:
        folder: Holds the case folders.
    """
    lines = [
        f"title = {json.dumps(f'Corrected labels of {folder.resolve().parent.name}')}",
        'label_noise = "Predictions that were corrected or accepted; the facts in case.json say by whom."',
        "",
        "[[layout]]",
        'image = "{id}/ct.nii.gz"',
        f'labels = "{{id}}/{SEGMENTS}"',
        'label_kind = "segments"',
        "",
        "[masks]",
        *(f'"{key}" = {json.dumps(_meaning(key))}' for key in STRUCTURES.keys),
    ]
    for path in sorted(folder.glob(f"*/{DESCRIPTION}")):
        found = json.loads(path.read_bytes())
        rule = {
            "ids": [path.parent.name],
            "annotated": found["annotated"],
            "predicted": [key for key in found["annotated"] if key in assisted_in(found["facts"])],
        }
        lines += ["", "[[rules]]", *(f"{name} = {json.dumps(value)}" for name, value in rule.items() if value)]
    return "\n".join([*lines, ""])


def _meaning(key: str) -> list[str]:
    """The structure and its hosts; paired ones as a pair, which the reader divides between the sides."""
    hosts = STRUCTURES[key].hosts
    return [*_meaning(hosts[0])[:-1], pair_of(hosts[0]) or hosts[0], key] if hosts else [key]
