"""Images that a model is equally unsure about come in random order, behind all that it is less sure about."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.strategies import REGISTRY
from mlcore.types import Pool

N, UNSURE = 400, 5


def pool() -> Pool:
    """Five images that the model knows nothing about, in the middle; all others are equally clear."""
    p = np.tile(np.array([0.7, 0.2, 0.1], np.float32), (N, 1))
    p[200 : 200 + UNSURE] = 1 / 3
    features = np.random.default_rng(0).standard_normal((N, 8), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    nobody, labels = np.zeros(N, np.bool_), np.full(N, -1)
    labels[:10] = 0
    return Pool(features, p, labels, nobody, nobody, 3)


@pytest.mark.parametrize("strategy", ["margin", "entropy", "least_confidence"])
def test_ties_are_broken_at_random(strategy: str) -> None:
    found = [REGISTRY[strategy](pool(), 20, seed=seed) for seed in range(40)]
    assert all(set(one.indices[:UNSURE]) == set(range(200, 205)) for one in found)
    behind = np.concatenate([one.indices[UNSURE:] for one in found])
    # 600 draws from 385 images that are alike: no part of the pool is left out or preferred.
    assert len(np.unique(behind)) > 250
    assert np.histogram(behind, bins=4, range=(0, N))[0].min() > 100
    again = REGISTRY[strategy](pool(), 20, seed=3)
    assert np.array_equal(again.indices, found[3].indices)


@pytest.mark.parametrize("strategy", ["margin", "entropy", "least_confidence"])
def test_a_queue_of_everything_shuffles_the_ties_too(strategy: str) -> None:
    one, other = (REGISTRY[strategy](pool(), N, seed=seed).indices for seed in (0, 1))
    assert set(one) == set(other) == set(range(10, N))
    assert set(one[:UNSURE]) == set(range(200, 205))
    assert not np.array_equal(one, other)
