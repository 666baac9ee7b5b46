"""`omentum annotate click`: corrects one structure by places inside and outside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omentum.annotate.click.options import ClickOptions
from omentum.cli.case_warnings import print_case_warnings
from omentum.cli.option_table import Overwrite, Quiet, with_options
from omentum.cli.structures_option import StructuresFile

if TYPE_CHECKING:
    from omentum.annotate.click.correct import Click
    from omentum.volume import Grid


@with_options
def click(
    image: Annotated[Path, typer.Argument(metavar="CT", help="the CT in HU")],
    masks: Annotated[
        Path, typer.Argument(metavar="MASKS", help="case folder of omentum segment, .seg.nrrd, or label map")
    ],
    *,
    structure: Annotated[str, typer.Option(metavar="NAME", help="the structure that is corrected")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .seg.nrrd to write")],
    places: ClickOptions,
    weights: Annotated[str, typer.Option("-w", "--weights", metavar="WEIGHTS", help="name or file")] = "default",
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    own: StructuresFile = None,
) -> None:
    """Correct a mask by clicks, without training; it changes only around them.

    Give the clicks of earlier corrections of the structure again: later ones might undo them.
    """
    from omentum.annotate.click.correct import Corrector
    from omentum.errors import UsageError
    from omentum.io.seg_nrrd.write import write_seg_nrrd
    from omentum.io.segmentations import read_segmentation
    from omentum.output_checks import check_output

    if not out.name.endswith(".seg.nrrd"):
        raise UsageError("the output is a .seg.nrrd file", source=out)
    check_output(out, inputs=[image, masks], overwrite=overwrite)
    with print_case_warnings():
        before = read_segmentation(masks)
        corrector = Corrector(image, weights)
        clicks = [
            _click(text, corrector.grid, is_inside=kind, voxels=places.voxels)
            for kind, texts in ((True, places.inside), (False, places.outside))
            for text in texts
        ]
        found = corrector.correct(before, structure, clicks)
    write_seg_nrrd(out, found.segmentation)
    if not quiet:
        print(f"{out}: {found.structure}: {found.added} voxels added, {found.removed} removed, {found.seconds:.1f} s")


def _click(text: str, grid: Grid, *, is_inside: bool, voxels: bool) -> Click:
    from omentum.annotate.click.correct import Click
    from omentum.errors import UsageError

    try:
        x, y, z = (float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f"{text!r} is no place", remedy="three numbers, for example --inside 42,-10.5,130") from None
    return Click.at_voxel(grid, (x, y, z), inside=is_inside) if voxels else Click((x, y, z), is_inside)
