"""`omentum phantom`: synthetic CTs with exact masks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from omentum.cli.option_table import Jobs, Overwrite, Quiet, with_options
from omentum.cli.phantom_sites import SiteOrder, write_sites, written
from omentum.cli.structures_option import StructuresFile
from omentum.errors import InputError, OutputError, UsageError
from omentum.formatting import listed
from omentum.option_fields import Group, option

if TYPE_CHECKING:
    from omentum.phantom import CaseOptions, ImplantSource, LesionOptions, RestyleSource

SPACING_MM = "1.6,1.6,3"


@dataclass(frozen=True)
class PhantomSource:
    """Source of a phantom: a generated body, a real label map, or the public datasets.

    Args:
        from_labels, names: Label map to restyle, and JSON file with the names of its values.
        into_ct: Real CT on the label map's grid, to put lesions into instead of restyling.
        phase: Contrast phase; random by default.
        sex: Sex of a generated body; random by default.
        sites: Imitate the public datasets.
        site: Restrict to these datasets.
        extra: Comma-separated words for structures beyond the 32.
        wild: Share of cases with unreal grey values.
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
    into_ct: Path | None = field(
        default=None,
        metadata=option(
            "put lesions into this real CT, which has none; --from-labels: its organs",
            Group.INPUT,
            kind=Path,
            metavar="FILE",
        ),
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
            metavar="WORDS",
        ),
    )
    wild: float = field(
        default=0.0, metadata=option("share of cases with unreal grey values", Group.HOW, kind=float, metavar="SHARE")
    )
    site: tuple[str, ...] = field(
        default=(), metadata=option("only this dataset; repeatable", Group.INPUT, metavar="NAME", is_repeated=True)
    )

    def __post_init__(self) -> None:
        if not 0 <= self.wild <= 1:
            raise UsageError(f"--wild {self.wild} is no share", remedy="from 0 to 1")


@dataclass(frozen=True)
class PhantomLesions:
    """Lesions of the cases.

    Args:
        lesions: Insert tumours and cysts.
        lesion_odds: Probability that a case has lesions of a kind; by default that of each kind.
        lesion_contrast: Least difference between a lesion and its host, in HU.
        look_alikes: Insert benign findings that are mistaken for lesions.
    """

    lesions: bool = field(default=True, metadata=option("insert tumours and cysts", Group.HOW))
    lesion_odds: float | None = field(
        default=None,
        metadata=option(
            "probability of lesions of each kind in a case", Group.HOW, kind=float, shown_default="0.35 to 0.5"
        ),
    )
    lesion_contrast: float = field(
        default=0.0, metadata=option("least difference between a lesion and its host, in HU", Group.HOW, kind=float)
    )
    look_alikes: bool = field(
        default=True, metadata=option("insert cysts, stones, scars, ... that are mistaken for tumours", Group.HOW)
    )

    def __post_init__(self) -> None:
        if self.lesion_odds is not None and not 0 <= self.lesion_odds <= 1:
            raise UsageError(f"--lesion-odds {self.lesion_odds} is no probability", remedy="from 0 to 1")
        if not 0 <= self.lesion_contrast <= 100:
            raise UsageError(f"--lesion-contrast {self.lesion_contrast} is not between 0 and 100 HU")


