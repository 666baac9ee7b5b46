from __future__ import annotations

from xml.etree import ElementTree as ET

from omentum.report.curve_plots import curves_svg

ROC = {"liver_tumour": ((0.0, 0.0), (0.0, 0.5), (1.0, 1.0))}
FROC = {"liver_tumour": ((0.0, 0.2), (0.5, 0.5), (3.0, 0.75)), "kidney_cyst": ()}


def test_both_curves_are_drawn_with_names_and_units_and_the_same_every_time():
    svg = curves_svg(ROC, FROC)
    texts = {element.text for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {"Liver tumour", "1 - specificity (patients)", "false positives a scan", "1/8", "16"} <= texts
    assert "Kidney cyst" not in texts
    assert svg == curves_svg(ROC, FROC)


def test_nothing_to_draw_is_no_fault():
    assert b"</svg>" in curves_svg({}, {})
