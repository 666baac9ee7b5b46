"""`omentum classes --map`: similarity of the classes of weights, before and after training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import UsageError

if TYPE_CHECKING:
    from omentum.report.class_map import ClassMap


def show_class_map(weights: str, out: Path | None, *, as_json: bool, overwrite: bool) -> None:
    """Print what the map says in numbers, and draw it if a file is named."""
    from omentum.output_checks import check_output
    from omentum.pipeline.class_map import map_classes

    if out is not None:
        if out.suffix.lower() not in (".png", ".svg"):
            raise UsageError("the picture is a .png or .svg file", source=out)
        check_output(out, inputs=[Path(weights)], overwrite=overwrite)
    found = map_classes(weights)
    if out is not None:
        from omentum.report.class_map_picture import save_class_map

        save_class_map(out, found)
    if as_json:
        print(json.dumps(found.to_json(), indent=1))
        return
    _print_table(found)
    if out is not None:
        print(out)


def _print_table(found: ClassMap) -> None:
    print(f"{found.weights}: {len(found.keys)} classes, text encoder {found.text_encoder}")
    print(f"{'':<18}{'mean cosine':>12}{'side nearest to side':>22}{'lesion nearest to its organ':>29}")
    for stage in found.stages:
        sides, lesions = (
            "{} of {}".format(*found.share_nearest(stage, related)) for related in (found.pairs, found.lesions)
        )
        print(f"{stage.name:<18}{stage.mean_cosine:>12.2f}{sides:>22}{lesions:>29}")
    if pairs := found.nearly_equal(found.stages[-1]):
        print(f"nearly equal heads: {', '.join(f'{one} and {other}' for one, other in pairs)}")
