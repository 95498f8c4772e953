"""TypiClust: the most typical image of every cluster without a label. Hacohen et al., ICML 2022, arXiv 2202.02794."""

import numpy as np

from mlcore.strategies.base import filled, sample
from mlcore.strategies.clusters import kmeans
from mlcore.types import Pool, Selection

CANDIDATES = 5000
MAX_CLUSTERS = 500
# Questions a page holds; clusters are made for these, the rest of the queue is by typicality.
QUESTIONS = 32
NEIGHBOURS = 20
# The leading principal axes tell clusters apart as well as all of them.
AXES = 64
BLOCK = 1024


def typiclust(pool: Pool, k: int, *, seed: int) -> Selection:
    """Largest uncovered cluster first; typical means close to its 20 nearest rows in the sample."""
    rng = np.random.default_rng(seed)
    rows = sample(np.flatnonzero(pool.choosable), max(CANDIDATES, k), rng)
    covered = sample(np.flatnonzero(pool.covered), CANDIDATES, rng)
    if not len(rows) or k == 0:
        return Selection(rows[:0], np.zeros(0, np.float32))
    everything = np.concatenate([rows, covered])
    features = np.ascontiguousarray(pool.features[everything][:, :AXES])
    clusters = min(len(covered) + min(k, QUESTIONS), MAX_CLUSTERS, len(everything))
    owner, _ = kmeans(features, clusters, rng)
    typicality = np.empty(len(rows), np.float32)
    near = min(NEIGHBOURS, len(everything) - 1)
    for start in range(0, len(rows), BLOCK):
        block = features[start : min(start + BLOCK, len(rows))]
        squared = (block**2).sum(axis=1)[:, None] + (features**2).sum(axis=1) - 2.0 * (block @ features.T)
        closest = np.sqrt(np.maximum(np.partition(squared, near, axis=1)[:, : near + 1], 0.0))
        typicality[start : start + len(block)] = 1.0 / (closest.sum(axis=1) / max(near, 1) + 1e-3)
    sizes = np.bincount(owner, minlength=clusters)
    answered = np.bincount(owner[len(rows) :], minlength=clusters)
    order = np.lexsort((-typicality, owner[: len(rows)]))
    first = np.unique(owner[: len(rows)][order], return_index=True)[1]
    champions = order[first]
    at = owner[champions]
    ranked = champions[np.lexsort((-sizes[at], answered[at]))][:k]
    falling = np.linspace(2.0, 1.0, len(ranked), dtype=np.float32)
    return filled(Selection(rows[ranked], falling), rows, typicality, k)
