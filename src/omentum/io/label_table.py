"""Label names and colours inside a NIfTI file, as the XML label table of Connectome Workbench (Caret).

Only the table is written and parsed; untrusted content is never passed to an XML parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering
from omentum.anatomy.structure_rows import carried_rows, include_carried

LABEL_TABLE_CODE = 30
"""NIFTI_ECODE_CARET, registered with the NIfTI group for Caret XML."""

STRUCTURES_CODE = 6
"""NIFTI_ECODE_COMMENT: text that other programs ignore."""
_STRUCTURES = "omentum structures: "

_LABEL = re.compile(r'<Label\s[^>]*?\bKey="(-?\d{1,9})"[^>]*><!\[CDATA\[(.*?)\]\]></Label>', re.DOTALL)


def label_table(classes: Sequence[str], numbering: Numbering | None = None) -> bytes:
    """XML label table: value, name and colour of each structure.

    Args:
        classes: Structure keys.
        numbering: Label values; those of the template by default.
    """
    labels = [_label(0, "Background", (0, 0, 0), 0)]
    labels += [_label(*row, 1) for row in label_rows(classes, numbering)]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<CaretExtension><VolumeInformation Index="0">',
        "<LabelTable>",
        *labels,
        "</LabelTable>",
        "<StudyMetaDataLinkSet></StudyMetaDataLinkSet><VolumeType><![CDATA[Label]]></VolumeType>",
        "</VolumeInformation></CaretExtension>",
    ]
    return "\n".join(lines).encode()


def label_rows(classes: Sequence[str], numbering: Numbering | None) -> list[tuple[int, str, tuple[int, int, int]]]:
    """Value, name and RGB colour (0 to 255) of each label that a map of these classes can contain, by value."""
    if numbering is None:
        return sorted((s.index, s.display, s.colour) for s in (STRUCTURES[key] for key in classes))
    drawn = [entry for entry in numbering.entries if {*classes} & {*entry.structures}]
    return sorted((entry.value, entry.name, STRUCTURES[entry.structures[0]].colour) for entry in drawn)


def labels_in(xml: bytes) -> dict[int, str]:
    """Label value -> name from a table written by any program, without 0 (background)."""
    return {int(key): name for key, name in _LABEL.findall(xml.decode("utf-8", "replace")) if int(key) != 0}


def _label(key: int, name: str, colour: tuple[int, int, int], alpha: int) -> str:
    red, green, blue = (f"{channel / 255:.4f}" for channel in colour)
    return f'<Label Key="{key}" Red="{red}" Green="{green}" Blue="{blue}" Alpha="{alpha}"><![CDATA[{name}]]></Label>'


def structures_text(classes: Sequence[str]) -> bytes:
    """Table rows, for the file, of structures that differ from the packaged ones; empty without any."""
    rows = carried_rows(classes)
    return f"{_STRUCTURES}{json.dumps(rows)}".encode() if rows else b""


def include_rows_of(text: bytes, source: str | Path) -> None:
    """Register the structures stored in a file; other header comments are ignored.

    Raises:
        UsageError: See `include_carried`.
    """
    words = text.decode("utf-8", "replace")
    if words.startswith(_STRUCTURES):
        try:
            rows = json.loads(words.removeprefix(_STRUCTURES))
        except (ValueError, RecursionError):
            rows = None
        include_carried(rows if isinstance(rows, dict) else {"": rows}, source)
