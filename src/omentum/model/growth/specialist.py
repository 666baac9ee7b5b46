"""Some classes of a model computed as another model computes them, which was trained from it for these classes alone.

Classes that are trained further for themselves (lesions, say) change what the others find where all share the last
layers of the network. As an adapter whose additions are the whole difference of the two models they do not: every other
class is computed as before, to the bit, and these as by the specialist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch

from omentum.errors import UsageError
from omentum.model.build import build
from omentum.model.low_rank import SEPARATOR, Adapter
from omentum.model.named_parts import in_parts
from omentum.model.universal import UniversalModel
from omentum.spec import AdapterSpec

FIRST_PASS = ("backbone", "head")
"""Parts of a model without adapters that compute its classes, but for those of a second pass."""
WHOLE_RANK = 2**20
"""More than any kernel's rank: additions of low rank would not be smaller, so all of them have their full size."""


@torch.no_grad()
def with_specialist(model: UniversalModel, specialist: UniversalModel, keys: Sequence[str]) -> UniversalModel:
    """A copy of a model with an adapter by which some of its classes are those of another model.

    Args:
        model: Without adapters; its operating points and trust stay, and a second pass.
        specialist: Of the same network and classes, without adapters; parts in which it equals the model add nothing.
            Its second pass is not looked at.
        keys: Classes to take from the specialist, of the first pass.

    Raises:
        UsageError: Models that differ in more than their weights, adapters, a class they do not have or that a second
            pass computes, or no difference.
    """
    ours, theirs = model.spec, specialist.spec
    if ours.model != theirs.model or ours.preprocess != theirs.preprocess or ours.class_keys != theirs.class_keys:
        raise UsageError("the specialist is another network than the model", remedy="train it with init = FILE")
    if ours.adapters or theirs.adapters:
        raise UsageError("one of them has adapters", remedy="take the weights they were added to")
    if missing := [key for key in keys if key not in ours.class_keys]:
        raise UsageError(f"the model does not know {', '.join(missing)}")
    if again := [key for key in keys if any(one.second_pass and key in one.second_pass.keys for one in (ours, theirs))]:
        remedy = "leave them out; [[regions]] train a new second pass"
        raise UsageError(f"a second pass computes {', '.join(again)}, whatever the first finds", remedy=remedy)
    state, other = model.state_dict(), specialist.state_dict()
    names = [name for name, _ in model.named_parameters() if in_parts(name, FIRST_PASS)]
    parts = dict.fromkeys(".".join(name.split(".")[:2]) for name in names if not torch.equal(state[name], other[name]))
    if not parts or not keys:
        raise UsageError("the specialist computes what the model computes")
    spec = replace(ours, adapters=(AdapterSpec(tuple(keys), WHOLE_RANK, tuple(parts)),))
    made = build(spec, model.text_embeddings)
    for part in FIRST_PASS if model.second_pass is None else (*FIRST_PASS, "second_pass"):
        made.get_submodule(part).load_state_dict(model.get_submodule(part).state_dict())
    for name, addition in cast(Adapter, made.adapters[0]).full.items():
        whole = name.replace(SEPARATOR, ".")
        addition.copy_(other[whole] - state[whole])
    return made.train(model.training)
