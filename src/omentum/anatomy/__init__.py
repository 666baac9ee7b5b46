"""What is known about the structures, as data: the only place with class numbers, names, colours and codes."""

from omentum.anatomy.structures import GROUPS, STRUCTURES, SnomedCode, Structure, StructureTable

__all__ = ["GROUPS", "STRUCTURES", "SnomedCode", "Structure", "StructureTable"]
