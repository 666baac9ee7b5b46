"""worklist.html: the worklist as one page, with the attention maps of the first structures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from omentum.annotate.propose.gain import Suggestion
from omentum.annotate.propose.proposals import Worklist, WorklistItem, slice_words, total_effort_s
from omentum.evaluate.html import STYLE
from omentum.formatting import counted
from omentum.report.page import PageTable, add, add_table, data_url, document, finished

DRAWN = 24
"""Attention maps on the page; all of them are files."""
HEAD = ("rank", "case", "structure", "do", "expected Dice", "gain a minute", "seconds", "slices first", "why")


def worklist_html(worklist: Worklist, folder: Path) -> bytes:
    """Render the page as UTF-8 HTML.

    Args:
        worklist: In order.
        folder: Folder of the round, with the attention maps.
    """
    page, body = document("Worklist · Omentum", STYLE)
    main = add(body, "main")
    add(main, "h1", "Worklist")
    add(main, "p", _summary(worklist), class_="sub")
    rows = [_row(item) for item in worklist.items]
    add_table(main, PageTable("In order of expected gain per minute", HEAD, rows, words=("case", "structure", "why")))
    gallery = add(main, "div", class_="slices")
    for item in worklist.items[:DRAWN]:
        _add_map(gallery, item, folder)
    return finished(page)


def _summary(worklist: Worklist) -> str:
    done = Counter(item.structure.suggestion for item in worklist.items)
    told = ", ".join(f"{done[one]} to {one.value}" for one in Suggestion)
    hours = total_effort_s(worklist.items) / 3600
    return f"{counted(len(worklist.items), 'structure')}: {told}; about {hours:.1f} h"


def _row(item: WorklistItem) -> list[str]:
    s = item.structure
    numbers = (f"{s.expected_dice:.2f}", f"{s.priority:.3f}", f"{s.effort_s:.0f}")
    return [str(item.rank), item.case, s.key, s.suggestion.value, *numbers, slice_words(s), " ".join(s.reasons)]


def _add_map(gallery: ET.Element, item: WorklistItem, folder: Path) -> None:
    if item.structure.attention is None:
        return
    try:
        content = (folder / item.structure.attention).read_bytes()
    except OSError:
        return
    caption = f"{item.rank}. {item.case}, {item.structure.key}"
    figure = add(gallery, "figure")
    add(figure, "img", src=data_url("image/png", content), alt=f"attention map of {caption}")
    add(figure, "figcaption", f"{caption}: {slice_words(item.structure)}")
