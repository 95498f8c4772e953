"""MaxHerding: ask first for what stands for most of the pool; needs no model. Bae et al., ECCV 2024, arXiv 2407.12212."""

import numpy as np

from mlcore.strategies.base import filled, sample
from mlcore.strategies.coverage import coverage, greedy, kernel
from mlcore.types import Floats, Pool, Selection

ANCHORS = 1500
CANDIDATES = 3000
# Kernel width as a share of the root of the median squared distance.
WIDTH = 0.5


def maxherding(pool: Pool, k: int, *, seed: int) -> Selection:
    """Greedy kernel coverage of random anchors; answered and in-flight rows count as covered already."""
    rng = np.random.default_rng(seed)
    open_rows = np.flatnonzero(pool.choosable)
    candidates = sample(open_rows, max(CANDIDATES, k), rng)
    anchors = pool.features[sample(np.arange(len(pool.features)), ANCHORS, rng)]
    sigma = herding_width(anchors)
    covered = coverage(anchors, pool.features[pool.covered], sigma)
    weights = np.full(len(anchors), 1.0 / max(len(anchors), 1), np.float32)
    order, gains = greedy(kernel(pool.features[candidates], anchors, sigma), covered, weights, k)
    arbitrary = rng.random(len(candidates)).astype(np.float32)
    return filled(Selection(candidates[order], gains), candidates, arbitrary, k)


def herding_width(anchors: Floats) -> float:
    """Half the root of the median squared distance between anchors."""
    few = anchors[:500]
    distances = 2.0 - 2.0 * (few @ few.T)
    apart = distances[np.triu_indices(len(few), 1)]
    median = float(np.median(apart)) if apart.size else 1.0
    return WIDTH * float(np.sqrt(max(median, 1e-4)))
