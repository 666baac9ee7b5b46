"""Seconds to write what people look at: report.html, preview.png and mesh files, of a large case.

    python benchmarks/report.py -o benchmarks/results/report.json

The case is a procedural phantom with every structure and lesions, enlarged to the shape asked for. CPU seconds are
what a machine that does nothing else needs on one core; measuring structures and lesions is not part of the report
and is given beside it.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

from omentum.measure import find_lesions, measure
from omentum.report.html import CaseReport, case_html
from omentum.report.meshes import FILE, mesh_file, surface_mesh
from omentum.report.preview import preview_png
from postprocess import scene
from record import Cell, Table, publish, result_file

MEASURES = ("src/omentum/report", "src/omentum/measure", "src/omentum/quality")
COLUMNS = {"what": "{}", "wall s": "{:.1f}", "CPU s": "{:.1f}", "MiB": "{:.1f}", "process peak GiB": "{:.2f}"}

MIB, KIB_PER_GIB = 1 << 20, 1 << 20
"""The latter because ru_maxrss counts KiB."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(512, 512, 300))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    ct, seg = scene(tuple(arguments.shape), arguments.seed)
    rows: list[tuple[Cell, ...]] = []

    def timed(name: str, run: Callable[[], Any], size: Callable[[Any], int] | None = None) -> Any:
        start, cpu = time.perf_counter(), time.process_time()
        result = run()
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_GIB
        rows.append((name, wall, cpu, size(result) / MIB if size else None, peak))
        return result

    timed("nothing (the case itself)", lambda: None)
    measures = timed("measures", lambda: measure(ct, seg))
    lesions = timed("lesions", lambda: find_lesions(ct, seg))
    report = CaseReport("benchmark", ct, seg, measures, lesions, {})
    timed("report.html", lambda: case_html(report), len)
    timed("preview.png", lambda: preview_png(ct, seg, measures=measures), len)
    timed("meshes of all structures as GLB", lambda: meshes(seg), sum)
    publish(
        arguments.out,
        title="Report",
        about=f"{len(seg.present())} structures and {len(lesions)} lesions on {' x '.join(map(str, seg.shape))}.",
        measures=MEASURES,
        tables={"parts": Table(COLUMNS, rows)},
    )


def meshes(seg) -> list[int]:
    """Bytes of each file."""
    return [len(mesh_file(surface_mesh(seg, key, box, FILE), key, "glb")) for key, box in seg.boxes().items()]


if __name__ == "__main__":
    main()
