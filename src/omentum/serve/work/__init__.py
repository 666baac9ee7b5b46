"""Processes that read files and compute, and which job runs where; a crash ends one of them, not the service."""
