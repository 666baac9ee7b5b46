"""Exit codes beyond 0 (done), 2 (bad input, see `omentum.errors`) and 128 plus a signal."""

SOME_FAILED = 3
"""Of several cases some failed or were refused; the others are done."""
