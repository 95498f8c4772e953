"""Made-up feature spaces: clusters of unit vectors whose truth is known."""

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass
class Clusters:
    features: np.ndarray
    truth: np.ndarray
    n_classes: int


def clusters(n=300, n_classes=4, dim=24, spread=0.5, seed=0, shares=None) -> Clusters:
    """n unit vectors around n_classes random directions; a larger spread makes them overlap."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, dim))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = rng.choice(n_classes, n, p=shares)
    features = centres[truth] + spread * rng.normal(size=(n, dim)) / np.sqrt(dim)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Clusters(features.astype(np.float32), truth.astype(np.int64), n_classes)


def some_of_each(truth: np.ndarray, per_class: int) -> np.ndarray:
    """Rows of the first per_class images of every class."""
    return np.sort(np.concatenate([np.flatnonzero(truth == c)[:per_class] for c in np.unique(truth)]))


@pytest.fixture(name="clusters")
def _clusters():
    return clusters


@pytest.fixture(name="some_of_each")
def _some_of_each():
    return some_of_each
