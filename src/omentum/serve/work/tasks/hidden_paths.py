"""JSON values that name no folder of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omentum.serve.faults import without_folder


def without(content: Any, folder: Path, name: str = "") -> Any:
    """JSON values without the path of a folder.

    Args:
        content: JSON values.
        folder: The folder.
        name: What it is called instead.
    """
    if isinstance(content, str):
        return content.replace(str(folder), name) if content == str(folder) else without_folder(content, folder)
    if isinstance(content, dict):
        return {key: without(value, folder, name) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without(value, folder, name) for value in content]
    return content
