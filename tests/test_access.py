"""Tokens, and addresses of this machine alone."""

import pytest

from omentum.access import is_loopback, read_token
from omentum.errors import InputError, UsageError

VARIABLE = "OMENTUM_SOME_TOKEN"


def test_token(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert read_token(None, VARIABLE) is None
    monkeypatch.setenv(VARIABLE, "abc")
    assert read_token(None, VARIABLE) == "abc"
    (tmp_path / "token").write_text("from.file\n")
    assert read_token(tmp_path / "token", VARIABLE) == "from.file"
    for bad in ("", "two words", "a\r\nHost: b", "ü"):
        (tmp_path / "token").write_text(bad)
        with pytest.raises(UsageError, match="holds no token"):
            read_token(tmp_path / "token", VARIABLE)
    with pytest.raises(InputError, match="No such file"):
        read_token(tmp_path / "none", VARIABLE)


@pytest.mark.parametrize(
    ("host", "is_this_machine"),
    [("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("0.0.0.0", False), ("localhost.example", False)],
)
def test_loopback(host, is_this_machine):
    assert is_loopback(host) is is_this_machine
