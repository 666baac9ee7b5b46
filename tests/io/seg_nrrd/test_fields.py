"""Values of a header: codes of what a segment is, and text that survives backslashes and line ends."""

from seg_nrrd_files import pairs_of

from omentum.anatomy import STRUCTURES
from omentum.io.seg_nrrd.fields import terminology, unescaped


def test_terminology_says_side_where_it_belongs():
    kidney, cyst = terminology(STRUCTURES["left_kidney"]), terminology(STRUCTURES["kidney_cyst"])
    assert "~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~SCT^7771000^Left~" in kidney
    assert kidney.endswith("~^^~^^")
    assert "~SCT^49755003^Morphologically Altered Structure~SCT^367643001^Cyst~^^~" in cyst
    assert cyst.endswith("~SCT^64033007^Kidney~^^")


def test_values_with_backslashes_and_lines_survive():
    for text in ("plain", "a\\nb", "a\nb", "\\\\n\n", ""):
        (line,) = pairs_of({"k": text})
        assert "\n" not in line
        assert unescaped(line.partition(":=")[2]) == text
