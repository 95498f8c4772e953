"""The default: coverage for the first labels, then coverage of what the model is unsure about."""

import numpy as np

from mlcore.strategies.maxherding import maxherding
from mlcore.strategies.uherding import uherding, uherding_balanced
from mlcore.types import Pool, Selection

# Before this many labels a model's doubts mean little, and coverage alone finds the classes.
COLD_LABELS = 10


def is_cold(pool: Pool) -> bool:
    """Whether it is too early to trust the model: few labels, or only one class seen."""
    counts = pool.counts
    return pool.probabilities is None or int(counts.sum()) < COLD_LABELS or int((counts > 0).sum()) < 2


def auto(pool: Pool, k: int, *, seed: int) -> Selection:
    """Herding while cold, then uncertainty herding, leaning to rare classes once every class was seen."""
    if is_cold(pool):
        return maxherding(pool, k, seed=seed)
    if np.all(pool.counts > 0):
        return uherding_balanced(pool, k, seed=seed)
    return uherding(pool, k, seed=seed)
