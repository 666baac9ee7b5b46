"""The page of an evaluation: one file, every name escaped, pictures of the worst cases."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
from evaluated_files import CT, block, number_map, reference, run, seg, shifted, write_result
from PIL import Image

from omentum.evaluate import worst_cases as evaluate_pictures
from omentum.io.truth import write_case


def test_the_page_is_one_file_with_figures_and_every_name_escaped(batch):
    name = "<img src=x onerror=alert(1)>&"
    (batch / "truths" / "b").rename(batch / "truths" / name)
    (batch / "outs" / "b").rename(batch / "outs" / name)
    assert run(batch / "outs", batch / "truths", "--compare", batch / "others", "--html", batch / "s.html") == 3
    page = (batch / "s.html").read_text()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in page
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "<script" not in page
    assert '<td>Liver</td><td class="words">c</td><td class="words"></td>' in page
    assert "nan" not in page.lower().split("base64")[0]


def test_the_worst_cases_are_drawn_with_the_ct_beside_their_truth(batch):
    name = "<svg onload=alert(1)>"
    (batch / "truths" / "b").rename(batch / "truths" / name)
    (batch / "others" / "b").rename(batch / "others" / name)
    assert run(batch / "others", batch / "truths", "--html", batch / "s.html") == 0
    page = (batch / "s.html").read_text()
    # The liver is right in all cases, "c" was never predicted: two cases each of spleen and liver tumour.
    drawn = [attributes for tag, attributes in elements(page) if tag == "svg"]
    assert [set(attributes) for attributes in drawn] == [{"viewbox", "role", "aria-label"}] * 4
    assert "Spleen, &lt;svg onload=alert(1)&gt;: Dice 0.5" in page
    assert "Liver tumour, a: false negative" in page
    assert page.count('class="reference"') == 4
    assert page.count('class="prediction"') == 2
    shades = [
        np.asarray(Image.open(io.BytesIO(b64decode(code)))).max() for code in re.findall('webp;base64,([^"]+)', page)
    ]
    assert min(shades) > 90  # water in a window from -160 to 240 HU


def test_pictures_are_limited_in_number_and_every_structure_comes_before_a_second_case(tmp_path, monkeypatch):
    monkeypatch.setattr("omentum.evaluate.worst_cases.MOST", 3)
    for name in ("a", "b", "c"):
        write_case(tmp_path / "truths" / name, CT, reference(), {})
        write_result(tmp_path / "outs" / name, shifted())
    assert run(tmp_path / "outs", tmp_path / "truths", "--html", tmp_path / "s.html") == 0
    captions = re.findall("<figcaption>([^:<]+):", (tmp_path / "s.html").read_text())
    assert captions == ["Spleen, a", "Liver tumour, a", "Liver tumour, b"]


def test_pictures_without_a_ct_are_drawn_on_black_and_of_a_lost_file_not_at_all(batch, capsys, monkeypatch):
    for name in "ab":
        (batch / "truths" / name / "ct.nii.gz").unlink()
    chosen = evaluate_pictures._chosen
    monkeypatch.setattr(evaluate_pictures, "_chosen", lambda evaluated: lose(batch / "others" / "b", chosen(evaluated)))
    assert run(batch / "others", batch / "truths", "--html", batch / "s.html") == 0
    page = (batch / "s.html").read_text()
    assert page.count("<svg ") == 2
    assert "warning: no picture of b: " in capsys.readouterr().err


def test_a_picture_of_a_pair_shows_both_sides(tmp_path, told):
    write_case(tmp_path / "truth", CT, seg(right_kidney=block(2), left_kidney=block(18)), {})
    ours = number_map(tmp_path / "ours.nii.gz", {1: block(2)})
    told(ours, tmp_path / "truth", "--pred-mapping", "kits19", "--html", tmp_path / "s.html")
    page = (tmp_path / "s.html").read_text()
    assert "Kidneys, ours: Dice 0.667" in page
    assert "nan" not in page.split("base64")[0].lower()


def elements(page):
    """Tags with their attributes, as a browser sees them."""
    seen, parser = [], HTMLParser()
    parser.handle_starttag = lambda tag, attributes: seen.append((tag, dict(attributes)))
    parser.feed(page)
    return seen


def lose(folder, passed_on):
    (folder / "segmentation.nii.gz").unlink()
    return passed_on
