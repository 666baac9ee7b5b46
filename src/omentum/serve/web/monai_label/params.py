"""What a MONAI Label client says beside a file, or of one: fields `params` and `info`, JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omentum.serve.faults import ServiceError

LONGEST_NAME = 200
"""Characters of a name."""
MOST_NUMBER = 65535
"""Of a label."""
MOST_LEVELS = 20
"""Of notes, which are written into answers again."""


def parsed_params(text: str, field: str = "params") -> Mapping[str, Any]:
    """The object.

    Args:
        text: JSON.
        field: Of the form, for messages.

    Raises:
        ServiceError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ServiceError(422, "invalid", f"{field} is not JSON") from fault
    if not isinstance(found, dict):
        raise ServiceError(422, "invalid", f"{field} is not a JSON object")
    return found


def parsed_info(text: str) -> Mapping[str, Any]:
    """Notes of a client: an object that can be written as JSON again.

    Raises:
        ServiceError: it is none.
    """
    found = parsed_params(text, "info")
    if not _is_shallow(found, MOST_LEVELS):
        raise ServiceError(422, "invalid", f"info is nested in more than {MOST_LEVELS} levels")
    try:
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as fault:  # infinite numbers, which Python reads, and halves of surrogate pairs
        raise ServiceError(422, "invalid", "info holds a number or a character that JSON cannot") from fault
    return found


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(one, levels - 1) for one in inner)


def client_of(params: Mapping[str, Any]) -> str:
    """How the client calls itself or its user; "" if it does not."""
    said = params.get("client_id")
    return said[:LONGEST_NAME] if isinstance(said, str) else ""


def label_info_of(params: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Number and name of each label, in their order.

    Raises:
        ServiceError: the list is not such a list.
    """
    rows = params.get("label_info") or []
    if not isinstance(rows, list) or not all(map(_is_label, rows)):
        reason = f"label_info is a list of labels, each with a name and its number idx, 0 to {MOST_NUMBER}"
        raise ServiceError(422, "invalid", reason)
    return [(row["idx"], row["name"]) for row in rows]


def _is_label(row: object) -> bool:
    if not isinstance(row, dict):
        return False
    name, number = row.get("name"), row.get("idx")
    is_number = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_NUMBER
    return is_number and isinstance(name, str) and 0 < len(name) <= LONGEST_NAME
