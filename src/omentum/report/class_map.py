"""How alike the classes of a model are to it, before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError
from omentum.schemas import Schema, stamped

Floats = NDArray[np.float64]

NEARLY_EQUAL = 0.98
"""Cosine after centring above which two classes are called nearly equal."""


@dataclass(frozen=True)
class ClassMapStage:
    """The classes at one place of the model.

    Args:
        name: What represents a class here.
        mean_cosine: Mean cosine of two different classes, as they are.
        similarity: [K, K] cosines after the mean over classes was subtracted, between -1 and 1.
    """

    name: str
    mean_cosine: float
    similarity: Floats

    @classmethod
    def of(cls, name: str, rows: ArrayLike) -> ClassMapStage:
        """From one row of numbers for each class, [K, width]."""
        table = np.asarray(rows, np.float64)
        plain = _cosines(table)
        mean = float(plain[~np.eye(len(table), dtype=bool)].mean()) if len(table) > 1 else 1.0
        return cls(name, mean, _cosines(table - table.mean(0)))

    @property
    def positions(self) -> Floats:
        """The classes in a plane, [K, 2]: classical scaling of the similarities (Torgerson, 1952).

        It equals the first two principal components of the centred rows at length 1.
        """
        centre = np.eye(len(self.similarity)) - 1 / len(self.similarity)
        values, vectors = np.linalg.eigh(centre @ self.similarity @ centre)
        axes = vectors[:, ::-1][:, :2] * np.sqrt(values[::-1][:2].clip(0))
        largest = np.abs(axes).argmax(0)
        signs = np.where(axes[largest, range(axes.shape[1])] < 0, -1.0, 1.0)  # an eigenvector has no sign of its own
        return np.asarray(axes * signs, np.float64)


@dataclass(frozen=True)
class ClassMap:
    """Similarity of the classes of a model at several stages.

    Args:
        keys: Structure keys, in the order of the model.
        stages: From the text embeddings to what training made of them.
        weights: Name of the weights.
        text_encoder: Name of their language model.

    Raises:
        UsageError: There are fewer than three classes, which is nothing to compare.
    """

    keys: tuple[str, ...]
    stages: tuple[ClassMapStage, ...]
    weights: str = ""
    text_encoder: str = ""

    def __post_init__(self) -> None:
        if len(self.keys) < 3:
            raise UsageError(f"{len(self.keys)} classes are too few to compare; three are needed", source=self.weights)

    @property
    def order(self) -> tuple[int, ...]:
        """One order for all stages that puts similar classes side by side.

        Average linkage of the mean similarity, leaves in optimal order (Bar-Joseph et al., Bioinformatics 2001).
        """
        from scipy.cluster.hierarchy import leaves_list, linkage
        from scipy.spatial.distance import squareform

        apart = 1 - np.mean([stage.similarity for stage in self.stages], axis=0)
        np.fill_diagonal(apart, 0)
        tree = linkage(squareform(apart.clip(0), checks=False), "average", optimal_ordering=True)
        return tuple(int(n) for n in leaves_list(tree))

    def nearest(self, stage: ClassMapStage) -> dict[str, str]:
        """Each class and the one most similar to it."""
        others = stage.similarity - 4 * np.eye(len(self.keys))
        return {key: self.keys[int(others[k].argmax())] for k, key in enumerate(self.keys)}

    def share_nearest(self, stage: ClassMapStage, related: Mapping[str, set[str]]) -> tuple[int, int]:
        """How many of these classes have a related one as the most similar, and of how many."""
        nearest = self.nearest(stage)
        return sum(nearest[key] in wanted for key, wanted in related.items()), len(related)

    def nearly_equal(self, stage: ClassMapStage, above: float = NEARLY_EQUAL) -> list[tuple[str, str]]:
        """Pairs that are hardly told apart here; classes with nearly equal heads are found in the same places."""
        rows, columns = np.nonzero(np.triu(stage.similarity > above, 1))
        return [(self.keys[a], self.keys[b]) for a, b in zip(rows, columns, strict=True)]

    @property
    def pairs(self) -> dict[str, set[str]]:
        """Classes with a side, and their counterpart."""
        found = {key: STRUCTURES[key].pair for key in self.keys}
        return {key: {pair} for key, pair in found.items() if pair in self.keys}

    @property
    def lesions(self) -> dict[str, set[str]]:
        """Lesions, and their organs and other lesions of these."""
        rows = [STRUCTURES[key] for key in self.keys if STRUCTURES[key].is_lesion]
        related = {
            row.key: {*row.hosts, *(o.key for o in rows if o is not row and set(o.hosts) & set(row.hosts))}
            for row in rows
        }
        known = {key: {other for other in others if other in self.keys} for key, others in related.items()}
        return {key: others for key, others in known.items() if others}

    def to_json(self) -> dict[str, Any]:
        """JSON-serialisable values, with schema."""
        content = {
            "weights": self.weights,
            "text_encoder": self.text_encoder,
            "classes": list(self.keys),
            "order": [self.keys[n] for n in self.order],
            "stages": [self._stage_json(stage) for stage in self.stages],
        }
        return stamped(Schema.CLASS_MAP, content)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ClassMap:
        """From the values of `to_json`."""
        stages = [
            ClassMapStage(raw["name"], raw["mean_cosine"], np.asarray(raw["similarity"])) for raw in content["stages"]
        ]
        return cls(tuple(content["classes"]), tuple(stages), content["weights"], content["text_encoder"])

    def _stage_json(self, stage: ClassMapStage) -> dict[str, Any]:
        return {
            "name": stage.name,
            "mean_cosine": stage.mean_cosine,
            "similarity": stage.similarity.tolist(),
            "positions": stage.positions.tolist(),
            "nearest": self.nearest(stage),
            "nearly_equal": [list(pair) for pair in self.nearly_equal(stage)],
            "sides": _share(self.share_nearest(stage, self.pairs)),
            "lesions": _share(self.share_nearest(stage, self.lesions)),
        }


def _share(counts: Sequence[int]) -> dict[str, int]:
    return {"nearest_to_related": counts[0], "of": counts[1]}


def _cosines(rows: Floats) -> Floats:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
    return np.asarray((unit @ unit.T).clip(-1, 1), np.float64)
