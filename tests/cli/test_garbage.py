import gc
import subprocess
import sys
from contextlib import suppress

import pytest

from omentum.cli.garbage import importing


@pytest.mark.parametrize("collecting", [True, False])
def test_collecting_goes_on_as_before_also_after_an_import_that_failed(collecting):
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        with suppress(ImportError), importing():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_what_is_to_be_done_at_the_end_is_done():
    code = (
        "import atexit; from omentum.cli.garbage import leave_at_exit; atexit.register(print, 'last'); leave_at_exit()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "last\n"
