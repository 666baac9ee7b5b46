"""The study's data, made by the package's own commands, and read as training cases.

    python benchmarks/experiments/material.py FOLDER

Interrupted, the same command goes on: prepared cases and whole folders are kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from study import STUDY_FILE, Study, load_study

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.load import load_folder
from omentum.data.sampling.load_store import load_store
from omentum.data.splits.division import Division, ScanOfDataset

COMMAND = (sys.executable, "-c", "from omentum.cli import main; main()")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--study", type=Path, default=STUDY_FILE)
    options = parser.parse_args()
    make(options.folder, load_study(options.study))


def make(folder: Path, study: Study) -> None:
    """Raw sites, one store each, and fully labelled phantoms below a folder."""
    for site in study.sites:
        store = folder / "stores" / site
        if (store / "store.json").exists():
            continue
        number, seed = str(study.cases_a_site), str(study.site_seed)
        made = ("phantom", "--sites", "--site", site, "-n", number, "--seed", seed, "--spacing", study.phantom_mm)
        _run(*made, "-o", str(folder / "raw"))
        named = f"{site}={folder / 'raw' / site}"
        _run(
            "data", "prepare", "--dataset", named, "--spacing", f"{study.spacing_mm:g}", "--antialias", "-o", str(store)
        )
    for name, number, seed in _labelled(study):
        if len(list((folder / name).glob("*/case.json"))) < number:
            made = ("phantom", "-n", str(number), "--seed", str(seed), "--spacing", study.phantom_mm)
            _run(*made, "-o", str(folder / name))


def site_cases(folder: Path, study: Study) -> dict[str, tuple[LabelledCase, ...]]:
    """The cases of each site, with the labels the site has."""
    stores = ((site, folder / "stores" / site) for site in study.sites)
    return {site: load_store(path, STRUCTURES.keys, study.preprocess, _in_memory)[1] for site, path in stores}


def _in_memory(cases: Sequence[ScanOfDataset]) -> Division:
    """All cases as validation cases: those are read into memory, which suits a small set."""
    return Division(frozenset(), frozenset(case.name for case in cases))


def unseen_cases(folder: Path, study: Study) -> tuple[LabelledCase, ...]:
    """Phantoms of no site, everything labelled."""
    return load_folder(folder / "unseen", STRUCTURES.keys, study.preprocess)


def few_shot_cases(folder: Path, study: Study) -> tuple[LabelledCase, ...]:
    """Phantoms in which only the novel structures are labelled; those that have all of them come first."""
    novel = [STRUCTURES.keys.index(key) for key in study.novel]
    only = np.isin(np.arange(len(STRUCTURES)), novel)
    cases = [restricted(case, only) for case in load_folder(folder / "few_shot", STRUCTURES.keys, study.preprocess)]
    return tuple(sorted(cases, key=lambda case: (-len(case.points), case.name)))


def restricted(case: LabelledCase, annotated: np.ndarray) -> LabelledCase:
    """The case as if only these structures had been looked for (bool [K])."""
    kept = case.annotated & annotated
    voxels, points = ({k: of[k] for k in of if kept[k]} for of in (case.voxels, case.points))
    return replace(case, annotated=kept, sets=case.sets & kept, voxels=voxels, points=points)


def with_background(case: LabelledCase, annotated: np.ndarray) -> LabelledCase:
    """The case as if these structures had been looked for: what has no label becomes background (bool [K])."""
    return replace(case, annotated=case.annotated | annotated)


def _labelled(study: Study) -> tuple[tuple[str, int, int], ...]:
    unseen = ("unseen", study.unseen_cases, study.unseen_seed)
    return unseen, ("few_shot", study.few_shot_cases, study.few_shot_seed)


def _run(*arguments: str) -> None:
    print("omentum", *arguments, file=sys.stderr)
    subprocess.run([*COMMAND, *arguments], check=True)


if __name__ == "__main__":
    main()
