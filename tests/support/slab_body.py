"""Organs as boxes, to put lesions into."""

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.phantom.body import PhantomBody
from omentum.phantom.tissue import tissue_index
from omentum.segmentation import Segmentation

TISSUE = {"liver": "liver", "pancreas": "pancreas", "colon": "stool"}


def slabs():
    """Organs as boxes 45 mm thick in fat, an aorta through the liver, a gallbladder right beside it."""
    shape = (60, 40, 60)
    keys = ("liver", "right_kidney", "left_kidney", "pancreas", "right_lung", "left_lung", "colon")
    tissue = np.full(shape, tissue_index("visceral_fat"), np.uint8)
    masks = {key: np.zeros(shape, bool) for key in STRUCTURES.keys}
    for n, key in enumerate(keys):
        box = (slice(3 + 19 * (n % 3), 18 + 19 * (n % 3)), slice(10, 30), slice(3 + 19 * (n // 3), 18 + 19 * (n // 3)))
        masks[key][box] = True
        name = TISSUE.get(key, "lung" if "lung" in key else "kidney_medulla")
        tissue[box] = tissue_index(name)
    masks["aorta"][10, 20, :] = True
    masks["gallbladder"][3:18, 30:34, 3:18] = True
    masks["hepatic_vessel"][5:16, 15, 10] = True
    tissue[masks["aorta"]] = tissue_index("aorta")
    truth = Segmentation.from_masks(masks, np.diag([3.0, 3.0, 3.0, 1.0]))
    return PhantomBody(truth.grid, tissue, truth, {"sex": "female"})
