"""A second pass for a model: added, and taken away where only the first can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from omentum.errors import UsageError, warn_of_case
from omentum.formatting import listed
from omentum.model.build import build
from omentum.model.universal import UniversalModel
from omentum.spec import RegionSpec, SecondPassSpec


@torch.no_grad()
def with_second_pass(model: UniversalModel, network: UniversalModel, regions: Sequence[RegionSpec]) -> UniversalModel:
    """A copy of a model whose lesions (or thin vessels) are those of a network that looks inside organs.

    Args:
        model: Finds the organs; not changed. A second pass it has is replaced.
        network: Of `organ_unet`; its classes, operating points and trust are those of the second pass.
        regions: Where each of its classes is looked for.

    Raises:
        UsageError: A class or an organ that the model does not have, or another text encoder.
        ValueError: The regions do not have each class of the network once.
    """
    second = SecondPassSpec(network.spec.model, network.spec.preprocess, network.spec.classes, tuple(regions))
    spec = replace(model.spec, second_pass=second)
    if strange := spec.strange_in_second_pass:
        raise UsageError(f"the first pass does not know {', '.join(sorted(strange))}")
    if network.spec.text_encoder != model.spec.text_encoder:
        raise UsageError(f"the second pass reads {network.spec.text_encoder}, the first {model.spec.text_encoder}")
    made = build(spec, model.text_embeddings)
    assert made.second_pass is not None
    made.load_state_dict(_first_state(model) | {f"second_pass.{k}": v for k, v in network.state_dict().items()})
    return made.train(model.training)


def first_pass_of(model: UniversalModel, name: str) -> UniversalModel:
    """The model, or for one with a second pass a copy without; what is lost is said aloud.

    Args:
        model: Not changed.
        name: Of the weights, for the message.

    Warns:
        CaseWarning: It had a second pass.
    """
    if model.spec.second_pass is not None:
        keys = listed(model.spec.second_pass.keys)
        warn_of_case(f"{name}: without its second pass, {keys} are those of the first", stacklevel=3)
    return without_second_pass(model)


@torch.no_grad()
def without_second_pass(model: UniversalModel) -> UniversalModel:
    """The model, or for one with a second pass a copy without.

    Args:
        model: Not changed.
    """
    if model.spec.second_pass is None:
        return model
    made = build(replace(model.spec, second_pass=None), model.text_embeddings)
    made.load_state_dict(_first_state(model))
    return made.train(model.training)


def _first_state(model: UniversalModel) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("second_pass.")}
