"""What a MONAI Label client says beside a file: the field `params`, a JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omentum.serve.faults import ServiceError

LONGEST_NAME = 200
"""Characters of a name."""
MOST_NUMBER = 65535
"""Of a label."""


def parsed_params(text: str) -> Mapping[str, Any]:
    """The object.

    Raises:
        ServiceError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ServiceError(422, "invalid", "params is not JSON") from fault
    if not isinstance(found, dict):
        raise ServiceError(422, "invalid", "params is not a JSON object")
    return found


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
