import subprocess
import sys
from functools import partial

import pytest

import figures
from figures import AddressError, filled
from pages import outdated_page, result_page
from record import ROOT, Record, Table, content_hash

COSTS = Table({"profile": "{}", "engine": "{}", "all s": "**{:.1f}**", "share": "{:.0%}"}, [])
ROWS = [["exact", "torch", 19.66, 0.231], ["exact", "openvino", 4.04, 0.5], ["fast", "openvino", 18.9, None]]


def result(outdated=False):
    entry = "src/omentum/errors.py"
    measures = {entry: "0" if outdated else content_hash(entry)}
    made = {"date": "2026-11-28", "commit": "abc", "command": "python x.py", "machine": {"cores": 2, "load": 9.0}}
    costs = Table(COSTS.columns, ROWS, about="By the clock.", notes=["Once."])
    return Record("Costs", measures, made, {"costs": costs, "other": COSTS}, {"network s": 12.5})


def draw(address, between=""):
    text = f"a <!-- {address} -->{between}<!-- end --> b"
    return filled(text, lambda name: {"end_to_end": result()}[name])


@pytest.mark.parametrize(
    ("address", "figure"),
    [
        ("end_to_end: fast / all s", "18.9"),
        ("end_to_end.costs: fast / all s | {:.0f} s", "19 s"),
        ("end_to_end: exact, torch / share", "23 %"),
        ("end_to_end: fast / share", ""),
        ("end_to_end: network s", "12.5"),
        ("end_to_end: network s | {:+.2f}", "+12.50"),
    ],
)
def test_a_figure_is_put_where_its_address_stands(address, figure):
    assert draw(address, between="old") == f"a <!-- {address} -->{figure}<!-- end --> b"


def test_a_table_is_drawn_whole_or_with_the_columns_named():
    assert "| exact | torch | **19.7** | 23 % |" in draw("end_to_end")
    assert "By the clock." in draw("end_to_end.costs")
    assert "| profile | share |\n| --- | --- |\n| exact | 23 % |" in draw("end_to_end (profile, share)")


def test_drawing_twice_changes_nothing():
    for address in ("end_to_end", "end_to_end: fast / all s", "end_to_end (profile, share)"):
        once = draw(address)
        assert filled(once, lambda name: result()) == once


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("end_to_end: exact / all s", "no single 'exact' / 'all s'"),
        ("end_to_end: slow / all s", "no single 'slow'"),
        ("end_to_end: fast / all", "columns are profile, engine, all s, share"),
        ("end_to_end: wattage", "no figure 'wattage'; there are network s"),
        ("end_to_end.costly", "no table 'costly'; there are costs, other"),
        ("end_to_end (profile, wattage)", "no column 'wattage'"),
    ],
)
def test_an_address_of_nothing_is_told(address, complaint):
    with pytest.raises(AddressError, match=complaint):
        draw(address)


@pytest.mark.parametrize(
    "text",
    [
        "18.9<!-- end -->",
        "<!-- end_to_end: fast / all s -->18.9 and <!-- end_to_end: network s -->12.5<!-- end -->",
    ],
)
def test_a_place_without_an_end_is_told(text):
    with pytest.raises(AddressError, match="lacks the other"):
        filled(text, lambda name: result())


def test_a_result_nobody_kept_is_told():
    with pytest.raises(AddressError, match="no result 'nothing'"):
        filled("<!-- nothing: x --><!-- end -->")


def test_what_is_outdated_is_listed_in_one_place_and_changes_no_other_page():
    listed = outdated_page({"costs": result(outdated=True), "fresh": result()})
    assert "| `costs` | 2026-11-28 | abc | `src/omentum/errors.py` |" in listed
    assert "fresh" not in listed
    assert "None." in outdated_page({"fresh": result()})
    assert result_page(result(outdated=True)) == result_page(result())


def test_a_page_tells_that_other_work_ran():
    assert "load 9.0 (other work ran on the same cores)" in result_page(result())


def test_the_pages_say_what_the_results_say():
    """If this fails, a page or a result was edited by hand: `make figures`."""
    run = subprocess.run([sys.executable, ROOT / "benchmarks/figures.py", "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_page_edited_by_hand_is_named(monkeypatch, capsys):
    unlike, alike = (ROOT / "README.md", "15x", "16x"), (ROOT / "CHANGELOG.md", "1<!-- end -->", "1<!-- end -->")
    drawings = partial(iter, [unlike, alike])
    monkeypatch.setattr(figures, "drawings", drawings)
    monkeypatch.setattr(figures.sys, "argv", ["figures.py", "--check"])
    with pytest.raises(SystemExit) as ended:
        figures.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == ("error: not what benchmarks/results say: README.md; run `make figures`\n")
