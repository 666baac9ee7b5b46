"""What README and docs point at is there: files linked, and paths of the repository between backquotes."""

import re

import pytest

from walks.markdown import ROOT

PATTERNS = {"docs/results.md"}
"""It also names folders by a placeholder, such as `STATE/`."""
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "benchmarks" / "README.md",
        *ROOT.glob("docs/**/*.md"),
    )
)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_points_at_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [link for link in links if link and not ((ROOT / page).parent / link).exists()]
    if page not in PATTERNS:
        paths = re.findall(r"`((?:src|tests|benchmarks|docs|recipes)/[\w./-]+)`", text)
        missing += [path for path in paths if not (ROOT / path).exists()]
    assert missing == []
