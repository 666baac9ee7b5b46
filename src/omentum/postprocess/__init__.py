"""Post-processing: cleaning predicted masks by anatomical rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from omentum.errors import UsageError
from omentum.postprocess.clean import Cleaned, clean
from omentum.postprocess.mask_editor import MaskChange, changes_json
from omentum.postprocess.published import clean_as_published
from omentum.postprocess.rules import stricter
from omentum.segmentation import Segmentation
from omentum.volume import Volume

CLEANERS: Mapping[str, Callable[[Segmentation, Volume], Cleaned]] = {
    "omentum": lambda seg, ct: clean(seg, ct, in_place=True),
    "published": lambda seg, _: clean_as_published(seg, in_place=True),
    "none": lambda seg, _: Cleaned(seg, ()),
}
"""By the name of the option; each modifies the segmentation it receives."""


def find_cleaner(
    name: str, minimum_ml: Mapping[str, float] | None = None, *, exclusive: bool = False
) -> Callable[[Segmentation, Volume], Cleaned]:
    """Look up a cleaner in `CLEANERS`.

    Args:
        name: Of the cleaner.
        minimum_ml: Structure key -> volume below which a component is removed, where the weights ask for more than the
            rules; for the cleaner "omentum".
        exclusive: See `clean`; for the cleaner "omentum".

    Raises:
        UsageError: The name is unknown.
    """
    if name not in CLEANERS:
        raise UsageError(f"unknown post-processing {name!r}", remedy=f"choose {', '.join(CLEANERS)}")
    if name == "omentum" and (minimum_ml or exclusive):
        rules = stricter(minimum_ml or {})
        return partial(clean, rules=rules, in_place=True, exclusive=exclusive)
    return CLEANERS[name]


__all__ = ["CLEANERS", "Cleaned", "MaskChange", "changes_json", "clean", "clean_as_published", "find_cleaner"]
