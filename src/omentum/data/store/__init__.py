"""Prepared cases on the model grid, compressed in blocks, made in parallel and resumable."""
