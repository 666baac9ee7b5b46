"""A model as run by an engine, restricted to the requested structures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from omentum.anatomy import STRUCTURES
from omentum.infer.engines import Engine, Network, choose_engine
from omentum.infer.flips import flip_ensemble
from omentum.infer.profiles import Profile
from omentum.infer.sliding import Predictor
from omentum.model import UniversalModel
from omentum.model.feature_network import FeatureNetwork, class_logits
from omentum.model.routes import routes
from omentum.model.state import state_sha256


def network_of(model: UniversalModel, classes: Sequence[str], dtype: torch.dtype | None = None) -> Network:
    """The model with the given classes as its output channels.

    Args:
        model: Any module with a `spec` that accepts (windows, channels), but only a `UniversalModel` is compiled.
        classes: Keys of classes of the model.
        dtype: Dtype of the logits; that of the features by default.
    """
    channels, patch = _channels(model, classes), model.spec.preprocess.patch
    if not isinstance(model, UniversalModel):
        return Network(_Whole(model, channels), _as_it_is, patch)
    state = state_sha256({name: tensor.cpu() for name, tensor in model.state_dict().items()})
    passes = [way.adapter for way in routes(model.spec, channels)]
    fingerprint = f"{state} {model.spec.model}" + (f" {passes}" if model.spec.adapters else "")
    back = class_logits(model, channels, dtype)
    return Network(FeatureNetwork(model, channels), back, patch, fingerprint, model.backbone.input_channels)


def engine_for(
    model: UniversalModel, classes: Sequence[str], device: torch.device, how: Profile, engine: str
) -> Engine:
    """Engine for a model, see `choose_engine`. Flips along x need the channels of `with_paired_classes`."""
    drawn = with_paired_classes(model, classes) if "x" in how.flips else classes
    return choose_engine(network_of(model, drawn, logits_dtype(how)), device, how.precision, engine)


class SharedNetwork:
    """Predictors for any classes of a network without adapters, which is compiled once, on first use.

    Args:
        model: See `network_of`.
        device, how, engine: See `engine_for`.
    """

    def __init__(self, model: UniversalModel, device: torch.device, how: Profile, engine: str) -> None:
        self._model, self._how, self._made_by = model, how, (device, how, engine)

    @cached_property
    def engine(self) -> Engine:
        """The engine for all classes."""
        return engine_for(self._model, self._model.spec.class_keys, *self._made_by)

    def __call__(self, classes: tuple[str, ...]) -> Predictor:
        """What computes the logits of some classes."""
        drawn = with_paired_classes(self._model, classes) if "x" in self._how.flips else classes
        return predictor(self.engine.with_back(self._back(drawn)), self._model, classes, self._how)

    def _back(self, classes: Sequence[str]) -> Callable[..., Tensor]:
        channels = _channels(self._model, classes)
        if isinstance(self._model, UniversalModel):
            return class_logits(self._model, channels, logits_dtype(self._how))
        return lambda logits: logits if channels is None else logits[:, channels]


def logits_dtype(how: Profile) -> torch.dtype:
    """Dtype of logits and their sums; float16 has three more mantissa bits than bf16."""
    return torch.float16 if how.precision == "bf16" else torch.float32


def with_paired_classes(model: UniversalModel, classes: Sequence[str]) -> list[str]:
    """The classes, followed by their missing counterparts on the other side of the body."""
    pairs = [STRUCTURES[key].pair for key in classes]
    return list(dict.fromkeys([*classes, *(key for key in pairs if key and key in model.spec.class_keys)]))


def predictor(engine: Engine, model: UniversalModel, classes: Sequence[str], how: Profile) -> Predictor:
    """Logits of the engine for the classes, averaged over the flips of the profile."""
    if not how.flips:
        return engine
    drawn = with_paired_classes(model, classes) if "x" in how.flips else list(classes)
    pairs = [STRUCTURES[key].pair or key for key in drawn]
    # A side without its counterpart in the model: in a flipped image, the wrong side would be predicted.
    partners = [drawn.index(pair) if pair in drawn else None for pair in pairs]
    averaged = flip_ensemble(engine, how.flips, partners)
    return lambda windows: averaged(windows)[:, : len(classes)]


def _channels(model: UniversalModel, classes: Sequence[str]) -> list[int] | None:
    """Numbers of some classes; None for all in their order."""
    known = model.spec.class_keys
    return None if tuple(classes) == known else [known.index(key) for key in classes]


class _Whole(nn.Module):
    """A model run as a whole, without a separate dynamic head."""

    def __init__(self, model: nn.Module, channels: list[int] | None) -> None:
        super().__init__()
        self.model, self.channels = model, channels

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (self.model(x, self.channels),)


def _as_it_is(logits: Tensor) -> Tensor:
    return logits
