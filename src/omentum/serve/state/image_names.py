"""What clients call the images that they sent, kept as hashes: such a name may be that of a patient."""

from __future__ import annotations

import hashlib

from omentum.serve.state.database import Database


class ImageNames:
    """The names; safe for several threads. They go with their uploads.

    Args:
        database: See `Database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, upload: str, client: str, name: str) -> None:
        """Name an upload; earlier ones of the same name stay, as older ones."""
        with self._database.transaction() as rows:
            rows.execute("INSERT INTO image_name (upload, name) VALUES (?, ?)", [upload, _hashed(client, name)])

    def find(self, client: str, name: str) -> list[str]:
        """Uploads that a client gave a name, the newest first."""
        query = "SELECT upload FROM image_name WHERE name = ? ORDER BY rowid DESC"
        with self._database.transaction() as rows:
            return [row["upload"] for row in rows.execute(query, [_hashed(client, name)])]

    def uploads(self) -> list[str]:
        """Uploads that have a name, the oldest first."""
        with self._database.transaction() as rows:
            return [row["upload"] for row in rows.execute("SELECT upload FROM image_name ORDER BY rowid")]


def _hashed(client: str, name: str) -> str:
    return hashlib.sha256("\0".join((client, name)).encode("utf-8", "surrogatepass")).hexdigest()
