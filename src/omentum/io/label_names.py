"""Label names and colours in separate files for ITK-SNAP and 3D Slicer.

Both programs ignore the label table inside a NIfTI file; ITK-SNAP imports label descriptions, Slicer a colour table.
"""

from __future__ import annotations

from collections.abc import Sequence

from omentum.anatomy.numbering import Numbering
from omentum.io.label_table import label_rows

ITK_SNAP, SLICER = "labels_itksnap.txt", "labels_slicer.ctbl"
_HEAD = "# Labels of segmentation.nii.gz: {how}\n"


def itk_snap_labels(classes: Sequence[str], numbering: Numbering | None = None) -> str:
    """ITK-SNAP label descriptions: value, colour, opacity, visibility in slices and in 3D, quoted name."""
    rows = [(0, "Clear Label", (0, 0, 0)), *label_rows(classes, numbering)]
    lines = [
        f'{number:5} {red:4} {green:4} {blue:4} {opacity:8} {opacity:2} {opacity:2}    "{_plain(name)}"'
        for number, name, (red, green, blue) in rows
        for opacity in [int(number > 0)]
    ]
    return _HEAD.format(how="ITK-SNAP, Segmentation, Import Label Descriptions") + "\n".join(lines) + "\n"


def slicer_labels(classes: Sequence[str], numbering: Numbering | None = None) -> str:
    """3D Slicer colour table: value, name without spaces, red, green, blue, opacity."""
    lines = ["0 Background 0 0 0 0"]
    lines += [
        f"{number} {_plain(name).replace(' ', '_')} {red} {green} {blue} 255"
        for number, name, (red, green, blue) in label_rows(classes, numbering)
    ]
    return _HEAD.format(how="3D Slicer, add data, then choose it as the colour table") + "\n".join(lines) + "\n"


def _plain(name: str) -> str:
    return name.replace('"', "'").replace("\n", " ")
