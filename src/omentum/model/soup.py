"""A soup: one network whose weights are the mean of several networks' weights.

    >>> soup = average_models([load_model(a), load_model(b)], ["a.safetensors", "b.safetensors"])

Wortsman et al., Model soups, ICML 2022. It costs as much as one network, unlike an ensemble. It works where the members
were fine-tuned from the same initial weights; of networks that were trained separately, the mean of the weights is
usually worth nothing. Nothing here tells which it is: a soup has to be evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from omentum.errors import CheckpointError, UsageError
from omentum.fingerprint import SAYS_ALL, STARTED_FROM, TRAINED_ON, TRAINED_ON_ROWS, ScansSeen
from omentum.json_values import strict_json
from omentum.model.build import build
from omentum.model.state import state_sha256
from omentum.model.terms import of_weights, record, under
from omentum.model.universal import UniversalModel
from omentum.spec import TEXT_SHA256, USUAL_THRESHOLD, CheckpointSpec, Trust

SOUP = "soup"
"""Entry of `CheckpointSpec.training`: the members, by name and hash of their tensors."""
TEXT_TOLERANCE = 1e-3
"""Text embeddings of one encoder differ by at most so much of their largest number; files may store half precision."""
ROUNDING = 1e-6


def average_models(models: Sequence[UniversalModel], names: Sequence[str]) -> UniversalModel:
    """Average the weights of models of one architecture, one class list and one language model.

    The result's record joins those of its members: scans they were trained on, initial weights, licences. Its trust in
    each class is unknown and its thresholds are 0.5, since both were found with other weights.

    Args:
        models: At least two; not changed.
        names: Of the models, for the record and for messages.

    Returns:
        A new model, float32 on the CPU, in evaluation mode.

    Raises:
        UsageError: There are fewer than two, or they do not go together; the message names the difference.
    """
    if len(models) < 2:
        raise UsageError("an average needs at least two sets of weights", remedy="name another")
    if strange := [name for model, name in zip(models, names, strict=True) if not isinstance(model, UniversalModel)]:
        raise UsageError("is no network of this package, so its weights cannot be averaged", source=strange[0])
    for model, name in zip(models[1:], names[1:], strict=True):
        _check_same(models[0], model, names[0], name)
    states = [{name: tensor.cpu() for name, tensor in model.state_dict().items()} for model in models]
    mean = {name: _mean([state[name] for state in states], name, names) for name in states[0]}
    soup = build(_joined(models, names), mean["text_embeddings"])
    soup.load_state_dict(mean)
    return soup.eval()


def refuse_same(models: Sequence[UniversalModel], names: Sequence[str]) -> None:
    """Refuse weights that are given twice: they would count twice.

    Raises:
        UsageError: There are some, whatever their files are called.
    """
    hashes = [_sha256(model) for model in models]
    for place, digest in enumerate(hashes):
        if (first := hashes.index(digest)) != place:
            raise UsageError(f"are the weights of {names[first]}", source=names[place], remedy="give each of them once")


def member(model: UniversalModel, name: str) -> dict[str, str]:
    """What the description of a soup says of one of its members."""
    return {"name": name, "sha256": _sha256(model)}


def _sha256(model: UniversalModel) -> str:
    return state_sha256({key: tensor.cpu() for key, tensor in model.state_dict().items()})


def _mean(tensors: Sequence[Tensor], name: str, names: Sequence[str]) -> Tensor:
    first = tensors[0]
    if not first.is_floating_point() or "running_" in name:
        # Counters, tables, and statistics of batches, which belong to one set of weights.
        if any(not torch.equal(first, other) for other in tensors[1:]):
            reason = f"{name} differs and cannot be averaged; statistics of batches belong to one set of weights"
            raise UsageError(reason, source=names[0], remedy="average the probabilities instead")
        return first.clone()
    if name == "text_embeddings":
        return first.float().clone()
    total = sum((tensor.double() for tensor in tensors[1:]), first.double())
    return (total / len(tensors)).float()


def _check_same(first: UniversalModel, other: UniversalModel, name: str, other_name: str) -> None:
    found = [*_differences(first.spec, other.spec)]
    ours, theirs = first.text_embeddings.float().cpu(), other.text_embeddings.float().cpu()
    same_text = ours.shape == theirs.shape and bool(
        (ours - theirs).abs().max() <= TEXT_TOLERANCE * ours.abs().max().clamp_min(ROUNDING)
    )
    if not found and not same_text:
        found.append("its classes have other text embeddings")
    if found:
        reason = f"its weights cannot be averaged with those of {name}: {'; '.join(found)}"
        raise UsageError(reason, source=other_name, remedy="average checkpoints of one kind of run")
    shapes = {key: tuple(tensor.shape) for key, tensor in first.state_dict().items()}
    if shapes != {key: tuple(tensor.shape) for key, tensor in other.state_dict().items()}:
        raise CheckpointError(f"its tensors are not those of {name}", source=other_name)


def _differences(first: CheckpointSpec, other: CheckpointSpec) -> list[str]:
    found = []
    for part in ("model", "preprocess"):
        ours, theirs = (strict_json(asdict(getattr(spec, part))) for spec in (first, other))
        found += [f"{key} {theirs[key]}, not {ours[key]}" for key in ours if ours[key] != theirs[key]]
    if first.class_keys != other.class_keys:
        found.append("another list of classes")
    elif [c.prompt for c in first.classes] != [c.prompt for c in other.classes]:
        found.append("other prompts")
    if first.text_encoder != other.text_encoder:
        found.append(f"the language model {other.text_encoder}, not {first.text_encoder}")
    if first.second_pass or other.second_pass:
        found.append("a second pass, which sees what the first one found")
    if first.adapters or other.adapters:
        found.append("adapters, whose product is not the product of their means")
    return found


def _joined(models: Sequence[UniversalModel], names: Sequence[str]) -> CheckpointSpec:
    """The description of the soup."""
    specs = [model.spec for model in models]
    members = [member(model, name) for name, model in zip(names, models, strict=True)]
    seen = ScansSeen.of_all(spec.scans_seen for spec in specs)
    training: dict[str, Any] = {SOUP: {"members": members}}
    if all(TRAINED_ON in spec.training for spec in specs):
        training[TRAINED_ON] = sorted(seen.digests)
    if seen.rows:
        training[TRAINED_ON_ROWS] = " ".join(sorted(seen.rows))
    training[STARTED_FROM] = {"file": " + ".join(names), SAYS_ALL: seen.is_complete}
    if TEXT_SHA256 in specs[0].training:
        training[TEXT_SHA256] = specs[0].training[TEXT_SHA256]
    terms = [one for name, spec in zip(names, specs, strict=True) for one in of_weights(name, spec)]
    classes = tuple(replace(c, threshold=USUAL_THRESHOLD, trust=Trust.UNKNOWN) for c in specs[0].classes)
    rows_of_structures = {key: row for spec in specs for key, row in spec.structures.items()}
    spec = replace(specs[0], classes=classes, structures=rows_of_structures, training={})
    return under(spec, training | record(terms))


def distinct_names(paths: Sequence[str | Path]) -> list[str]:
    """File names, with folders if files of several runs have the same name."""
    files = [Path(path) for path in paths]
    same = len({file.name for file in files}) < len(files)
    return [f"{file.parent.name}/{file.name}" if same and file.parent.name else file.name for file in files]


def common_start(models: Sequence[UniversalModel]) -> str | None:
    """Name of the initial weights that all models were trained from; None if they differ or are not recorded.

    Weights are the same if their hash is: files of several runs have one name.
    """
    starts = [model.spec.training.get(STARTED_FROM, {}) for model in models]
    hashes = {str(start.get("sha256", "")) for start in starts}
    return str(starts[0].get("file")) if len(hashes) == 1 and hashes != {""} else None
