"""What has been accepted in a round: read from the corrections of its store, or of its own folder."""

from __future__ import annotations

from pathlib import Path

from omentum.annotate.round_folder import ROUND, AnnotationRound, SourceKind
from omentum.data.corrections import read_corrections
from omentum.data.store.source_hash import CORRECTIONS


def corrections_root(folder: Path, about: AnnotationRound, store: Path | None = None) -> Path:
    """Folder that holds `corrections/`: the store, or the round itself.

    Args:
        folder: Folder of the round.
        about: Its round.json.
        store: The store, if it has been moved.
    """
    if about.kind is SourceKind.FOLDER:
        return folder
    return Path(about.source) if store is None else store


def accepted_keys(folder: Path) -> set[tuple[str, str]]:
    """(case, structure key) of everything accepted so far.

    Raises:
        InputError: the corrections are damaged.
    """
    if not (folder / ROUND).is_file():
        return set()
    about = AnnotationRound.read(folder)
    root = corrections_root(folder, about)
    found = {name: read_corrections(root, name) for name in about.cases if (root / CORRECTIONS / name).is_dir()}
    return {(name, key) for name, one in found.items() if one for key in one.records.current}
