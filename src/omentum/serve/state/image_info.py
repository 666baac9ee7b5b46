"""What clients note of images and their labels: JSON objects, which go with their images."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from omentum.serve.faults import ServiceError
from omentum.serve.state.database import Database

MOST_BYTES = 16 * 1024
"""Of the notes of an image, or of one of its labels, as JSON."""


class ImageInfo:
    """The notes; safe for several threads.

    Args:
        database: See `Database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, upload: str, tag: str = "") -> dict[str, Any]:
        """Notes of an image, or of its labels with a tag."""
        with self._database.transaction() as rows:
            return _noted(rows, upload, tag)

    def update(self, upload: str, tag: str, more: Mapping[str, Any]) -> None:
        """Add notes; those of the same name are replaced.

        Args:
            upload: The image.
            tag: Of its labels; "" for those of the image itself.
            more: JSON values by name.

        Raises:
            ServiceError: they are too long.
        """
        with self._database.transaction() as rows:
            text = json.dumps({**_noted(rows, upload, tag), **more}, allow_nan=False)
            if len(text) > MOST_BYTES:
                raise ServiceError(413, "too_large", f"the info of an image or label has at most {MOST_BYTES} bytes")
            rows.execute("INSERT OR REPLACE INTO image_info (upload, tag, info) VALUES (?, ?, ?)", [upload, tag, text])

    def remove(self, upload: str, tag: str) -> None:
        """Forget the notes of labels."""
        with self._database.transaction() as rows:
            rows.execute("DELETE FROM image_info WHERE upload = ? AND tag = ?", [upload, tag])
        self._database.forget()


def _noted(rows: sqlite3.Connection, upload: str, tag: str) -> dict[str, Any]:
    row = rows.execute("SELECT info FROM image_info WHERE upload = ? AND tag = ?", [upload, tag]).fetchone()
    found: dict[str, Any] = {} if row is None else json.loads(row["info"])
    return found
