"""Facts about the structures, as data: the only place with class numbers, names, colours and codes."""

from omentum.anatomy.structure import SnomedCode, Structure
from omentum.anatomy.structure_file import include_structures
from omentum.anatomy.structures import GROUPS, STRUCTURES, StructureTable

__all__ = ["GROUPS", "STRUCTURES", "SnomedCode", "Structure", "StructureTable", "include_structures"]
