"""Three structures that a model never saw, added one after the other: what it learns and what it forgets.

    python benchmarks/extend.py --work own -o benchmarks/results/extend.json

A small network learns eight structures on phantoms at 4.5 mm. Then three sites come, each of which annotates one
further structure and nothing else: the first lumbar vertebra, an adrenal mass, an appendix. Every way of protecting the
known structures extends its own model three times. All structures are measured against the truth of further phantoms.
What is in the work folder already is used again; an interrupted run goes on, and ways may run side by side (`--only`).
About 25 minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from omentum import ExtendOptions, Extension, extend_model
from omentum.data.sampling.augmentation import Augmentation
from omentum.io.truth import DESCRIPTION, write_case
from omentum.phantom import BodyOptions, CaseOptions, make_case
from omentum.segmentation import Segmentation
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.extend.options import Protection
from omentum.train.run.folder import RESULT_FILE, VALIDATION_FILE
from omentum.train.training import train_model
from omentum.train.validate import Validation
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/train/extend", "src/omentum/model/adapters.py", "src/omentum/model/low_rank.py"),
    *("src/omentum/train/losses/distillation.py", "src/omentum/train/losses/apart.py"),
    "src/omentum/phantom/extra_structures.py",
)
SPACING_MM = (4.5, 4.5, 4.5)
OLD = ("spleen", "right_kidney", "left_kidney", "liver", "stomach", "aorta", "right_lung", "left_lung")
NEW = ("vertebra_l1", "adrenal_mass", "appendix")
SITES = {"base": (20, 1), "check": (5, 2), "vertebra_l1": (9, 12), "adrenal_mass": (10, 11), "appendix": (9, 10)}
"""Name -> cases and seed."""
BASE_STEPS, STEPS = 900, 600


@dataclass(frozen=True)
class Arm:
    """A way of protecting what is known."""

    name: str
    protect: Protection
    rehearses: bool = False
    rank: int = 4


ARMS = (
    Arm("pseudo-labels, distillation, rehearsal", Protection.DISTIL, rehearses=True),
    Arm("adapters, rank 3", Protection.ADAPTERS, rank=3),
    Arm("pseudo-labels", Protection.PSEUDO),
    Arm("naive", Protection.NONE),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the sites, train the base, extend it in every way, and publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for data and runs")
    parser.add_argument("--only", choices=[arm.protect.value for arm in ARMS], help="this way alone, nothing published")
    parser.add_argument("-o", "--out", type=result_file)
    given = parser.parse_args(arguments)
    for name in SITES:
        make_site(given.work / name, name)
    base = trained_base(given.work)
    if given.only is not None:
        extended(next(arm for arm in ARMS if arm.protect == given.only), base, given.work)
        return
    chains = {arm.name: extended(arm, base, given.work) for arm in ARMS}
    publish(
        given.out,
        title="Three structures added to a trained model, one after the other",
        about=(
            f"A residual U-Net of {BASE_STEPS} steps on 17 phantoms at 4.5 mm with eight structures, then {STEPS} "
            "steps for each new structure on 8 or 9 phantoms that annotate it alone. Dice on the truth of 5 further "
            "phantoms (new structures, when learned: and of 1 of their own site). Phantoms, a small network and few "
            "steps: the rows compare ways, they do not say what a full-size model reaches."
        ),
        measures=MEASURES,
        tables={"forgetting": forgetting_table(chains), "steps": steps_table(chains), "axes": axes_table(chains)},
    )


def make_site(folder: Path, name: str) -> None:
    """Phantoms of a site; the base has no further structure, a site of a new one annotates it alone."""
    number, seed = SITES[name]
    extra = () if name == "base" else NEW
    annotated = {"base": OLD, "check": (*OLD, *NEW)}.get(name, (name,))
    for k in range(number):
        place = folder / f"{name}_{k:02d}"
        if not (place / DESCRIPTION).exists():
            options = CaseOptions(lesions=None, body=BodyOptions(extent="abdomen", extra=extra))
            case = make_case((seed, k), SPACING_MM, options=options)
            truth = Segmentation(case.truth.bits, case.truth.affine, case.truth.classes, frozenset(annotated))
            write_case(place, case.ct, truth, case.facts)


def base_config(work: Path) -> TrainConfig:
    """The training of the model that is extended."""
    return TrainConfig(
        data=(DataConfig(folder=str(work / "base"), validation=3),),
        parameters={"widths": [16, 32, 48], "stem": 8, "blocks": 1, "decoded_channels": 32},
        head_channels=16,
        spacing_mm=SPACING_MM,
        patch=(32, 32, 32),
        classes=OLD,
        steps=BASE_STEPS,
        batch=2,
        workers=0,
        bf16=False,
        head_weight=1.0,
        ema_decay=0.99,
        temperature=float("inf"),
        validate_every=BASE_STEPS,
        augmentation=Augmentation(flip=0.0),
    )


def trained_base(work: Path) -> Path:
    """The model that is extended; a finished one is used whatever settings runs have got since."""
    run = work / "base_run"
    if Validation.read(run / VALIDATION_FILE).step == BASE_STEPS:
        return run / RESULT_FILE
    return train_model(base_config(work), run).model


def extended(arm: Arm, base: Path, work: Path) -> list[Extension]:
    """The base, extended by one structure after the other."""
    parent, out = base, []
    for key in NEW:
        made = work / f"{arm.protect}_{key}.safetensors"
        report = made.with_suffix(".json")
        if not report.exists():
            options = ExtendOptions(
                add=(key,),
                data=data_file(work, key),
                protect=arm.protect,
                rehearse=work / "base" if arm.rehearses else None,
                check=work / "check",
                rank=arm.rank,
                anyway=True,
            )
            report.write_text(json.dumps(extend_model(parent, made, options, overwrite=True).to_json(), indent=1))
        out.append(Extension.from_json(json.loads(report.read_text())))
        parent = made
    return out


def data_file(work: Path, key: str) -> Path:
    """The run of a new structure."""
    file = work / f"{key}.toml"
    file.write_text(
        f"steps = {STEPS}\nbatch = 2\nworkers = 0\nbf16 = false\nvalidate_every = {STEPS}\n"
        f'[augmentation]\nflip = 0.0\n[[data]]\nfolder = "{key}"\nvalidation = 1\n'
    )
    return file


def dice(extension: Extension, key: str, *, after: bool = True) -> float:
    """Of a structure in one extension."""
    row = next(row for row in extension.structures if row.key == key)
    return float((row.after if after else row.before) or 0.0)


def forgetting_table(chains: dict[str, list[Extension]]) -> Table:
    """What is left of the eight structures after each extension, and the new ones at the end."""
    columns = {
        "way": "{}",
        "8 known before": "{:.3f}",
        **{f"after {key}": "{:.3f}" for key in NEW},
        "lost": "**{:.3f}**",
        "worst structure lost": "{:.3f}",
        **{f"{key} at the end": "{:.3f}" for key in NEW},
    }
    rows: list[list[Cell]] = []
    for name, chain in chains.items():
        first = [dice(chain[0], key, after=False) for key in OLD]
        after = [fmean(dice(step, key) for key in OLD) for step in chain]
        worst = max(before - dice(chain[-1], key) for before, key in zip(first, OLD, strict=True))
        end = [dice(chain[-1], key) for key in NEW]
        rows.append([name, fmean(first), *after, fmean(first) - after[-1], worst, *end])
    return Table(columns, rows)


def steps_table(chains: dict[str, list[Extension]]) -> Table:
    """Every new structure: from its word alone, when it was learned, and at the end."""
    columns = {"way": "{}", "structure": "{}", "word alone": "{:.3f}", "learned": "{:.3f}", "at the end": "{:.3f}"}
    rows: list[list[Cell]] = [
        [name, key, dice(step, key, after=False), dice(step, key), dice(chain[-1], key)]
        for name, chain in chains.items()
        for key, step in zip(NEW, chain, strict=True)
    ]
    return Table(columns, rows)


def axes_table(chains: dict[str, list[Extension]]) -> Table:
    """The six axes, over the three extensions."""
    columns = {
        "way": "{}",
        "performance": "{:.3f}",
        "forgetting": "{:.3f}",
        "plasticity": "{:.3f}",
        "forward generalisation": "{:.3f}",
        "parameter growth": "{:.1%}",
        "replayed cases": "{}",
        "passes": "{}",
    }
    rows: list[list[Cell]] = []
    for name, chain in chains.items():
        axes = [step.axes for step in chain]
        first = fmean(dice(chain[0], key, after=False) for key in OLD)
        rows.append(
            [
                name,
                axes[-1].performance,
                first - fmean(dice(chain[-1], key) for key in OLD),
                fmean(one.plasticity or 0.0 for one in axes),
                fmean(one.forward_generalisation or 0.0 for one in axes),
                axes[-1].parameter_growth,
                axes[-1].replayed_cases,
                axes[-1].passes,
            ]
        )
    return Table(columns, rows)


if __name__ == "__main__":
    main()
