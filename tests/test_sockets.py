import tempfile
from multiprocessing import connection

import pytest

from omentum.sockets import LONGEST_NAME, sockets_fit


@pytest.mark.parametrize(("length", "fits"), [(LONGEST_NAME - 32, True), (LONGEST_NAME - 31, False)])
def test_names_as_multiprocessing_makes_them_are_counted(length, fits, monkeypatch):
    """That is /pymp-xxxxxxxx/listener-xxxxxxxx below the folder, 32 bytes."""
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * (length - 1))
    assert sockets_fit() == fits


def test_a_name_as_long_as_that_can_be_listened_at():
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        connection.Listener(f"{short}/".ljust(LONGEST_NAME, "s"), "AF_UNIX").close()
