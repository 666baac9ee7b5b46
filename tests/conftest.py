"""Puts this folder on the import path, so that tests can share `reference/`, `shared_data.py` and the like."""

from __future__ import annotations

from hypothesis import settings

# A slow or busy machine is no fault of the code; what must be fast is measured in benchmarks/.
settings.register_profile("omentum", deadline=None)
settings.load_profile("omentum")
