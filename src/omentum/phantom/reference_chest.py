"""Diaphragm, heart, lungs and great vessels of the procedural body."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from omentum.phantom.label_names import AnatomicalPart
from omentum.phantom.reference_canvas import GAP, Canvas
from omentum.phantom.template import Template
from omentum.phantom.texture import Field

AIRWAYS = ("trachea", "right_bronchus", "left_bronchus")
ARTERIES = ("brachiocephalic_artery", "left_carotid_artery", "left_subclavian_artery")
VEINS = ("superior_vena_cava", "left_brachiocephalic_vein", "right_brachiocephalic_vein")
LUNG_VESSELS = ("pulmonary_trunk", "right_pulmonary_artery", "left_pulmonary_artery", "pulmonary_veins")
HEART_TURN = Rotation.from_euler("zy", [-28.0, -25.0], degrees=True).as_matrix()
HEART = (
    ((-22, 66, 384), (62, 46, 46), HEART_TURN),
    ((24, 46, 400), (30, 34, 38), None),
    ((-6, 24, 420), (38, 20, 24), None),
)
"""Middle and radii in mm: the ventricles, the right atrium, the left atrium."""


def diaphragm_mm(x: Field, y: Field) -> Field:
    """Height of the diaphragm: a right dome, and a left one 8 mm lower."""
    domes = []
    for top, middle in ((379.0, 62.0), (371.0, -58.0)):
        spread = np.square((x - middle) / 82.0) + np.square((y - 38.0) / 92.0)
        domes.append(top - 60.0 * np.power(spread, 1.7))
    height: Field = np.maximum(np.maximum(domes[0], domes[1]), 225.0).astype(np.float32)
    return height


def paint_mediastinum(canvas: Canvas, template: Template) -> None:
    """Vessels and airways between the lungs, the oesophagus, the heart."""
    for name in ("ascending_aorta", "descending_aorta"):
        canvas.tube(template.paths[name], AnatomicalPart(("aorta",), "aorta"), 1.5)
    canvas.tube(template.paths["vena_cava"], AnatomicalPart(("inferior_vena_cava",), "vena_cava"))
    for name in AIRWAYS:
        canvas.tube(template.paths[name] - np.array([0, 0, 0, 1.5]), AnatomicalPart((), "airway"))
        canvas.tube(template.paths[name], AnatomicalPart((), "airway_wall"))
    canvas.tube(template.paths["oesophagus"], AnatomicalPart(("oesophagus",), "oesophagus"), 1.5)
    for names, tissue in ((ARTERIES, "artery"), (VEINS, "vein"), (LUNG_VESSELS, "right_heart_blood")):
        for name in names:
            canvas.tube(template.paths[name], AnatomicalPart((), tissue), 1.5)
    _heart(canvas)


def _heart(canvas: Canvas) -> None:
    """An egg that points to the left, forward and down, the atria behind it and on the right, fat around it."""
    found = [canvas.ellipsoid(centre, radii, turn, 0.03) for centre, radii, turn in HEART]
    for limit, part in ((1.0, AnatomicalPart((), "heart")), (1.07, GAP)):
        for piece in found:
            if piece is not None:
                box, r = piece
                canvas.claim(box, (r < limit) & (canvas.inner_mm[box] < -5.0), part)


def paint_lungs(canvas: Canvas, template: Template) -> None:
    """What is left of the chest above the diaphragm, but for a strip around the midline."""
    box = canvas.window((-160, -90, 225), (165, 145, 602))
    if box is None:
        return
    x, y, z = canvas.at(box)
    chest = (canvas.inner_mm[box] < -3.0) & (z > diaphragm_mm(x, y) + 3.0) & (z < 590.0)
    strip = np.interp(y, [-70, -40, -10, 20, 60, 90, 130], [4, 14, 20, 22, 20, 12, 6])
    strip = strip + np.interp(z, [480, 560], [0, 10])
    away = x - np.float32(template.midline_x)
    canvas.claim(box, chest & (away < strip) & (-away < 1.5 * strip), GAP)
    for side, sign in (("right", 1.0), ("left", -1.0)):
        canvas.claim(box, chest & (sign * away > 0), AnatomicalPart((f"{side}_lung",), "lung"))
