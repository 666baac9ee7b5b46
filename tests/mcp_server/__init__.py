"""Mirrors omentum.mcp; named otherwise, because a folder `mcp` on the import path would hide the SDK."""
