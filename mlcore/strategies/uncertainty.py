"""Classic uncertainty sampling: ask for what the model knows least about, one row at a time."""

import numpy as np

from mlcore.strategies.base import best, entropy_of, in_blocks, margin_uncertainty, probabilities_of
from mlcore.types import Floats, Pool, Selection


def margin(pool: Pool, k: int, *, seed: int) -> Selection:
    """Smallest gap between the two likeliest classes first: the one classic that is safe. Scheffer et al. 2001."""
    return _by_score(pool, margin_uncertainty(probabilities_of(pool)), k, seed)


def entropy(pool: Pool, k: int, *, seed: int) -> Selection:
    """Most spread-out probabilities first. Settles & Craven 2008. Loses to chance while labels are few."""
    return _by_score(pool, in_blocks(entropy_of, probabilities_of(pool)), k, seed)


def least_confidence(pool: Pool, k: int, *, seed: int) -> Selection:
    """Lowest probability of the likeliest class first. Lewis & Gale 1994. Loses to chance while labels are few."""
    return _by_score(pool, 1.0 - probabilities_of(pool).max(axis=1), k, seed)


def _by_score(pool: Pool, scores: Floats, k: int, seed: int) -> Selection:
    """The k highest; ties, common when only one class was seen, are broken at random."""
    rows = np.flatnonzero(pool.choosable)
    return best(rows, np.asarray(scores[rows], np.float32), k, np.random.default_rng(seed))
