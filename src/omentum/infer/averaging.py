"""Several networks as one: the logit of the mean of their probabilities, window by window.

Averaged are the probabilities of one window on the model grid. What follows works on the logit of that mean as on any
network's logits: overlapping windows are blended, and the blend is interpolated to the CT's grid. The result is the
mean of the members' own probability maps exactly where neither happens (one window, on the CT's own grid), and only
nearly elsewhere: where windows or neighbouring voxels contradict each other, the logit of a mean of probabilities and
the mean of logits part. Averaging finished maps instead would take a ring of sums for every member.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from omentum.infer.sliding import Predictor

MOST = 80.0
"""Logits are limited to this, so that exp(-logit) is a number in float32; as sure as can be all the same."""


def mean_probability(predictors: Sequence[Predictor], places: Sequence[Sequence[int]] | None = None) -> Predictor:
    """A predictor whose probabilities are the mean of those of others.

    Memory holds the logits of one window (batch) of one network at a time, and two sums of their size.

    Args:
        predictors: Networks; one alone that has all channels is given back as it is.
        places: Channels of the result that each network's channels are, where they are not the same for all; every
            channel has at least one network, and the mean is over the networks that have it.
    """
    if places is not None and any(list(where) != list(range(_count(places))) for where in places):
        return _in_places(predictors, places)
    if len(predictors) == 1:
        return predictors[0]

    def averaged(windows: Tensor) -> Tensor:
        logits = predictors[0](windows)
        dtype = logits.dtype
        # Both sums, since 1 - p has no digits left where p is near 1.
        yes, no = _probability(logits), _probability(-logits)
        del logits
        for predict in predictors[1:]:
            logits = predict(windows)
            yes += _probability(logits)
            no += _probability(-logits)
            del logits
        return yes.log_().sub_(no.log_()).to(dtype)

    return averaged


def _in_places(predictors: Sequence[Predictor], places: Sequence[Sequence[int]]) -> Predictor:
    channels = _count(places)

    def averaged(windows: Tensor) -> Tensor:
        sums: list[Tensor] = []
        dtype = torch.float32
        for predict, where in zip(predictors, places, strict=True):
            logits = predict(windows)
            dtype = logits.dtype
            if not sums:
                shape = (len(logits), channels, *logits.shape[2:])
                sums = [torch.zeros(shape, device=logits.device) for _ in range(2)]
            for total, sign in zip(sums, (1, -1), strict=True):
                total[:, list(where)] += _probability(sign * logits)
            del logits
        yes, no = sums
        return yes.log_().sub_(no.log_()).to(dtype)

    return averaged


def _count(places: Sequence[Sequence[int]]) -> int:
    return 1 + max(place for where in places for place in where)


def _probability(logits: Tensor) -> Tensor:
    return torch.sigmoid(logits.float().clamp(-MOST, MOST))
