"""Solid organs and vessels of the abdomen of the procedural body."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from omentum.phantom.label_names import AnatomicalPart
from omentum.phantom.reference_canvas import GAP, Canvas, along, plate
from omentum.phantom.reference_chest import diaphragm_mm
from omentum.phantom.template import Numbers, Template

ARTERIES = (
    "common_iliac_artery_l",
    "common_iliac_artery_r",
    "common_hepatic_artery",
    "splenic_artery",
    "superior_mesenteric_artery",
    "inferior_mesenteric_artery",
)
KIDNEYS = {"right": ((61.0, -20.0, 246.0), 1.0), "left": ((-63.0, -22.0, 256.0), -1.0)}
KIDNEY_RADII_MM = (27.0, 25.0, 53.0)
ADRENALS: dict[str, tuple[Numbers, Numbers]] = {
    "right": (
        np.array([[30, 15, 0], [33, 5, 0], [36, -12, 0]], np.float64),
        np.array([[33, 5, 0], [40, 1, 0], [45, -8, 0]], np.float64),
    ),
    "left": (
        np.array([[-32, 14, 0], [-32, 5, 0], [-27, -12, 0]], np.float64),
        np.array([[-32, 8, 0], [-39, 2, 0], [-44, -7, 0]], np.float64),
    ),
}
ADRENAL_RANGE_MM = {"right": (280.0, 304.0), "left": (274.0, 298.0)}


def paint_vessels(canvas: Canvas, template: Template) -> None:
    """Branches of the aorta, the portal system, the veins of the pelvis."""
    paths = template.paths
    canvas.tube(paths["coeliac_trunk"], AnatomicalPart(("coeliac_trunk",), "artery"))
    for name in ("portal_vein", "splenic_vein"):
        canvas.tube(paths[name], AnatomicalPart(("portal_splenic_vein",), "portal_vein"))
    canvas.tube(paths["superior_mesenteric_vein"], AnatomicalPart((), "portal_vein"))
    for name in ARTERIES:
        canvas.tube(paths[name], AnatomicalPart((), "artery"))
    for name in ("iliac_vein_l", "iliac_vein_r"):
        canvas.tube(paths[name], AnatomicalPart((), "vein"))


def paint_kidneys(canvas: Canvas, rng: np.random.Generator) -> None:
    """Beans with a fatty sinus open to the middle and front, upper poles towards the spine; fat around them."""
    for side, (middle, sign) in KIDNEYS.items():
        if f"{side}_kidney" in canvas.missing:
            continue
        centre = np.array(middle) + rng.normal(0.0, (3.0, 3.0, 7.0))
        turn = Rotation.from_euler("zy", [sign * -25.0, sign * -12.0 + rng.normal(0, 4)], degrees=True).as_matrix()
        radii = np.array(KIDNEY_RADII_MM) * rng.normal(1.0, 0.05, 3)
        hilum = centre + turn @ np.array([sign * -0.72 * radii[0], 3.0, 0.0])
        found, notch = canvas.ellipsoid(centre, radii, turn), canvas.ellipsoid(hilum, (19, 12, 24), turn, 0.15)
        if found is None:
            continue
        if notch is not None:
            canvas.claim(notch[0], notch[1] < 1.0, AnatomicalPart((), "renal_sinus"))
        box, r = found
        canvas.claim(box, r < 1.0, AnatomicalPart((f"{side}_kidney",), "kidney"))
        shell = canvas.ellipsoid(centre, radii + rng.uniform(3.0, 9.0), turn)
        assert shell is not None
        canvas.claim(shell[0], shell[1] < 1.0, GAP)


def paint_adrenals(canvas: Canvas) -> None:
    """Two limbs that fork backwards, upright plates a few millimetres thick."""
    half_mm = max(2.3, 0.55 * max(canvas.spacing_mm[:2]))
    for side, limbs in ADRENALS.items():
        low, high = ADRENAL_RANGE_MM[side]
        for limb in limbs:
            rows = [limb * [1, 1, 0] + [0, 0, z] for z in np.linspace(low, high, 3)]
            canvas.balls(plate(rows, half_mm), AnatomicalPart((f"{side}_adrenal",), "adrenal"), 1.0)


def paint_pancreas(canvas: Canvas, template: Template, rng: np.random.Generator) -> None:
    """A tube from head to tail, its lobules parted by fat."""
    path = template.paths["pancreas"] * np.array([1, 1, 1, rng.uniform(0.85, 1.1)])
    found = canvas.distance(along(path), 3.0)
    if found is not None:
        box, away = found
        canvas.claim(box, away + 1.6 * canvas.bumps[box] < 0, AnatomicalPart(("pancreas",), "pancreas"))


def paint_gallbladder(canvas: Canvas, template: Template, rng: np.random.Generator) -> None:
    """A pear; small after a meal."""
    path = template.paths["gallbladder"] * np.array([1, 1, 1, rng.uniform(0.7, 1.15)])
    canvas.tube(path, AnatomicalPart(("gallbladder",), "gallbladder"), 0.5)


def paint_spleen(canvas: Canvas, rng: np.random.Generator) -> None:
    """A bean along the left ribs, hollowed by stomach and kidney."""
    turn = Rotation.from_euler("zx", [-22.0, -25.0 + rng.normal(0, 6)], degrees=True).as_matrix()
    size = rng.normal(1.0, 0.1)
    found = canvas.ellipsoid((-91, -13, 302), np.array([34, 46, 51]) * size, turn)
    if found is not None:
        box, r = found
        x, y, z = canvas.at(box)
        inside = (r < 1.0) & (canvas.inner_mm[box] < -4.0) & (z < diaphragm_mm(x, y) - 3.0)
        canvas.claim(box, inside, AnatomicalPart(("spleen",), "spleen"))


def paint_liver(canvas: Canvas, rng: np.random.Generator) -> None:
    """All below the right dome and above a slanted face; it thins out to the left, in front of the stomach."""
    left_end, tip = rng.uniform(-85, -45), rng.uniform(205, 245)
    box = canvas.window((left_end, -75, tip - 5), (150, 140, 390))
    if box is None:
        return
    x, y, z = canvas.at(box)
    bumps = canvas.bumps[box]
    face = np.interp(x, [-80, -20, 20, 60, 100, 140], [326, 304, 284, 262, tip + 20, tip + 4])
    face = face + np.interp(y, [-60, 0, 60, 130], [10, 6, 0, 18]) + 5.0 * bumps
    back = np.interp(x, [-60, 0, 20, 35, 60], [58, 34, 0, -25, -70]) + 4.0 * bumps
    inside = (z > face) & (y > back) & (x > left_end + 6.0 * bumps + 0.5 * np.maximum(300 - z, 0))
    inside &= (canvas.inner_mm[box] < -4.0) & (z < diaphragm_mm(x, y) - 3.0)
    canvas.claim(box, inside, AnatomicalPart(("liver",), "liver"))
