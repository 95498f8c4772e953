"""Chance: the baseline that every other strategy has to beat."""

import numpy as np

from mlcore.strategies.base import best
from mlcore.types import Pool, Selection


def random(pool: Pool, k: int, *, seed: int) -> Selection:
    """Rows in random order."""
    rows = np.flatnonzero(pool.choosable)
    return best(rows, np.random.default_rng(seed).random(len(rows)).astype(np.float32), k)
