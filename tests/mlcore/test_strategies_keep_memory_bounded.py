"""What a strategy takes on top of the pool hardly grows with the pool: a million images must fit."""

import tracemalloc

import numpy as np
import pytest

from mlcore.strategies import REGISTRY
from mlcore.types import Pool, Selection

FEW, MANY, DIM, CLASSES = 20_000, 60_000, 128, 10
# An image's features alone are 512 bytes, and one gradient for each of ten classes 5,120.
BYTES_AN_IMAGE = 200
# With these and 200 bytes an image, a million images take less than half a gigabyte.
BYTES_AT_MOST = 200 * 2**20


@pytest.fixture(scope="module")
def pools() -> dict[int, Pool]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((MANY, DIM), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    p = rng.random((MANY, CLASSES), np.float32) ** 4
    p /= p.sum(axis=1, keepdims=True)

    def first(n: int) -> Pool:
        labels = np.full(n, -1, np.int64)
        labels[:1000] = rng.integers(CLASSES, size=1000)
        flags = np.zeros((2, n), bool)
        flags[0, 1000:1010] = flags[1, 1010:1100] = True
        return Pool(features[:n], p[:n], labels, flags[0], flags[1], CLASSES)

    return {n: first(n) for n in (FEW, MANY)}


def peak(strategy, pool: Pool, k: int = 50) -> int:
    """Bytes taken at most at once while it chooses."""
    tracemalloc.start()
    try:
        strategy(pool, k, seed=0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", REGISTRY)
def test_a_strategy_takes_little_that_grows_with_the_pool(name, pools):
    few, many = (peak(REGISTRY[name], pools[n]) for n in (FEW, MANY))
    assert many < BYTES_AT_MOST
    assert (many - few) / (MANY - FEW) < BYTES_AN_IMAGE


@pytest.mark.parametrize("copied", ["features", "gradients"])
def test_one_that_copies_the_pool_would_be_found_out(copied, pools):
    def greedy_for_memory(pool: Pool, k: int, *, seed: int) -> Selection:
        block = pool.features + 0.0 if copied == "features" else pool.probabilities[:, :, None] * pool.features[:, None]
        rows = np.flatnonzero(pool.choosable)[:k]
        return Selection(rows, block.reshape(len(block), -1)[rows, 0])

    few, many = (peak(greedy_for_memory, pools[n]) for n in (FEW, MANY))
    assert (many - few) / (MANY - FEW) > BYTES_AN_IMAGE
