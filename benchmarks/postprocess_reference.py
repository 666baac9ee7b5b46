"""What the rules take away from masks that are good: reference labels of real CTs should come through nearly whole.

    python benchmarks/postprocess_reference.py DATA/abdomen_3mm -o benchmarks/results/postprocess_reference.json

Each folder holds ct.nii.gz and totalsegmentator_labels.nii.gz on one grid.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from omentum.evaluate import load_mapping
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.postprocess import clean, clean_as_published
from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/postprocess",)
COLUMNS = {
    "structure": "{}",
    "ml": "{:.1f}",
    "rules": "{}",
    "rule": "{}",
    "removed ml": "{:.2f}",
    "added ml": "{:.2f}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    tables = {folder.name: Table(COLUMNS, rows(folder)) for folder in arguments.folders}
    publish(arguments.out, title="Rules on reference labels", measures=MEASURES, tables=tables)


def rows(folder: Path) -> list[tuple[Cell, ...]]:
    """One a structure that any rule changed."""
    ct = read_volume(folder / "ct.nii.gz")
    seg = read_labels(folder / "totalsegmentator_labels.nii.gz", load_mapping("totalsegmentator").labels)
    found = []
    for name, cleaned in (("omentum", clean(seg, ct)), ("published", clean_as_published(seg))):
        for c in cleaned.changes:
            ml = seg.mask(c.structure).sum() * seg.grid.voxel_volume_ml
            found.append((c.structure, ml, name, c.rule, c.removed_ml, c.added_ml))
    return found


if __name__ == "__main__":
    main()
