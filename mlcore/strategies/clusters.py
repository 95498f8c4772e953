"""A small k-means, for strategies that want their questions spread out."""

import numpy as np

from mlcore.types import Floats, Ints

ROUNDS = 10


def kmeans(rows: Floats, k: int, rng: np.random.Generator, weights: Floats | None = None) -> tuple[Ints, Floats]:
    """Cluster (n,) of each row, and centres (k, d): Lloyd's algorithm from random rows, 10 rounds, n >= k.

    A cluster that loses all its rows keeps its last centre. weights (n,): how much each row pulls its centre.
    """
    centres = rows[rng.choice(len(rows), k, replace=False)].copy()
    owner = np.zeros(len(rows), np.int64)
    pull = np.ones(len(rows), np.float32) if weights is None else weights
    for _ in range(ROUNDS):
        now = (rows @ centres.T - 0.5 * (centres**2).sum(axis=1)).argmax(axis=1)
        if np.array_equal(now, owner):
            break
        owner = now
        mass = np.bincount(owner, weights=pull, minlength=k)
        order = np.argsort(owner, kind="stable")
        filled = np.flatnonzero(np.bincount(owner, minlength=k))
        starts = np.searchsorted(owner[order], filled)
        sums = np.add.reduceat((rows * pull[:, None])[order], starts, axis=0)
        heavy = mass[filled] > 0
        centres[filled[heavy]] = sums[heavy] / mass[filled[heavy], None]
    return owner, centres
