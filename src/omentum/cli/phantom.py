"""`omentum phantom`: synthetic CTs with exact masks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from omentum.cli.option_table import Jobs, Quiet, with_options
from omentum.cli.phantom_sites import SiteOrder, write_sites, written
from omentum.cli.structures_option import StructuresFile
from omentum.errors import InputError, UsageError
from omentum.option_fields import Group, option

if TYPE_CHECKING:
    from omentum.phantom import CaseOptions, RestyleSource

SPACING_MM = "1.6,1.6,3"


@dataclass(frozen=True)
class PhantomSource:
    """Source of a phantom: a generated body, a real label map, or the public datasets.

    Args:
        from_labels, names: Label map to restyle, and JSON file with the names of its values.
        phase: Contrast phase; random by default.
        sex: Sex of a generated body; random by default.
        sites: Imitate the public datasets.
        site: Restrict to these datasets.
        extra: Comma-separated structures beyond the 32.
    """

    from_labels: Path | None = field(
        default=None,
        metadata=option(
            "restyle this real label map instead of building a body", Group.INPUT, kind=Path, metavar="FILE"
        ),
    )
    names: Path | None = field(
        default=None,
        metadata=option("JSON: label value -> name of the structure", Group.INPUT, kind=Path, metavar="FILE"),
    )
    phase: Literal["nc", "art", "pv", "del"] | None = field(
        default=None,
        metadata=option("contrast phase, random by default", Group.HOW, choices=("nc", "art", "pv", "del")),
    )
    sex: Literal["m", "f"] | None = field(
        default=None, metadata=option("of a built body, random by default", Group.HOW, choices=("m", "f"))
    )
    sites: bool = field(
        default=False,
        metadata=option("re-enact the public datasets, files and labels as downloaded", Group.INPUT),
    )
    extra: str = field(
        default="",
        metadata=option(
            "structures beyond the 32: appendix, adrenal_mass, vertebra_l1 (comma-separated)",
            Group.HOW,
            metavar="NAMES",
        ),
    )
    site: tuple[str, ...] = field(
        default=(), metadata=option("only this dataset; repeatable", Group.INPUT, metavar="NAME", is_repeated=True)
    )


@with_options
def phantom(
    source: PhantomSource,
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for case_0000, case_0001, ...", file_okay=False)],
    number: Annotated[int, typer.Option("-n", "--number", help="how many cases", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="the same seed gives the same cases", min=0)] = 0,
    spacing: Annotated[str, typer.Option(help="voxel spacing in mm along x, y, z")] = SPACING_MM,
    structures: StructuresFile = None,
    wild: Annotated[float, typer.Option(help="share of cases with unreal grey values", min=0.0, max=1.0)] = 0.0,
    lesions: Annotated[bool, typer.Option("--lesions/--no-lesions", help="insert tumours and cysts")] = True,
    jobs: Jobs = 1,
    quiet: Quiet = False,
) -> None:
    """Generate synthetic CTs with exact masks of all structures, as case folders for training or testing.

    With --sites, imitate the public datasets: layout, label values and partial annotations of each, with -n cases per
    dataset and voxels no finer than --spacing. Exact masks are written to OUT/truth/<dataset>/<case>.
    """
    from rich.console import Console

    from omentum.output_checks import check_output
    from omentum.phantom import BodyOptions, CaseOptions, LesionOptions

    console = Console(quiet=quiet, highlight=False)
    spacing_mm = _spacing(spacing)
    if source.sites or source.site:
        if source.from_labels or source.names or wild or source.phase or source.sex or not lesions or source.extra:
            raise UsageError(
                "--sites decides itself what a case looks like",
                remedy="leave out --from-labels, --names, --wild, --phase, --sex, --no-lesions, --extra",
            )
        write_sites(SiteOrder(out, source.site, number, seed, spacing_mm), jobs, console)
        return
    if source.from_labels and source.extra:
        raise UsageError("--extra is for a built body", remedy="leave out --from-labels or --extra")
    folders = [out / f"case_{k:04d}" for k in range(number)]
    for folder in folders:
        check_output(folder, inputs=[path for path in (source.from_labels, source.names) if path], overwrite=True)
    labels = None if source.from_labels is None else _source(source.from_labels, source.names)
    options = CaseOptions(
        phase=source.phase,
        wild=wild,
        lesions=LesionOptions() if lesions else None,
        body=BodyOptions(sex=source.sex, extra=tuple(name.strip() for name in source.extra.split(",") if name.strip())),
    )
    tasks = [(folder, (seed, k), spacing_mm, labels, options) for k, folder in enumerate(folders)]
    for folder in written(_write, tasks, jobs, console):
        console.print(str(folder), markup=False, soft_wrap=True)


Task = tuple[Path, tuple[int, int], tuple[float, float, float], "RestyleSource | None", "CaseOptions"]


def _write(task: Task) -> Path:
    from omentum.io.truth import write_case
    from omentum.phantom import make_case

    folder, seed, spacing_mm, source, options = task
    case = make_case(seed, spacing_mm, source, options)
    write_case(folder, case.ct, case.truth, case.facts)
    return folder


def _spacing(text: str) -> tuple[float, float, float]:
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    values = values * 3 if len(values) == 1 else values
    if len(values) != 3 or not all(0.4 <= v <= 10.0 for v in values):
        raise UsageError(f"--spacing {text!r} is not three numbers from 0.4 to 10 mm", remedy=f"e.g. {SPACING_MM}")
    return values[0], values[1], values[2]


def _source(labels: Path, names: Path | None) -> RestyleSource:
    from omentum.io.nifti import read_volume
    from omentum.phantom import RestyleSource

    if names is None:
        raise UsageError("--from-labels needs --names", remedy='a JSON file such as {"1": "spleen", ...}')
    return RestyleSource.from_labels(read_volume(labels), _names(names))


def _names(path: Path) -> dict[int, str]:
    try:
        raw = json.loads(path.read_bytes())
        return {int(value): str(name) for value, name in raw.items()}
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (ValueError, AttributeError) as fault:
        raise InputError('is not JSON of the form {"1": "spleen", ...}', source=path) from fault
