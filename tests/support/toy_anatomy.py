"""A small label map with the names of TotalSegmentator: boxes and balls where organs would be."""

from __future__ import annotations

import numpy as np

from omentum.volume import Volume

NAMES = {
    1: "liver",
    2: "kidney_right",
    3: "kidney_left",
    4: "colon",
    5: "sacrum",
    6: "femur_right",
    7: "femur_left",
    8: "lung_lower_lobe_right",
    9: "lung_lower_lobe_left",
    10: "aorta",
    11: "vertebrae_L1",
    12: "vertebrae_L2",
    13: "lung_upper_lobe_left",
    14: "something_nobody_knows",
    15: "pancreas",
    16: "inferior_vena_cava",
    17: "urinary_bladder",
    18: "spinal_cord",
}
SPACING_MM = 3.0
SHAPE = (90, 60, 130)
_BALLS = {
    1: ((65, 35, 85), (14, 16, 14)),
    2: ((62, 18, 70), (8, 8, 14)),
    3: ((28, 18, 72), (8, 8, 14)),
    8: ((65, 30, 112), (14, 16, 14)),
    9: ((25, 30, 106), (14, 16, 8)),
    13: ((25, 30, 121), (14, 16, 8)),
    15: ((42, 34, 80), (10, 4, 4)),
    17: ((45, 32, 25), (10, 9, 8)),
}
_BOXES = {
    4: ((26, 34), (28, 40), (34, 84)),
    5: ((40, 52), (8, 12), (20, 46)),
    10: ((36, 42), (20, 26), (50, 118)),
    16: ((48, 54), (20, 26), (50, 100)),
    11: ((38, 52), (8, 19), (60, 70)),
    12: ((38, 52), (8, 19), (48, 57)),
    18: ((44, 47), (4, 7), (48, 70)),
    14: ((56, 58), (40, 44), (50, 56)),
}


def toy_labels() -> Volume:
    """int16 labels, 3 mm, RAS+."""
    labels = np.zeros(SHAPE, np.int16)
    at = np.stack(np.indices(SHAPE), axis=-1)
    for value, (middle, axes) in _BALLS.items():
        labels[(((at - middle) / np.array(axes)) ** 2).sum(-1) <= 1] = value
    for value, bounds in _BOXES.items():
        labels[tuple(slice(*b) for b in bounds)] = value
    labels[44:49, 14:20, 12:36] = 4  # the end of the colon, in front of the sacrum
    labels[26:49, 20:28, 33:36] = 4
    for value, x, inward in ((6, 70, -1), (7, 20, 1)):
        labels[x - 4 : x + 4, 20:28, 0:26] = value
        labels[(((at - (x + 8 * inward, 24, 26)) / 7.5) ** 2).sum(-1) <= 1] = value
    return Volume(labels, np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1.0]))
