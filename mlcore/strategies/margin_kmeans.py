"""Unsure and spread out: k-means over the smallest margins, one question a cluster. Zhdanov 2019, arXiv 1901.05954."""

import numpy as np

from mlcore.strategies.base import best, filled, highest, margin_uncertainty, probabilities_of
from mlcore.strategies.clusters import kmeans
from mlcore.types import Pool, Selection

# Questions a page holds: clusters beyond these would be re-ranked before anyone sees them.
CLUSTERS = 32
UNSURE = 1000


def margin_kmeans(pool: Pool, k: int, *, seed: int) -> Selection:
    """The row nearest to each centre of the least sure rows, most uncertain first; then the others by margin."""
    uncertainty = margin_uncertainty(probabilities_of(pool))
    rows = np.flatnonzero(pool.choosable)
    candidates = rows[highest(uncertainty[rows], UNSURE)]
    if not len(candidates) or k == 0:
        return best(candidates, uncertainty[candidates], k)
    unsure, features = uncertainty[candidates], pool.features[candidates]
    owner, centres = kmeans(features, min(CLUSTERS, k, len(candidates)), np.random.default_rng(seed), unsure)
    distance = ((features - centres[owner]) ** 2).sum(axis=1)
    by_distance = np.argsort(distance, kind="stable")
    nearest = by_distance[np.unique(owner[by_distance], return_index=True)[1]]
    return filled(best(candidates[nearest], unsure[nearest], k), rows, uncertainty[rows], k)
