"""The tables that the page is built with are those of the Python package."""

import importlib.util
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"


def test_the_tables_of_the_page_are_up_to_date():
    spec = importlib.util.spec_from_file_location("page_tables", WEB / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = {path.name: path.read_text(encoding="utf-8") for path in module.FOLDER.glob("*.json")}
    expected = {name: module.text_of(content) for name, content in module.tables().items()}
    assert written == expected, "python web/tables.py"
