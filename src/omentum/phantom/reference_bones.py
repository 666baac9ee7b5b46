"""Bones of the procedural body, and the muscles along the spine."""

from __future__ import annotations

import numpy as np

from omentum.phantom.extra_structures import VERTEBRA_L1
from omentum.phantom.label_names import AnatomicalPart
from omentum.phantom.reference_canvas import GAP, Box, Canvas, Mask, along, mirrored, plate
from omentum.phantom.source import HEAD_AND_NECK_MM
from omentum.phantom.template import Numbers, Template

FLAT, LONG = AnatomicalPart((), "flat_bone"), AnatomicalPart((), "long_bone")
CARTILAGE, MUSCLE = AnatomicalPart((), "costal_cartilage"), AnatomicalPart((), "muscle")
LUMBAR_BELOW_FIRST = ("L2", "L3", "L4", "L5")
HEAD_MM = np.array([88.0, 0.0, 0.0])
SACRUM_ROWS = tuple(
    np.array([[3 - half, back, z], [3, front, z], [3 + half, back, z]], np.float64)
    for z, half, front, back in (
        (100, 44, -34, -46),
        (84, 42, -52, -58),
        (66, 33, -70, -68),
        (48, 25, -86, -80),
        (28, 17, -92, -88),
        (8, 9, -89, -87),
        (-8, 3, -80, -80),
    )
)
PROMONTORY = np.array([[3, -6, 100, 19], [3, -22, 90, 17], [3, -42, 80, 14]], np.float64)


def paint_skeleton(canvas: Canvas, template: Template) -> None:
    """Spine, ribs, shoulder girdle, pelvis and femora."""
    _spine(canvas, template)
    _femora(canvas, template)
    _pelvis(canvas, template)
    _ribs(canvas, template)
    canvas.balls(_widened(along(template.paths["sternum"])), FLAT)
    for name, part in (("clavicle_r", FLAT), ("scapula_spine_r", FLAT), ("humerus_r", LONG)):
        for path in _both(template.paths[name], template):
            canvas.tube(path, part)
    half, rows = template.sheets["scapula_r"]
    for balls in _both(plate(rows, half), template):
        canvas.balls(balls, FLAT)


def paint_trunk_muscles(canvas: Canvas, template: Template) -> None:
    """Psoas, and the erectors of the spine behind it."""
    z, y, _, depth, _ = template.vertebrae.T
    beside = np.column_stack([np.full(len(z), 36.0), y - depth - 30.0, z, np.full(len(z), 23.0)])
    beside = np.vstack([beside, [[34, -72, 95, 20], [30, -92, 75, 12]]])
    for path in (*_both(template.paths["psoas_r"], template), *_both(beside, template)):
        canvas.tube(path, MUSCLE)
    _limb_muscles(canvas, template)


def _limb_muscles(canvas: Canvas, template: Template) -> None:
    """Buttocks, thighs, back and shoulders: all outside the cavity but for the fat between the bellies."""
    x, y, z = canvas.points
    inside = (canvas.outline_mm < -1.0) & (canvas.inner_mm > 5.0) & (canvas.bumps > -0.7)
    legs_apart = np.abs(x - np.float32(template.midline_x)) > np.interp(-z, [25, 60, 120], [0, 12, 22])
    whole: Box = (slice(None), slice(None), slice(None))
    canvas.claim(whole, inside & legs_apart & ((z < 125.0) | (y < -45.0) | (z > 540.0)), MUSCLE)


def _both(rows: Numbers, template: Template) -> tuple[Numbers, Numbers]:
    return rows, mirrored(rows, template)


def _widened(samples: Numbers) -> Numbers:
    """Side by side, so that the tube becomes about twice as wide as deep."""
    return np.vstack([samples + np.array([shift, 0, 0, 0]) for shift in (-9.0, -5.0, 0.0, 5.0, 9.0)])