@with_options
def phantom(
    source: PhantomSource,
    wanted: PhantomLesions,
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for case_0000, case_0001, ...", file_okay=False)],
    number: Annotated[int, typer.Option("-n", "--number", help="how many cases", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="the same seed gives the same cases", min=0)] = 0,
    spacing: Annotated[str, typer.Option(help="voxel spacing in mm along x, y, z")] = SPACING_MM,
    structures: StructuresFile = None,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Generate synthetic CTs with exact masks of all structures, as case folders for training or testing.

    With --into-ct, a real CT keeps its own grid and everything but what lesions replace.

    With --sites, imitate the public datasets: layout, label values and partial annotations of each, with -n cases per
    dataset and voxels no finer than --spacing. Exact masks are written to OUT/truth/<dataset>/<case>.
    """
    from rich.console import Console

    from omentum.output_checks import check_output
    from omentum.phantom import BodyOptions, CaseOptions

    console = Console(quiet=quiet, highlight=False)
    spacing_mm = _spacing(spacing)
    if source.sites or source.site:
        if source != PhantomSource(sites=source.sites, site=source.site) or wanted != PhantomLesions():
            raise UsageError(
                "--sites decides itself what a case looks like",
                remedy="leave out --from-labels, --names, --into-ct, --wild, --phase, --sex, --extra and lesions",
            )
        write_sites(SiteOrder(out, source.site, number, seed, spacing_mm, overwrite), jobs, console)
        return
    if source.from_labels and source.extra:
        raise UsageError("--extra is for a built body", remedy="leave out --from-labels or --extra")
    folders = [out / f"case_{k:04d}" for k in range(number)]
    _refuse_others(out, folders)
    for folder in folders:
        inputs = [path for path in (source.from_labels, source.names, source.into_ct) if path]
        check_output(folder, inputs=inputs, overwrite=overwrite)
    labels = _source(source)
    if source.into_ct and (source.wild or source.phase or source.sex or not wanted.lesions):
        raise UsageError(
            "--into-ct keeps everything of the CT but its lesions",
            remedy="leave out --wild, --phase, --sex, --no-lesions",
        )
    options = CaseOptions(
        phase=source.phase,
        wild=source.wild,
        lesions=_lesions(wanted),
        lesion_contrast_hu=wanted.lesion_contrast,
        body=BodyOptions(sex=source.sex, extra=_extra(source.extra)),
    )
    tasks = [(folder, (seed, k), spacing_mm, labels, options) for k, folder in enumerate(folders)]
    for folder in written(_write, tasks, jobs, console):
        console.print(str(folder), markup=False, soft_wrap=True)


def _refuse_others(out: Path, folders: Sequence[Path]) -> None:
    """Refuse a folder with other cases: what is made now and what was made otherwise would become one data set.

    Raises:
        OutputError: It holds some.
    """
    from omentum.io.truth import DESCRIPTION

    others = sorted({file.parent for file in out.glob(f"*/{DESCRIPTION}")} - {*folders})
    if others:
        names = listed([folder.name for folder in others])
        raise OutputError(f"holds other cases: {names}", source=out, remedy="choose another output, or remove them")


def _extra(words: str) -> tuple[str, ...]:
    """Keys of the extra structures that words denote, as in --classes."""
    from omentum.phantom.extra_structures import include_extra_structures
    from omentum.words import keys_of, structures_in

    if not words.strip():
        return ()
    include_extra_structures()
    return keys_of(structures_in(words, guesses=False))


Task = tuple[Path, tuple[int, int], tuple[float, float, float], "RestyleSource | ImplantSource | None", "CaseOptions"]


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


def _lesions(wanted: PhantomLesions) -> LesionOptions | None:
    from omentum.phantom import LesionOptions

    if not wanted.lesions:
        return None
    options = LesionOptions(look_alikes=1.0 if wanted.look_alikes else 0.0)
    if wanted.lesion_odds is None:
        return options
    return replace(options, odds=dict.fromkeys(options.odds, wanted.lesion_odds))


def _source(source: PhantomSource) -> RestyleSource | ImplantSource | None:
    from omentum.io.images import read_image
    from omentum.phantom import ImplantSource, RestyleSource

    if source.from_labels is None:
        if source.into_ct:
            raise UsageError("--into-ct needs --from-labels", remedy="a label map of the organs in this CT")
        return None
    if source.names is None:
        raise UsageError("--from-labels needs --names", remedy='a JSON file such as {"1": "spleen", ...}')
    labels, names = read_image(source.from_labels), _names(source.names)
    if source.into_ct:
        return ImplantSource.from_labels(read_image(source.into_ct), labels, names)
    return RestyleSource.from_labels(labels, names)


def _names(path: Path) -> dict[int, str]:
    try:
        raw = json.loads(path.read_bytes())
        return {int(value): str(name) for value, name in raw.items()}
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (ValueError, AttributeError) as fault:
        raise InputError('is not JSON of the form {"1": "spleen", ...}', source=path) from fault
