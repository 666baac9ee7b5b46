"""Stomach, duodenum, colon, small bowel and the organs of the pelvis of the procedural body."""

from __future__ import annotations

import numpy as np

from omentum.phantom.label_names import AnatomicalPart
from omentum.phantom.reference_canvas import GAP, Canvas, along
from omentum.phantom.template import Numbers, Template

HAUSTRA_MM = 24.0


def paint_stomach(canvas: Canvas, template: Template, rng: np.random.Generator) -> None:
    """From nearly empty to well filled."""
    path = template.paths["stomach"] * np.array([1, 1, 1, rng.uniform(0.8, 1.25)])
    found = canvas.distance(along(path), 4.0)
    if found is not None:
        box, away = found
        inside = (away + 1.2 * canvas.bumps[box] < 0) & (canvas.inner_mm[box] < -4.0)
        canvas.claim(box, inside, AnatomicalPart(("stomach",), "stomach"))
        canvas.claim(box, away < 2.5, GAP)


def paint_duodenum(canvas: Canvas, template: Template, rng: np.random.Generator) -> None:
    """The C around the head of the pancreas."""
    path = template.paths["duodenum"] * np.array([1, 1, 1, rng.uniform(0.8, 1.05)])
    canvas.tube(path, AnatomicalPart(("duodenum",), "duodenum"), 1.0)


def paint_colon(canvas: Canvas, template: Template, rng: np.random.Generator) -> None:
    """The frame from caecum to sigmoid, wandering, with haustra; then the rectum."""
    canvas.tube(template.paths["rectum"], AnatomicalPart(("rectum",), "colon"), 1.0)
    path = template.paths["colon"].copy()
    path[1:-3, :3] += rng.normal(0.0, 4.0, (len(path) - 4, 3))
    path[:, 3] *= rng.uniform(0.75, 1.1)
    samples = along(path)
    step = np.linalg.norm(np.diff(samples[:, :3], axis=0), axis=1).mean()
    wave = 2 * np.pi * np.arange(len(samples)) * step / HAUSTRA_MM
    samples[:, 3] *= 1.0 + 0.12 * np.cos(wave + np.cumsum(rng.normal(0, 0.06, len(wave))))
    found = canvas.distance(samples, 3.0)
    if found is not None:
        box, away = found
        canvas.claim(box, (away < 0) & (canvas.inner_mm[box] < -2.0), AnatomicalPart(("colon",), "colon"))
        canvas.claim(box, away < 1.5, GAP)


def paint_small_bowel(canvas: Canvas, rng: np.random.Generator) -> None:
    """One long tangle through what is left of the central abdomen, among its mesentery."""
    room = _room(canvas)
    if len(room) < 50:
        return
    stops = _spread(room, rng, rng.uniform(27.0, 31.0))
    radius = rng.uniform(10.8, 12.5)
    if len(stops) < 3:
        return
    path = np.column_stack([_tour(stops), np.full(len(stops), radius)])
    found = canvas.distance(along(path, 2.5), 2.0)
    if found is not None:
        box, away = found
        inside = (away + 0.8 * canvas.bumps[box] < 0) & (canvas.inner_mm[box] < -4.0)
        canvas.claim(box, inside, AnatomicalPart(("small_bowel",), "small_bowel"))


def _room(canvas: Canvas) -> Numbers:
    """Free points in front of the great vessels, at most some thousand."""
    box = canvas.window((-105, -30, 25), (100, 140, 255))
    if box is None:
        return np.zeros((0, 3))
    x, y, z = canvas.at(box)
    free = (canvas.taken[box] == 0) & (canvas.inner_mm[box] < -14.0)
    free &= (x > -105) & (x < 100) & (z > 40) & (z < np.interp(x, [-60, 20], [270, 225]))
    free &= y > np.interp(z, [40, 80, 140, 250], [-15, 10, 38, 48])
    points = np.stack([p[free] for p in (x, y, z)], axis=1)
    return points[:: max(1, len(points) // 6000)].astype(np.float64)


def _spread(room: Numbers, rng: np.random.Generator, apart_mm: float) -> Numbers:
    """Random points that keep their distance."""
    chosen: list[Numbers] = []
    left = room[rng.permutation(len(room))]
    while len(left):
        chosen.append(left[0])
        left = left[np.linalg.norm(left - left[0], axis=1) > apart_mm]
    return np.array(chosen)


def _tour(stops: Numbers) -> Numbers:
    """From the upper left to the lower right, always on to the nearest stop that is not yet left behind."""
    order, left = [], list(range(len(stops)))
    at = int(np.argmin(stops[:, 0] - stops[:, 2]))
    while True:
        order.append(at)
        left.remove(at)
        if not left:
            return stops[order]
        cost = np.linalg.norm(stops[left] - stops[at], axis=1) + 0.1 * (stops[left, 0] - stops[left, 2])
        at = left[int(np.argmin(cost))]


def paint_pelvic_organs(canvas: Canvas, sex: str, rng: np.random.Generator) -> None:
    """Bladder, and below or behind it what the sexes differ in."""
    size = rng.uniform(0.65, 1.2)
    pieces = [((1, 23, 10 + 25 * size), (48 * size, 42 * size, 34 * size), AnatomicalPart(("bladder",), "bladder"))]
    if sex == "m":
        grown = rng.uniform(0.95, 1.4)
        pieces.insert(
            0, ((1, -6, -16), (24 * grown, 16 * grown, 17 * grown), AnatomicalPart(("prostate",), "prostate"))
        )
        pieces += [((x, -27, 10), (17, 6, 8), AnatomicalPart((), "seminal_vesicle")) for x in (-15, 17)]
    else:
        pieces.insert(0, ((2, -22, 34), (24, 18, 34), AnatomicalPart((), "uterus")))
        pieces += [((x, -12, 48), (14, 11, 15), AnatomicalPart((), "ovary")) for x in (-42, 46)]
    for centre, radii, part in pieces:
        found = canvas.ellipsoid(centre, radii)
        if found is not None:
            canvas.claim(found[0], found[1] < 1.0, part)
