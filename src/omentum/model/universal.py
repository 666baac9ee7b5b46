"""The whole network: a backbone that sees, a head that listens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from torch import Tensor, nn

from omentum.errors import UsageError
from omentum.model.low_rank import Adapter, call
from omentum.model.routes import Route, in_order, routes
from omentum.model.segmentation_head import SegmentationHead
from omentum.spec import CheckpointSpec

BACKBONE, HEAD = "backbone", "head"
"""The parts of the network, as in the names of its parameters."""


class Backbone(nn.Module):
    """What every backbone offers; each writes `stages`.

    Attributes:
        deep_channels: Channels of the deepest features.
        decoded_channels: Channels of the full-resolution features.
        coarse_channels: Channels of the features that `stages` returns, deepest first; may be none.
        divisor: What each spatial size of the input must divide by.
        input_channels: Channels of the input.
    """

    input_channels = 1
    deep_channels: int
    decoded_channels: int
    coarse_channels: tuple[int, ...] = ()
    divisor: int

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, X, Y, Z] -> (deep [B, deep_channels, x, y, z], decoded [B, decoded_channels, X, Y, Z])."""
        deep, decoded, _ = self.stages(x)
        return deep, decoded

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """As `forward`, with features of the decoder's coarser stages that training can supervise."""
        raise NotImplementedError

    def blocks(self) -> Iterator[nn.Module]:
        """The modules that `stages` calls one after the other; see `recomputation.checkpoint_activations`."""
        return _called(self)


def _called(module: nn.Module) -> Iterator[nn.Module]:
    """Children of a module, and of those children that only hold others and are never called themselves."""
    for name, child in module.named_children():
        if name == "network" or isinstance(child, (nn.ModuleList, nn.ModuleDict)):
            yield from _called(child)
        else:
            yield child


class UniversalModel(nn.Module):
    """Backbone, head (text-driven, as a rule), the text embeddings of the classes it knows, and adapters for some.

    Args:
        backbone: Any `Backbone`.
        head: Fits the backbone's channels.
        text_embeddings: [K, text_width]; rows in the order of `spec.classes`. Kept as a buffer.
        spec: Description from the checkpoint; fresh adapters are built from `spec.adapters`.
        second_pass: The network of `spec.second_pass`. Not part of `forward`: it sees what the first pass found, see
            `omentum.pipeline.passes.second`.

    Example:
        >>> logits = model(torch.rand(1, 1, 96, 96, 96), classes=[5])   # [1, 1, 96, 96, 96]
    """

    text_embeddings: Tensor

    def __init__(
        self,
        backbone: Backbone,
        head: SegmentationHead,
        text_embeddings: Tensor,
        spec: CheckpointSpec,
        second_pass: UniversalModel | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.spec = spec
        self.register_buffer("text_embeddings", text_embeddings)
        self.adapters = nn.ModuleList(Adapter({BACKBONE: backbone, HEAD: head}, adapter) for adapter in spec.adapters)
        self.second_pass = second_pass

    def forward(self, x: Tensor, classes: Sequence[int] | None = None) -> Tensor:
        """Logits; a sigmoid above 0.5 (a logit above 0) means the voxel belongs to the class.

        Args:
            x: [B, input_channels, X, Y, Z], preprocessed according to `spec.preprocess`.
            classes: Channels wanted, by position in `spec.classes`; all by default. The head's cost scales with them,
                and every adapter of the backbone with a class among them costs one more pass through the backbone.

        Returns:
            [B, K', X, Y, Z].

        Raises:
            UsageError: the shape of x is not one the network can halve as often as it must.
        """
        return self._logits(x, classes, "forward")[0]

    def logits_at(
        self, x: Tensor, voxels: tuple[Any, ...], classes: Sequence[int] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits of some voxels, and the coarse features of the decoder: what training needs.

        Args:
            x: As for `forward`.
            voxels: Index into [B, c, X, Y, Z].
            classes: As for `forward`.

        Returns:
            [B, K', V], and the coarse features of the first route (see `Backbone.stages`).
        """
        return self._logits(x, classes, "logits_at", voxels)

    def adapter_of(self, route: Route) -> Adapter | None:
        """The additions of a route, None if it has none."""
        return None if route.adapter is None else cast(Adapter, self.adapters[route.adapter])

    def _logits(
        self, x: Tensor, classes: Sequence[int] | None, method: str, *voxels: tuple[Any, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        self._check(x)
        ways = routes(self.spec, classes)
        features: dict[Adapter | None, tuple[Tensor, Tensor, tuple[Tensor, ...]]] = {}
        parts = []
        for way in ways:
            adapter = self.adapter_of(way)
            of_backbone = adapter if adapter is not None and adapter.changes(BACKBONE) else None
            if of_backbone not in features:
                features[of_backbone] = call(of_backbone, BACKBONE, self.backbone, "stages", x)
            deep, decoded, _ = features[of_backbone]
            text = self.text_embeddings if classes is None and len(ways) == 1 else self.text_embeddings[[*way.channels]]
            parts.append(call(adapter, HEAD, self.head, method, deep, decoded, text, *voxels))
        return in_order(parts, ways), next(iter(features.values()))[2]

    def _check(self, x: Tensor) -> None:
        divisor, channels = self.backbone.divisor, self.backbone.input_channels
        if x.ndim != 5 or x.shape[1] != channels or any(size % divisor for size in x.shape[2:]):
            raise UsageError(
                f"the model takes tensors [B, {channels}, X, Y, Z] with X, Y, Z multiples of {divisor}, "
                f"got {tuple(x.shape)}"
            )
