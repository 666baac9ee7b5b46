"""`omentum classes --explain`, and words in `--classes`."""

import io
import json
import sys

import pytest
from toy_run import changed

import omentum
from omentum.cli import main
from omentum.errors import UsageError


@pytest.fixture
def stdin(monkeypatch):
    def put(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="ascii"))

    return put


def explained(capsys, *arguments):
    assert main(["classes", "--explain", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_phrase_is_one_element_with_three_keys(capsys):
    assert explained(capsys, "both kidneys") == [
        {"query": "both kidneys", "structures": ["right_kidney", "left_kidney"], "how": "group"}
    ]
    assert explained(capsys, "liver, Milz") == [
        {"query": "liver, Milz", "structures": ["liver", "spleen"], "how": "language"}
    ]


@pytest.mark.parametrize("words", ["renal artery", "", "  ", "🫁"])
def test_json_says_refused_and_is_no_fault(capsys, words):
    assert explained(capsys, words) == [{"query": words, "structures": [], "how": "refused"}]


def test_lines_of_standard_input_in_order(capsys, stdin):
    stdin("\ufeffliver\r\n\n  左肾 \nrein gauche\nheart\n\n".encode())
    found = explained(capsys, "-")
    assert [(one["query"], one["structures"], one["how"]) for one in found] == [
        ("liver", ["liver"], "exact"),
        ("左肾", ["left_kidney"], "language"),
        ("rein gauche", ["left_kidney"], "language"),
        ("heart", [], "refused"),
    ]
    stdin(b"")
    assert explained(capsys, "-") == []


def test_standard_input_of_another_encoding_is_refused_in_one_line(capsys, stdin):
    stdin("Zwölffingerdarm".encode("latin-1"))
    assert main(["classes", "--explain", "-", "--json"]) == 2
    assert capsys.readouterr().err == ("error: standard input is not UTF-8 (one phrase a line, as UTF-8 text)\n")


def test_in_words_it_says_what_and_why(capsys, stdin):
    assert main(["classes", "--explain", "kidney left"]) == 0
    assert capsys.readouterr().out == "'kidney left': left_kidney (synonym)\n"
    assert main(["classes", "--explain", "sigmoid colon"]) == 2
    assert capsys.readouterr().out == ("'sigmoid colon': not understood: 'sigmoid' not known; did you mean 'colon'?\n")
    stdin(b"liver\nheart\n")
    assert main(["classes", "--explain", "-"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_in_python_it_is_one_call():
    found = omentum.explain_words("both kidneys, renal artery")
    assert [one.structures for one in found] == [("right_kidney", "left_kidney"), ()]
    assert found[1].to_json() == {"query": "renal artery", "structures": [], "how": "refused"}
    assert [bool(one) for one in found] == [True, False]


@pytest.mark.parametrize("words", ["liver and kidney tumours", "renal artery"])
def test_words_that_are_refused_are_refused_wherever_structures_are_chosen(words):
    from omentum.evaluate.foreign_labels import wanted_structures
    from omentum.pipeline import Segmenter, SegmentOptions
    from omentum.train.classes import run_classes

    for choose in (
        lambda: Segmenter(options=SegmentOptions(classes=words)),
        lambda: wanted_structures(words),
        lambda: run_classes(changed(classes=(words,))),
    ):
        with pytest.raises(UsageError, match="unknown structure"):
            choose()


def test_a_guess_is_said_aloud_and_never_kept_in_weights():
    from omentum.errors import CaseWarning
    from omentum.pipeline import Segmenter, SegmentOptions
    from omentum.train.classes import run_classes

    with pytest.warns(CaseWarning, match=r"'spleeen': spleen \(spelling\)"):
        assert Segmenter(options=SegmentOptions(classes="spleeen")).understood[0].structures == ("spleen",)
    with pytest.raises(UsageError, match=r"unknown structure 'spleeen' \(did you mean 'spleen'"):
        run_classes(changed(classes=("spleeen",)))
