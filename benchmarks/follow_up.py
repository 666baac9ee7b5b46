"""Does `omentum lesions compare` say anything false? Patients scanned twice in any pose, and pairs of two people.

    python benchmarks/follow_up.py -j 2 -o benchmarks/results/follow_up.json RESULTS...

Phantoms' truth stands for segmentations, with balls of known growth for lesions; the second scan lies, breathes, is
cut, sampled and stored otherwise. RESULTS are outputs of `omentum segment` (folders with a segmentation.nii.gz) of
real CTs, each of another person: all pairs of them, and each of them in another pose.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np

from omentum.follow_up.compare import follow_up
from omentum.follow_up.result import FollowUp
from omentum.follow_up.tracked import TrackedLesion
from omentum.io.labels import read_labelmap
from omentum.phantom import build_body
from omentum.segmentation import Segmentation
from poses import Ball, draw_balls, draw_motion, field_of, inside, scans_of, seen_on, stored_otherwise
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/follow_up/agreement.py", "src/omentum/follow_up/alignment.py", "src/omentum/follow_up/compare.py"),
    *("src/omentum/follow_up/frames.py", "src/omentum/follow_up/matching.py", "src/omentum/follow_up/transform.py"),
    *(
        "src/omentum/follow_up/recist.py",
        "src/omentum/follow_up/shared_organ.py",
        "src/omentum/follow_up/affine_fit.py",
    ),
    *("src/omentum/follow_up/visibility.py", "benchmarks/poses.py"),
)
ORGANS = (
    *("liver", "spleen", "right_kidney", "left_kidney", "pancreas", "aorta", "inferior_vena_cava"),
    *("right_lung", "left_lung", "right_femoral_head", "left_femoral_head"),
)
SPACING_MM = (4.0, 4.0, 4.0)
LESIONS, RADII_MM = 6, (7.0, 13.0)
BREATH_MM, COARSE_MM, FINE_MM = 15.0, (4.0, 4.0, 5.0), (2.5, 2.5, 3.0)
AROUND_MM = 15.0
"""A lesion this far from the edge of the field of view must not be called "not imaged"."""
SHRUNK, GROWN = -0.2, 0.1
"""A response of targets that truly shrank by less is false, and so is progression without growth by so much."""

WORDS = {
    "pairs": "{}", "of": "{}", "refused": "{}", "smallest residual / limit": "{:.2f}",
    "median": "{:.2f}", "largest": "{:.2f}", "s a pair": "{:.1f}",
}  # fmt: skip
STATUSES = {
    "lesions": "{}", "of": "{}", "rightly told": "{}", "not to be told": "{}", "false": "{}"
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What was said of one pair.

    Args:
        ratio: Residual over its limit; None where organs were not asked.
        refused: Whether it was.
        seconds: Of the processor, for the comparison.
        told: True status, then what was told ("right", "untold" or "false"), for each lesion.
        false_response: Whether the category is false.
    """

    ratio: float | None
    refused: bool
    seconds: float
    told: tuple[tuple[str, str], ...] = ()
    false_response: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="*", type=Path)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--poses", type=int, default=20, help="later scans of each patient")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
        people = range(arguments.patients)
        posed = [(n, pose) for n in people for pose in range(arguments.poses)]
        groups = {
            ("one patient twice", "phantoms"): shown("same", pool.map(same_phantom, posed), len(posed)),
            ("two people", "phantoms"): shown("different", pool.map(other_phantom, list(combinations(people, 2)))),
        }
        if arguments.results:
            real = [str(path) for path in arguments.results]
            groups |= {
                ("one patient twice", "real CTs, bundled model"): shown("real, posed", pool.map(same_real, real)),
                ("two people", "real CTs, bundled model"): shown(
                    "real, different", pool.map(other_real, list(combinations(real, 2)))
                ),
            }
    same = groups["one patient twice", "phantoms"]
    publish(
        arguments.out,
        title="Lesions compared: pairs of scans with known truth",
        about="A residual over 1 is refused. Seconds are the processor's, of one thread.",
        measures=MEASURES,
        tables={"pairs": pairs_table(groups), "lesions": lesions_table(same)},
        values={"pairs with a false response or progression": sum(one.false_response for one in same)},
    )


def same_phantom(case: tuple[int, int]) -> Outcome:
    """One patient in another pose."""
    patient, pose = case
    truth, rng = phantom(patient), np.random.default_rng((530_000, patient, pose))
    balls = draw_balls(rng, truth, LESIONS, RADII_MM)
    then, now = scans_of(truth, balls)
    matrix = draw_motion(rng)
    part = (0.0, 1.0) if pose % 2 else (float(rng.uniform(0, 0.3)), float(rng.uniform(0.7, 1)))
    grid = field_of(now, matrix, rng.uniform(FINE_MM, COARSE_MM), part)
    breath_mm = float(rng.uniform(0, BREATH_MM)) if "liver" in truth.present() else 0.0
    after = stored_otherwise(rng, seen_on(now, matrix, grid, breath_mm))
    started = time.process_time()
    result = follow_up(then, after, force=True)
    seconds = time.process_time() - started
    told = []
    for change in result.lesions:
        ball = ball_of(change, balls, matrix)
        far = inside(grid, ball, matrix, max(ball.before_mm, ball.after_mm) + AROUND_MM)
        told.append((ball.status, verdict(change, ball, must_be_told=far)))
    return Outcome(ratio_of(result), result.is_forced, seconds, tuple(told), is_false(result, balls, matrix))


