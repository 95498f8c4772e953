"""Core-set: ask for what is farthest from everything labelled. Sener & Savarese, ICLR 2018, arXiv 1708.00489."""

import numpy as np

from mlcore.strategies.base import covering_rows, extended, sample
from mlcore.strategies.coverage import nearest_cosine
from mlcore.types import Pool, Selection

CANDIDATES = 10_000


def coreset(pool: Pool, k: int, *, seed: int) -> Selection:
    """k-centre greedy on cosines: each choice is the candidate least like all that is covered or chosen. Likes outliers."""
    rng = np.random.default_rng(seed)
    rows = sample(np.flatnonzero(pool.choosable), CANDIDATES, rng)
    features = pool.features[rows]
    nearest = nearest_cosine(features, pool.features[covering_rows(pool, rng)])
    count = min(k, len(rows))
    chosen, scores = np.empty(count, np.int64), np.empty(count, np.float32)
    for number in range(count):
        pick = int(rng.integers(len(rows))) if number == 0 and not pool.covered.any() else int(nearest.argmin())
        chosen[number], scores[number] = pick, 1.0 - nearest[pick]
        np.maximum(nearest, features @ features[pick], out=nearest)
        nearest[chosen[: number + 1]] = np.inf
    return extended(Selection(rows[chosen], scores), pool, k, rng)
