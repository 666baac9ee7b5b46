"""Synthetic CTs with exact truth: procedural bodies, or real anatomy restyled; lesions; a scanner."""

from __future__ import annotations

from omentum.phantom.body import PhantomBody, PhantomCase
from omentum.phantom.case import CaseOptions, make_case
from omentum.phantom.lesions.implant import ImplantSource, implant
from omentum.phantom.lesions.insertion import LesionOptions, insert_lesions
from omentum.phantom.procedural import BodyOptions, build_body
from omentum.phantom.restyle import RestyleOptions, restyle
from omentum.phantom.scanner import ScanProtocol, draw_protocol, scan
from omentum.phantom.source import RestyleSource

__all__ = [
    "BodyOptions",
    "CaseOptions",
    "ImplantSource",
    "LesionOptions",
    "PhantomBody",
    "PhantomCase",
    "RestyleOptions",
    "RestyleSource",
    "ScanProtocol",
    "build_body",
    "draw_protocol",
    "implant",
    "insert_lesions",
    "make_case",
    "restyle",
    "scan",
]
