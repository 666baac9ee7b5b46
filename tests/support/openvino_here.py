"""Tests of OpenVINO, skipped where it is not installed.

It is looked for and never imported here: `import openvino` without `import_openvino` reports its use to its makers, and
would do so for the whole process.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra [cpu]")
OPENVINO = pytest.param("openvino", marks=needs_openvino)
ENGINES = ("torch", OPENVINO)
