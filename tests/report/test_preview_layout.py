from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.report.preview_layout import CAPTION_IN, Panel, arrange_panels

ROOM = Panel(0.35, 2.0, 15.3, 6.0)
extents = st.tuples(*[st.floats(1, 2000)] * 3)


@given(extents)
def test_pictures_keep_their_proportions_inside_the_room_without_overlap(extent_mm):
    x, y, z = extent_mm
    places = arrange_panels(ROOM, extent_mm)
    for place, (w, h) in zip(places, ((x, y), (x, z), (y, z)), strict=True):
        assert place.width / place.height == pytest.approx(w / h)
        assert place.left >= ROOM.left - 1e-6
        assert place.left + place.width <= ROOM.left + ROOM.width + 1e-6
        assert place.bottom >= ROOM.bottom - 1e-6
        assert place.bottom + place.height + CAPTION_IN <= ROOM.bottom + ROOM.height + 1e-6
    for a, b in itertools.combinations(places, 2):
        beside = a.left + a.width <= b.left + 1e-6 or b.left + b.width <= a.left + 1e-6
        above = any(p.bottom + p.height + CAPTION_IN <= q.bottom + 1e-6 for p, q in ((a, b), (b, a)))
        assert beside or above


def test_coronal_and_sagittal_share_a_scale_and_an_abdomen_hangs_in_a_row():
    axial, coronal, sagittal = arrange_panels(ROOM, (380, 300, 400))
    assert coronal.height == pytest.approx(sagittal.height)
    assert axial.left < coronal.left < sagittal.left


def test_few_slices_leave_the_room_to_the_axial_picture():
    axial, coronal, sagittal = arrange_panels(ROOM, (380, 300, 40))
    assert axial.height > 5
    assert coronal.left == sagittal.left
