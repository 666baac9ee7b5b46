"""Tiny labelled cases with a brightness that gives the structure away, for tests of data and training."""

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import LabelledCase, labelled_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SPACING_3MM = np.diag([3.0, 3.0, 3.0, 1.0])


def toy_volume(seed: int = 0, shape: tuple[int, int, int] = (40, 36, 34)) -> tuple[Volume, Segmentation]:
    """A block with a bright right and a dark left kidney, a liver with a tumour, and an aorta nobody annotated."""
    rng = np.random.default_rng(seed)
    hu = np.full(shape, -1000.0)
    hu[4:-4, 4:-4, 2:-2] = 20
    masks = {key: np.zeros(shape, bool) for key in ("right_kidney", "left_kidney", "liver", "liver_tumour", "aorta")}
    masks["left_kidney"][6:12, 8:16, 8:20] = True
    masks["right_kidney"][28:34, 8:16, 8:20] = True
    masks["liver"][20:34, 18:30, 14:30] = True
    masks["liver_tumour"][24:28, 22:26, 18:22] = True
    masks["aorta"][17:20, 10:13, :] = True
    for value, key in (
        (200, "right_kidney"),
        (-60, "left_kidney"),
        (110, "liver"),
        (60, "liver_tumour"),
        (150, "aorta"),
    ):
        hu[masks[key]] = value
    hu += rng.normal(0, 5, shape)
    annotated = set(masks) - {"aorta"}
    return Volume(hu.astype(np.int16), SPACING_3MM), Segmentation.from_masks(masks, SPACING_3MM, annotated)


def toy_case(seed: int = 0) -> LabelledCase:
    """`toy_volume` as training material for all structures."""
    ct, truth = toy_volume(seed)
    return labelled_case(f"toy_{seed}", ct, truth, STRUCTURES.keys, np.random.default_rng(seed))


def bits_of(truth) -> np.ndarray:
    """What a case or `Truth` of at most 63 classes says of each voxel as one number, bit k for class k."""
    sets = np.asarray(truth.sets)
    return (sets @ (1 << np.arange(sets.shape[1], dtype=np.int64)))[np.asarray(truth.labels)]


def sets_of(*held: set[str]) -> np.ndarray:
    """The empty set and some others of all structures, bool [S, K]."""
    return np.array([[key in keys for key in STRUCTURES.keys] for keys in (set(), *held)])