def _spine(canvas: Canvas, template: Template) -> None:
    """Everything at once: each voxel knows between which two vertebrae it lies."""
    rows = template.vertebrae[::-1]
    box = canvas.window((-52, -110, rows[0, 0] - 18), (58, 50, rows[-1, 0] + 14))
    if box is None:
        return
    x, y, z = canvas.at(box)
    middle, half, depth, process = (np.interp(z, rows[:, 0], rows[:, n]) for n in (1, 2, 3, 4))
    number = np.interp(z, rows[:, 0], np.arange(len(rows)))
    ends = (z > rows[0, 0] - 16) & (z < rows[-1, 0] + 9)
    phase = np.where(z < rows[0, 0], (rows[0, 0] - z) / 37.0, np.abs(number - np.rint(number)))
    dx = np.abs(x - template.midline_x)
    dy = y - (middle - depth - 8.0)  # from the middle of the canal
    body = np.square(dx / half) + np.square((y - middle) / depth) < 1.0
    canal = np.square(dx / 11.5) + np.square(dy / 8.0) < 1.0
    bone = body & (phase < 0.4)
    bone |= (np.square(dx / 18.0) + np.square(dy / 14.0) < 1.0) & (phase < 0.36)
    bone |= (dx < half + 15.0) & (np.abs(dy + 3.0) < 5.0) & (phase < 0.17)
    bone |= (dx < 4.0) & (dy < 0) & (dy > -8.0 - process) & (phase < 0.3)
    canvas.claim(box, canal & ends, AnatomicalPart((), "spinal_canal"))
    if VERTEBRA_L1 in canvas.extra:
        first = np.rint(number) == len(LUMBAR_BELOW_FIRST)
        canvas.claim(box, bone & ends & first, AnatomicalPart((VERTEBRA_L1,), "vertebra"))
    for where, material in ((bone, "vertebra"), (body, "disc")):
        canvas.claim(box, where & ends, AnatomicalPart((), material))


def _ribs(canvas: Canvas, template: Template) -> None:
    for bone in template.ribs:
        for rows in _both(_stout(bone, 4.6), template):
            samples = along(rows)
            canvas.balls(np.vstack([samples + np.array([0, 0, dz, 0]) for dz in (-2.5, 2.5)]), FLAT)
    for gristle in template.cartilages:
        for rows in _both(_stout(gristle, 5.5), template):
            canvas.tube(rows, CARTILAGE)


def _stout(points: Numbers, radius_mm: float) -> Numbers:
    return np.column_stack([points, np.full(len(points), radius_mm)])


def _femora(canvas: Canvas, template: Template) -> None:
    """Head, neck and trochanters are one structure down to `HEAD_AND_NECK_MM` below the head's middle."""
    bones = ("femoral_neck_r", "trochanter_r", "lesser_trochanter_r")
    ball = np.append(HEAD_MM, 23.5)[None]
    whole = np.vstack([ball, *(along(template.paths[name]) for name in bones)])
    for side, samples in zip(("right", "left"), _both(whole, template), strict=True):
        found = canvas.distance(samples, 3.0)
        if found is None:
            continue
        box, away = found
        upper: Mask = canvas.at(box)[2] > -HEAD_AND_NECK_MM
        canvas.claim(box, (away < 0) & upper, AnatomicalPart((f"{side}_femoral_head",), "femoral_head"))
        canvas.claim(box, away < 0, LONG)
        canvas.claim(box, away < 2.0, GAP)


def _pelvis(canvas: Canvas, template: Template) -> None:
    canvas.tube(PROMONTORY, AnatomicalPart((), "sacrum"))
    canvas.balls(plate(SACRUM_ROWS, 10.0), AnatomicalPart((), "sacrum"))
    half, rows = template.sheets["ilium_r"]
    socket = np.array([HEAD_MM + 9.0 * np.array(d) for d in ([-1, 0, 0.6], [-0.5, -0.5, 0.9], [-0.5, 0.5, 0.8])])
    pieces = [plate(rows, half), _stout(socket, 24.5)]
    pieces += [along(template.paths[name]) for name in ("ischium_r", "pubis_r", "pubic_branch_r")]
    for balls in _both(np.vstack(pieces), template):
        canvas.balls(balls, FLAT)
