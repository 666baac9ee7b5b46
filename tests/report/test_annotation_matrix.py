import io

import numpy as np
from PIL import Image

from omentum.report.annotation_matrix import annotation_matrix_png


def test_the_picture_shows_which_cells_are_empty():
    annotated = np.array([[10, 0], [0, 1], [5, 4]])
    png = annotation_matrix_png(["Liver", "Spleen", "Aorta"], ["lits", "word"], annotated, [10, 4])
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("L")).astype(int)
    background = picture[0, 0]
    rows, columns = (np.array([1.9 + 0.27 * r for r in range(3)]), np.array([2.2 + 0.62 * c for c in range(2)]))
    corner = 0.05  # inch inside a cell, beside its number
    shades = picture[np.ix_(((rows + corner) * 120).astype(int), ((columns + corner) * 120).astype(int))]
    assert (shades[annotated == 0] == background).all()
    assert shades[0, 0] == shades[2, 1] > shades[2, 0] > shades[1, 1] > background


def test_a_store_of_nothing_can_be_drawn():
    assert annotation_matrix_png(["Liver"], ["lits"], np.zeros((1, 1), np.int64), [0]).startswith(b"\x89PNG")
