"""MaxHerding: ask first for what stands for most of the pool; needs no model. Bae et al., ECCV 2024, arXiv 2407.12212."""

import numpy as np

from mlcore.strategies.base import covering_rows, extended, filled, sample
from mlcore.strategies.coverage import coverage, greedy, kernel
from mlcore.types import Floats, Pool, Selection

ANCHORS = 1500
CANDIDATES = 3000
# Kernel width as a share of the root of the median squared distance, and the anchors that it is measured between.
WIDTH = 0.5
WIDTH_ANCHORS = 500


def maxherding(pool: Pool, k: int, *, seed: int) -> Selection:
    """Greedy kernel coverage of random anchors; answered and in-flight rows count as covered already."""
    rng = np.random.default_rng(seed)
    candidates = sample(np.flatnonzero(pool.choosable), CANDIDATES, rng)
    anchors = pool.features[sample(np.arange(len(pool.features)), ANCHORS, rng)]
    sigma = herding_width(anchors)
    covered = coverage(anchors, pool.features[covering_rows(pool, rng)], sigma)
    weights = np.full(len(anchors), 1.0 / max(len(anchors), 1), np.float32)
    order, gains = greedy(kernel(pool.features[candidates], anchors, sigma), covered, weights, k)
    arbitrary = rng.random(len(candidates)).astype(np.float32)
    return extended(filled(Selection(candidates[order], gains), candidates, arbitrary, k), pool, k, rng)


def herding_width(anchors: Floats) -> float:
    """Half the root of the median squared distance between anchors."""
    few = anchors[np.linspace(0, len(anchors) - 1, min(len(anchors), WIDTH_ANCHORS)).astype(np.int64)]
    distances = 2.0 - 2.0 * (few @ few.T)
    apart = distances[np.triu_indices(len(few), 1)]
    median = float(np.median(apart)) if apart.size else 1.0
    return WIDTH * float(np.sqrt(max(median, 1e-4)))
