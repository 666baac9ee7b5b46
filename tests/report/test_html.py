from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from banded_phantom import ras_grid
from hypothesis import given
from hypothesis import strategies as st
from report_case import small_case

from omentum.report import case_pictures, meshes
from omentum.report.html import case_html
from omentum.segmentation import Segmentation

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;\u202e$x$ {{7*7}} javascript:alert(3)\r\n"
GRID = ras_grid((3.0, 3.0, 3.0), (170, 110, 90))


@dataclass
class Doubt:
    severity: str
    structure: str
    text: str


class Page(HTMLParser):
    """Elements with their attributes, the texts below them, and whether they are closed in order."""

    EMPTY = frozenset(("meta", "input", "img", "br", "link"))

    def __init__(self, content: bytes):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def scripts(self):
        return [text for tag, text in self.texts if tag == "script"]


@pytest.fixture(scope="module")
def case():
    return small_case(GRID, "case_0001", {"input": {"file": "ct.nii.gz", "sha256": "ab" * 32}, "warnings": []})


@pytest.fixture(scope="module")
def page(case):
    return Page(case_html(case))


@pytest.fixture
def quick(monkeypatch):
    """Without pictures and surfaces, for texts alone."""
    monkeypatch.setattr(case_pictures, "overview", lambda *_: [])
    monkeypatch.setattr(case_pictures, "_surfaces", lambda _: case_pictures.Surfaces(b"", "no surfaces"))


def test_nothing_is_fetched_and_only_our_scripts_run(page):
    for _, attributes in page.elements:
        assert not attributes.keys() & {"onclick", "onerror", "onload", "action", "formaction"}
        for name in ("src", "href", "data", "srcset", "poster"):
            address = attributes.get(name) or ""
            assert not address or address.startswith(("data:image/", "#"))
    (policy,) = (a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    run = [s for s, a in zip(page.scripts(), page.all("script"), strict=True) if a.get("type") is None]
    hashes = {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in run}
    assert len(run) >= 1
    assert all(f"'sha256-{one}'" in policy for one in hashes)
    assert policy.count("sha256-") == len(run)


def test_every_picture_has_words_and_every_control_a_name(page):
    labelled = {a["for"] for a in page.all("label") if "for" in a}
    for attributes in (*page.all("svg"), *page.all("canvas")):
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
    for attributes in page.all("input"):
        in_label = attributes["type"] == "checkbox"
        assert in_label or attributes.get("aria-label") or attributes.get("id") in labelled
    assert page.all("html")[0]["lang"] == "en"
    assert not page.open


def test_each_structure_found_has_a_switch_and_outlines(page):
    switches = {a["data-structure"]: a["data-kind"] for a in page.all("input") if "data-structure" in a}
    assert switches == {"liver": "organ", "spleen": "organ", "liver_tumour": "lesion"}
    drawn = {a["class"].split()[0] for a in page.all("path")}
    assert drawn == set(switches)


def test_the_tables_and_the_key_image_say_what_was_measured(case, page):
    words = " ".join(text for _, text in page.texts)
    (lesion,) = case.lesions
    assert f"{lesion.axial.longest.mm:.1f} × {lesion.axial.perpendicular.mm:.1f} mm" in words
    assert "1 Liver tumour in liver" in words
    assert len([a for a in page.all("line") if a["class"] in ("longest", "perpendicular")]) == 2
    assert f"{next(m for m in case.measures if m.key == 'liver').volume_ml:.0f} ml" in words
    assert "3 of 3 structures found" in words


def test_the_surfaces_are_inside(page):
    pytest.importorskip("trimesh")
    (glb,) = (s for s, a in zip(page.scripts(), page.all("script"), strict=True) if a.get("type") == "text/plain")
    assert base64.b64decode(glb).startswith(b"glTF")


def test_without_the_libraries_the_page_says_what_to_install(case, monkeypatch):
    monkeypatch.setattr(meshes, "find_spec", lambda _: None)
    page = Page(case_html(case))
    assert not page.all("canvas")
    assert "No 3D view" in " ".join(text for _, text in page.texts)
    assert "omentum[report]" in " ".join(text for _, text in page.texts)
    assert len(page.scripts()) == 1


def hostile(case, text):
    doubts = [Doubt(text, text, text), Doubt("error", "liver", text)]
    manifest = {
        "input": {"case": text, "file": text, "sha256": text},
        "weights": {"name": text, "backbone": text, "licence": text, text: text},
        "options": {"postprocess": text},
        "versions": {text: text},
        "device": {"name": text},
        "created": text,
        "warnings": [text],
        text: {text: [text]},
    }
    return replace(case, case=text, manifest=manifest, flags=doubts)


def test_hostile_names_are_words_and_nothing_else(case, page):
    found = Page(case_html(hostile(case, HOSTILE)))
    assert not found.all("img")
    assert len(found.all("script")) == len(page.all("script"))
    assert {a.get("class") for a in found.all("li")} <= {"error", "info", None}
    assert any("<script>alert(1)</script>" in text for tag, text in found.texts if tag == "bdi")
    assert all("alert(1)" not in text for text in found.scripts())


@given(text=st.text(min_size=1).filter(str.strip))
def test_whatever_a_text_says_no_element_comes_of_it(text):
    case = small_case(ras_grid((9.0, 9.0, 9.0), (170, 110, 90)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_pictures, "overview", lambda *_: [])
        patch.setattr(case_pictures, "_surfaces", lambda _: case_pictures.Surfaces(b"", text))
        plain = [tag for tag, _ in Page(case_html(hostile(case, "x"))).elements]
        assert [tag for tag, _ in Page(case_html(hostile(case, text))).elements] == plain


def test_a_name_that_is_no_unicode_does_not_break_the_page(case, quick):
    assert b"case_?" in case_html(replace(case, case="case_\udce9"))


def test_flags_stand_before_the_pictures(case, quick):
    page = Page(
        case_html(replace(case, flags=[Doubt("warning", "", "Thick slices."), Doubt("error", "liver", "Cut.")]))
    )
    headings = [text for tag, text in page.texts if tag == "h2"]
    assert headings[:2] == ["Look at this", "Overview"]
    words = [text for _, text in page.texts]
    assert "Thick slices." in words
    assert "Liver: Cut." in words


def test_a_case_with_nothing_in_it_says_so(case):
    empty = Segmentation(np.zeros_like(case.seg.bits), case.seg.affine, case.seg.classes)
    nothing = replace(case, seg=empty, measures=(), lesions=(), manifest=json.loads("{}"))
    words = " ".join(text for _, text in Page(case_html(nothing)).texts)
    assert "None found. Looked for: Liver tumour." in words
    assert "nothing was found" in words


def test_the_lesion_card_and_the_viewer_name_its_slice_alike(page):
    places = {attributes["data-place"] for attributes in page.all("svg") if "data-place" in attributes}
    (said,) = [text for _, text in page.texts if " along k, s = " in text and not text.startswith("slice")]
    assert f"slice {said}" in places
