"""ProbCover: leave as few images as can be far from every label. Yehuda et al., NeurIPS 2022, arXiv 2205.11320."""

import numpy as np

from mlcore.strategies.base import covering_rows, extended, filled, sample
from mlcore.strategies.clusters import kmeans
from mlcore.strategies.coverage import greedy, nearest_cosine
from mlcore.types import Floats, Pool, Selection

# The graph is between a sample of candidates and a sample of all images, instead of between all and all.
ANCHORS = 2500
CANDIDATES = 3000
# Share of the balls that may hold rows of one cluster only, for a radius to be taken.
PURITY = 0.95
BLOCK = 512
# The smallest radius: rows nearer than this are twins.
TWINS = 0.01


def probcover(pool: Pool, k: int, *, seed: int) -> Selection:
    """Greedy maximum coverage: each choice has the most anchors within the radius that nothing covers yet."""
    rng = np.random.default_rng(seed)
    candidates = sample(np.flatnonzero(pool.choosable), CANDIDATES, rng)
    anchors = pool.features[sample(np.arange(len(pool.features)), ANCHORS, rng)]
    least = cosine_at(pure_radius(anchors, max(pool.n_classes, 2), rng))
    covered = nearest_cosine(anchors, pool.features[covering_rows(pool, rng)]) >= least
    edges = (pool.features[candidates] @ anchors.T >= least).astype(np.float32)
    order, gains = greedy(edges, covered.astype(np.float32), np.ones(len(anchors), np.float32), k)
    arbitrary = rng.random(len(candidates)).astype(np.float32)
    return extended(filled(Selection(candidates[order], gains), candidates, arbitrary, k), pool, k, rng)


def pure_radius(features: Floats, clusters: int, rng: np.random.Generator) -> float:
    """The largest radius at which 95 % of the balls around the rows hold rows of one k-means cluster only.

    A ball is pure as long as it does not reach the nearest row of another cluster, so the radius is a quantile of
    the distances to those, and no grid of radii is tried.
    """
    if len(features) <= clusters:
        return TWINS
    owner, _ = kmeans(features, clusters, rng)
    foreign = np.empty(len(features), np.float32)
    for start in range(0, len(features), BLOCK):
        block = slice(start, start + BLOCK)
        cosines = features[block] @ features.T
        cosines[owner[block, None] == owner] = -1.0
        foreign[block] = cosines.max(axis=1)
    reach = np.sort(np.sqrt(np.maximum(2.0 - 2.0 * foreign, 0.0)))
    # Just short of the first that would make one ball too many impure.
    return max(float(reach[int((1.0 - PURITY) * len(reach))]) * 0.999, TWINS)


def cosine_at(radius: float) -> float:
    """The cosine of two rows of length 1 that lie this far apart."""
    return 1.0 - 0.5 * radius * radius
