"""Post-processing: cleaning predicted masks by anatomical rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from omentum.errors import UsageError
from omentum.postprocess.clean import Cleaned, clean
from omentum.postprocess.mask_editor import MaskChange, changes_json
from omentum.postprocess.published import clean_as_published
from omentum.segmentation import Segmentation
from omentum.volume import Volume

CLEANERS: Mapping[str, Callable[[Segmentation, Volume], Cleaned]] = {
    "omentum": lambda seg, ct: clean(seg, ct, in_place=True),
    "published": lambda seg, _: clean_as_published(seg, in_place=True),
    "none": lambda seg, _: Cleaned(seg, ()),
}
"""By the name of the option; each modifies the segmentation it receives."""


def find_cleaner(name: str) -> Callable[[Segmentation, Volume], Cleaned]:
    """Look up a cleaner in `CLEANERS`.

    Raises:
        UsageError: The name is unknown.
    """
    if name not in CLEANERS:
        raise UsageError(f"unknown post-processing {name!r}", remedy=f"choose {', '.join(CLEANERS)}")
    return CLEANERS[name]


__all__ = ["CLEANERS", "Cleaned", "MaskChange", "changes_json", "clean", "clean_as_published", "find_cleaner"]
