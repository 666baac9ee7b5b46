from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from omentum.evaluate.html import PageFigure, PageSection, PageSlices, page_html
from omentum.report.page import PageTable
from omentum.report.pictures import Picture

SLICE = Picture(b"RIFF", 90.0, 60.0, {"reference": "M1 1l2 0 0 2z"})


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    parser = Tags()
    parser.feed(page.decode())
    return parser


@given(st.text(min_size=1).filter(str.strip))
def test_whatever_a_text_says_no_element_comes_of_it(text):
    content = [text, PageTable(text, [text], [[text]]), PageFigure(text, text.encode(errors="replace"))]
    content += [PageSlices([(text, SLICE)])]
    same = ["x", PageTable("x", ["x"], [["x"]]), PageFigure("x", b"x"), PageSlices([("x", SLICE)])]
    plain = read(page_html("t", "s", [PageSection("x", same)]))
    found = read(page_html(text, text, [PageSection(text, content)]))
    assert [tag for tag, _ in found.seen] == [tag for tag, _ in plain.seen]


def test_a_table_can_be_read_by_machine_and_by_ear():
    found = read(page_html("Title", "sub", [PageSection("Part", [PageTable("what", ["a", "b"], [["1", "<2>"]])])]))
    assert [attributes["scope"] for tag, attributes in found.seen if tag == "th"] == ["col", "col"]
    assert "<2>" in "".join(found.text)
    assert ("html", {"lang": "en"}) in found.seen


def test_columns_of_words_are_told_from_columns_of_numbers():
    table = PageTable("what", ["case", "structure", "Dice"], [["a", "Liver", "0.9"]], words={"structure"})
    found = read(page_html("Title", "sub", [PageSection("Part", [table])]))
    kinds = [attributes.get("class") for tag, attributes in found.seen if tag in ("th", "td")]
    assert kinds == [None, "words", None] * 2


def test_a_figure_is_inside_the_file_and_has_words():
    found = read(page_html("Title", "", [PageSection("Part", [PageFigure("what it shows", b"<svg/>")])]))
    (image,) = (attributes for tag, attributes in found.seen if tag == "img")
    assert image["alt"] == "what it shows"
    assert image["src"].startswith("data:image/svg+xml;base64,")


def test_a_name_that_is_no_unicode_does_not_break_the_page():
    assert b"case_?" in page_html("case_\udce9", "", [])


def test_a_slice_has_its_outlines_and_words():
    found = read(page_html("Title", "", [PageSection("Part", [PageSlices([("Liver, a: false negative", SLICE)])])]))
    (drawn,) = (attributes for tag, attributes in found.seen if tag == "svg")
    assert drawn["aria-label"] == "Liver, a: false negative; outlines of reference"
    assert [attributes["class"] for tag, attributes in found.seen if tag == "path"] == ["reference"]
