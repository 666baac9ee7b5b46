"""docs/how-to, page by page, literally but for what `how_to/` declares."""

from pathlib import Path

import pytest

from walks.how_to import datasets, segmenting, services, training
from walks.markdown import ROOT, blocks
from walks.page_needs import put_what_pages_need

NO_TOML = {"docs/how-to/choose-a-backbone.md", "docs/how-to/balance-and-augment.md"}
"""Pages of settings alone (tests/train has those)."""
WALKS = (*segmenting.WALKS, *datasets.WALKS, *training.WALKS, *services.WALKS)


def test_every_page_is_walked():
    pages = {f"docs/how-to/{path.name}" for path in (ROOT / "docs/how-to").glob("*.md")}
    assert pages == {walk.page for walk in WALKS} | NO_TOML
    assert not any(block.language == "" for page in NO_TOML for block in blocks(page))


@pytest.mark.slow
@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: Path(walk.page).stem)
def test_how_to(walk, folder, raw, monkeypatch):
    put_what_pages_need(walk.page, raw)
    walk.go()
