"""What the rules take away from masks that are good: reference labels of real CTs should come through nearly whole.

    python benchmarks/postprocess_reference.py DATA/abdomen_3mm -o benchmarks/results/postprocess_reference.md

Each folder holds ct.nii.gz and totalsegmentator_labels.nii.gz on one grid.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from omentum.evaluate import load_mapping
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.postprocess import clean, clean_as_published


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    parts = [f"# Rules on reference labels\n\n`python {' '.join(sys.argv)}`, {datetime.date.today()}"]
    parts += [table(folder) for folder in arguments.folders]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def table(folder: Path) -> str:
    """One line a structure that any rule changed."""
    ct = read_volume(folder / "ct.nii.gz")
    seg = read_labels(folder / "totalsegmentator_labels.nii.gz", load_mapping("totalsegmentator").labels)
    lines = [
        f"## {folder.name}\n",
        "| structure (ml) | rules | rule | removed ml | added ml |",
        "|---|---|---|---|---|",
    ]
    for name, cleaned in (("omentum", clean(seg, ct)), ("published", clean_as_published(seg))):
        for c in cleaned.changes:
            ml = seg.mask(c.structure).sum() * seg.grid.voxel_volume_ml
            lines.append(f"| {c.structure} ({ml:.1f}) | {name} | {c.rule} | {c.removed_ml:.2f} | {c.added_ml:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
