"""The numbers of the quality score, found from examples by quality.py."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from omentum.quality.score import FEATURES, GOOD_DICE, LEARNED, ScoreModel, group_of, raw_features
from quality_examples import Example

LEAST_SD = 0.15
"""Of any learned feature (all are logarithms or roots of shares): phantoms vary less than people do."""
FEWEST = 8
"""Good masks a structure needs to have usual values of its own."""
RIDGE = 1e-3


def calibrated(trained: Sequence[Example]) -> ScoreModel:
    """Usual values from masks that are (nearly) true, weights by logistic regression with no weight below 0."""
    usual = usual_values([e for e in trained if e.dice > 0.95])
    x = np.stack([e.features(usual) for e in trained])
    good = np.array([e.dice >= GOOD_DICE for e in trained])

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = parameters[0] - x @ parameters[1:]
        error = 1 / (1 + np.exp(-odds)) - good
        value = float(np.mean(np.logaddexp(0, odds) - good * odds)) + RIDGE * float(parameters[1:] @ parameters[1:])
        slope = np.concatenate([[error.mean()], -(error @ x) / len(x) + 2 * RIDGE * parameters[1:]])
        return value, slope

    bounds = [(None, None)] + [(0.0, None)] * len(FEATURES)
    fitted = minimize(loss, np.zeros(1 + len(FEATURES)), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = {name: round(float(w), 4) for name, w in zip(FEATURES, fitted[1:], strict=True)}
    return ScoreModel(usual, weights, round(float(fitted[0]), 4))


def usual_values(good: Sequence[Example]) -> dict[str, dict[str, tuple[float, float]]]:
    raw: dict[str, dict[str, list[float]]] = {}
    for e in good:
        for name, value in raw_features(e.case.features[e.key]).items():
            if value is not None:
                raw.setdefault(group_of(e.key), {}).setdefault(name, []).append(value)
    return {
        group: {
            name: (round(float(np.mean(v)), 4), round(max(float(np.std(v)), LEAST_SD), 4))
            for name in LEARNED
            if len(v := row.get(name, [])) >= FEWEST
        }
        for group, row in sorted(raw.items())
    }


def model_json(model: ScoreModel) -> str:
    """A line for each structure."""
    rows = ",\n".join(f"  {json.dumps(group)}: {json.dumps(usual)}" for group, usual in model.usual.items())
    head = json.dumps({"intercept": model.intercept, "weights": model.weights}, indent=1).removesuffix("\n}")
    return f'{head},\n "usual": {{\n{rows}\n }}\n}}\n'