def other_phantom(pair: tuple[int, int]) -> Outcome:
    """Two people."""
    return compared(phantom(pair[0]), phantom(pair[1]))


def same_real(path: str) -> Outcome:
    """A real segmentation in another pose, sampled otherwise."""
    seg, rng = segmentation(path), np.random.default_rng(1)
    matrix = draw_motion(rng)
    breath_mm = BREATH_MM if "liver" in seg.present() else 0.0
    return compared(seg, seen_on(seg, matrix, field_of(seg, matrix, (3.0, 3.0, 5.0)), breath_mm))


def other_real(pair: tuple[str, str]) -> Outcome:
    """Segmentations of two people."""
    return compared(segmentation(pair[0]), segmentation(pair[1]))


def compared(before: Segmentation, after: Segmentation) -> Outcome:
    """A pair of which only the bodies are judged."""
    started = time.process_time()
    result = follow_up(before, after, force=True)
    return Outcome(ratio_of(result), result.is_forced, time.process_time() - started)


@lru_cache
def phantom(patient: int) -> Segmentation:
    """Truth of a patient."""
    truth = build_body(np.random.default_rng((520_000, patient)), SPACING_MM).truth
    return truth.subset(key for key in truth.classes if key in ORGANS)


def segmentation(path: str) -> Segmentation:
    """Of a folder."""
    return read_labelmap(Path(path) / "segmentation.nii.gz")


def ratio_of(result: FollowUp) -> float | None:
    """Residual over its limit."""
    found = result.alignment.agreement
    return None if found is None else found.residual_mm / found.limit_mm


def verdict(change: TrackedLesion, ball: Ball, *, must_be_told: bool) -> str:
    """Whether what was told is true."""
    status = change.status
    if status == ball.status:
        return "right"
    is_untold = status.startswith("not ")
    return "untold" if is_untold and not (must_be_told and status.startswith("not imaged")) else "false"


def is_false(result: FollowUp, balls: Sequence[Ball], matrix: np.ndarray) -> bool:
    """Whether the category contradicts the truth by more than voxels explain."""
    targets = [ball_of(change, balls, matrix) for change in result.lesions if change.targets]
    then, now = sum(b.before_mm for b in targets), sum(b.after_mm for b in targets)
    change, category = (now - then) / then if then else 0.0, result.response.category
    if category == "complete response":
        return any(ball.after_mm for ball in balls)
    if category == "partial response":
        return change > SHRUNK
    has_new = any(ball.before_mm == 0 for ball in balls)
    return category == "progressive disease" and not has_new and change < GROWN


def ball_of(change: TrackedLesion, balls: Sequence[Ball], matrix: np.ndarray) -> Ball:
    """The ball that a change is about."""
    at = np.array(change.any.centroid_mm)
    if not change.before:
        back = np.linalg.inv(matrix)
        at = back[:3, :3] @ at + back[:3, 3]
    return min(balls, key=lambda ball: float(np.linalg.norm(at - np.array(ball.centre))))


def shown(what: str, outcomes: Iterable[Outcome], total: int | None = None) -> list[Outcome]:
    """Collected, with a word now and then."""
    kept = []
    for n, one in enumerate(outcomes, 1):
        kept.append(one)
        if n % 10 == 0:
            print(f"{what}: {n}{f' of {total}' if total else ''}, {sum(o.refused for o in kept)} refused",
                  file=sys.stderr, flush=True)  # fmt: skip
    return kept


def pairs_table(groups: dict[tuple[str, str], list[Outcome]]) -> Table:
    """A row for each group."""
    rows = []
    for (what, of), outcomes in groups.items():
        ratios = [one.ratio for one in outcomes if one.ratio is not None]
        spread: list[Callable[[list[float]], float]] = [min, lambda r: float(np.median(r)), max]
        seconds = float(np.median([one.seconds for one in outcomes]))
        refused = sum(one.refused for one in outcomes)
        rows.append((f"{what}: {len(outcomes)}", of, refused, *(f(ratios) for f in spread), seconds))
    return Table(WORDS, rows, about="Median, smallest and largest residual as shares of their limit.")


def lesions_table(outcomes: Sequence[Outcome]) -> Table:
    """What was told of lesions by what became of them."""
    told = [one for outcome in outcomes if not outcome.refused for one in outcome.told]
    rows = []
    for status in ("same", "gone", "new"):
        of = [verdict for true, verdict in told if true == status]
        rows.append((status, len(of), *(of.count(word) for word in ("right", "untold", "false"))))
    return Table(STATUSES, rows, about="Of phantoms that were not refused; false: another status than the true one.")


if __name__ == "__main__":
    main()
