"""Runs commands given as a JSON list on standard input, where modules named in WITHOUT are not to be found."""

import contextlib
import importlib.machinery
import io
import json
import os
import shlex
import sys

WITHOUT = set(json.loads(os.environ["WITHOUT"]))


class Without(importlib.machinery.PathFinder):
    """Finds what is installed, but for some."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.split(".")[0] in WITHOUT else super().find_spec(fullname, path, target)


def main() -> None:
    at = sys.meta_path.index(importlib.machinery.PathFinder)
    sys.meta_path[at] = Without
    import omentum
    from omentum.cli import main as run

    told = [{"command": "where", "code": 0, "out": omentum.__file__, "err": ""}]
    for command in json.load(sys.stdin):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(shlex.split(command))
        told.append({"command": command, "code": code, "out": out.getvalue(), "err": err.getvalue()})
    json.dump(told, sys.stdout)


main()
