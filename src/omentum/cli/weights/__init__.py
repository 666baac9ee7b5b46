"""`omentum weights`: one module for each group of commands."""

from omentum.cli.weights.commands import app

__all__ = ["app"]
