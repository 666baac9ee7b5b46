"""Two passes through a CT: organs first, then what lies inside them."""

from omentum.pipeline.passes.classes import PassClasses
from omentum.pipeline.passes.second import SecondPass

__all__ = ["PassClasses", "SecondPass"]
