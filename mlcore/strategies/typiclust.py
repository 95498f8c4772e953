"""TypiClust: the most typical image of every cluster without a label. Hacohen et al., ICML 2022, arXiv 2202.02794."""

import numpy as np

from mlcore.strategies.base import covering_rows, extended, filled, sample
from mlcore.strategies.clusters import kmeans
from mlcore.types import Floats, Ints, Pool, Selection

CANDIDATES = 5000
MAX_CLUSTERS = 500
# Questions a page holds; clusters are made for these, the rest of the queue is by typicality.
QUESTIONS = 32
NEIGHBOURS = 20
# Clusters with fewer rows are odd ones out: their turn comes after all others.
SMALLEST = 5
# The leading principal axes tell clusters apart as well as all of them.
AXES = 64
# Rows of a cluster compared with it at a time.
BLOCK = 1024


def typiclust(pool: Pool, k: int, *, seed: int) -> Selection:
    """As many clusters as labels and questions together; the typical row of each, fewest labels and largest first."""
    rng = np.random.default_rng(seed)
    rows = sample(np.flatnonzero(pool.choosable), CANDIDATES, rng)
    covered = covering_rows(pool, rng)
    if len(covered) > CANDIDATES:
        covered = np.union1d(sample(covered, CANDIDATES, rng), np.flatnonzero(pool.in_flight))
    if not len(rows) or k == 0:
        return Selection(rows[:0], np.zeros(0, np.float32))
    everything = np.concatenate([rows, covered])
    features = np.ascontiguousarray(pool.features[everything][:, :AXES])
    clusters = min(len(covered) + min(k, QUESTIONS), MAX_CLUSTERS, len(everything))
    owner, _ = kmeans(features, clusters, rng)
    typical = typicality(features, owner, NEIGHBOURS)[: len(rows)]
    ranked = champions(typical, owner[: len(rows)], owner[len(rows) :])[:k]
    falling = np.linspace(2.0, 1.0, len(ranked), dtype=np.float32)
    return extended(filled(Selection(rows[ranked], falling), rows, typical, k), pool, k, rng)


def typicality(features: Floats, owner: Ints, neighbours: int) -> Floats:
    """(n,) float32 > 0: one over the mean distance to the nearest rows of the same cluster; 1 for a row on its own."""
    found = np.ones(len(features), np.float32)
    order = np.argsort(owner, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1):
        near = min(neighbours, len(members) - 1)
        if near < 1:
            continue
        cluster = features[members]
        lengths = (cluster**2).sum(axis=1)
        for start in range(0, len(members), BLOCK):
            block = slice(start, start + BLOCK)
            squared = lengths[block, None] + lengths - 2.0 * (cluster[block] @ cluster.T)
            # A row is its own nearest, at distance 0 up to rounding.
            closest = np.sqrt(np.maximum(np.partition(squared, near, axis=1)[:, : near + 1], 0.0))
            found[members[block]] = near / (closest.sum(axis=1) + 1e-4)
    return found


def champions(typical: Floats, owner: Ints, covered: Ints) -> Ints:
    """Position of the most typical row of every cluster, clusters with fewest covered rows first, then the largest.

    typical, owner (n,): of the rows that may be asked for; covered (m,): the clusters of those that count as covered.
    """
    order = np.lexsort((-typical, owner))
    best = order[np.unique(owner[order], return_index=True)[1]]
    count = max(int(owner.max(initial=0)), int(covered.max(initial=0))) + 1
    answered = np.bincount(covered, minlength=count)
    sizes = np.bincount(owner, minlength=count) + answered
    at = owner[best]
    return best[np.lexsort((-sizes[at], answered[at], sizes[at] < SMALLEST))]
