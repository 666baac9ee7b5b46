"""Additions of low rank to the weights of a frozen network, for classes of their own.

A kernel W [out, ...] is used as W + up @ down with down [rank, ...] and up [out, rank] (LoRA: Hu et al., ICLR 2022, for
all kernels and matrices of a segmentation network as in LoCo, arXiv:2410.04689); small parameters (biases, norms,
kernels that low rank would not make smaller) have an addition of their full size. `up` and the full additions begin at
zero, so that a fresh adapter changes nothing.

The additions are to the weights and not to the layers, so any backbone can have them, and the network without them
stays what it was, to the bit.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from omentum.model.named_parts import in_parts
from omentum.spec import AdapterSpec

SEPARATOR = "-"
"""Instead of the dot in the name of the parameter that an addition belongs to: names of parameters have no dots."""

Part = TypeVar("Part", bound=nn.Module)


class Adapter(nn.Module):
    """Additions to the parameters of a network.

    Args:
        network: Backbone and head by those names; only their parameters' names and shapes are used.
        spec: Rank, and which parameters.
    """

    def __init__(self, network: Mapping[str, nn.Module], spec: AdapterSpec) -> None:
        super().__init__()
        self.down, self.up, self.full = nn.ParameterDict(), nn.ParameterDict(), nn.ParameterDict()
        for part, module in network.items():
            for name, parameter in module.named_parameters(prefix=part):
                if in_parts(name, spec.parts):
                    self._add(name.replace(".", SEPARATOR), parameter, spec.rank)

    def _add(self, name: str, parameter: Tensor, rank: int) -> None:
        out, rest = parameter.shape[0], parameter[0].numel()
        if parameter.ndim > 1 and rank * (out + rest) < parameter.numel():
            self.down[name] = nn.Parameter(torch.empty(rank, rest).uniform_(-1, 1) / math.sqrt(rest))
            self.up[name] = nn.Parameter(torch.zeros(out, rank))
        else:
            self.full[name] = nn.Parameter(torch.zeros(parameter.shape))

    def changes(self, part: str) -> bool:
        """Whether it adds to parameters of "backbone" or "head"."""
        return any(name.startswith(part + SEPARATOR) for name in (*self.up.keys(), *self.full.keys()))

    def weights(self, part: str, module: nn.Module) -> dict[str, Tensor]:
        """The changed parameters of a part of the network, by their names in it."""
        out = {}
        for name, parameter in module.named_parameters():
            key = f"{part}.{name}".replace(".", SEPARATOR)
            if key in self.up:
                out[name] = parameter + (self.up[key] @ self.down[key]).reshape(parameter.shape)
            elif key in self.full:
                out[name] = parameter + self.full[key]
        return out

    def call(self, part: str, module: nn.Module, method: str, *args: Any) -> Any:
        """Call a method of "backbone" or "head" with the additions; differentiable in them."""
        changed = {f"module.{name}": weight for name, weight in self.weights(part, module).items()}
        return functional_call(_Method(module, method), changed, args)

    @torch.no_grad()
    def merged(self, part: str, module: Part) -> Part:
        """A copy of "backbone" or "head" with the additions in its weights; the module itself where there are none."""
        if not self.changes(part):
            return module
        out = copy.deepcopy(module)
        for name, weight in self.weights(part, module).items():
            out.get_parameter(name).copy_(weight)
        return out


class _Method(nn.Module):
    """A method of a module as the forward of another: `functional_call` knows no other."""

    def __init__(self, module: nn.Module, method: str) -> None:
        super().__init__()
        self.module, self._method = module, method
        self.training = module.training

    def forward(self, *args: Any) -> Any:
        return getattr(self.module, self._method)(*args)


def call(adapter: Adapter | None, part: str, module: nn.Module, method: str, *args: Any) -> Any:
    """Call a method of "backbone" or "head", with the additions of an adapter if there is one."""
    if adapter is None:
        return getattr(module, method)(*args)
    return adapter.call(part, module, method, *args)
