"""Synthetic copies of public datasets: the same folders, names and label values, with exact ground truth alongside."""

from __future__ import annotations

from omentum.data.datasets.sites.render import Studio
from omentum.data.datasets.sites.table import Site, find_sites, load_sites
from omentum.data.datasets.sites.write import TRUTH_FOLDER, SiteTask, site_tasks, write_site_case

__all__ = ["TRUTH_FOLDER", "Site", "SiteTask", "Studio", "find_sites", "load_sites", "site_tasks", "write_site_case"]
