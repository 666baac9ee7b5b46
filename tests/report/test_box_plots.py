from __future__ import annotations

from xml.etree import ElementTree as ET

from omentum.report.box_plots import box_plots


def test_a_figure_names_what_has_numbers_and_is_the_same_every_time():
    values = {"liver": [0.9, 0.8, 0.95], "spleen": [], "left_kidney": [0.5]}
    svg = box_plots(values, "Dice", unit_range=True)
    texts = {element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {"Liver", "Left kidney", "Dice"} <= texts
    assert "Spleen" not in texts
    assert svg == box_plots(values, "Dice", unit_range=True)


def test_a_label_is_text_not_markup():
    assert b"<b>" not in box_plots({"liver": [1.0, 2.0]}, "<b>&", unit_range=False)
