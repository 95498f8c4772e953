"""Uncertainty herding: cover what the model is unsure about. Bae et al., ICLR 2025, arXiv 2412.20644."""

import numpy as np

from mlcore.strategies.base import covering_rows, filled, highest, margin_uncertainty, probabilities_of, sample
from mlcore.strategies.coverage import coverage, greedy, kernel
from mlcore.strategies.maxherding import herding_width
from mlcore.types import Floats, Ints, Pool, Selection

ANCHORS = 1000
UNSURE_CANDIDATES = 1000
RANDOM_CANDIDATES = 500
# Kernel width as a share of the mean distance from a labelled row to its nearest labelled row: it shrinks by itself.
WIDTH = 0.7
# Labelled rows whose nearest neighbour is looked up for that mean.
WIDTH_ROWS = 500


def uherding(pool: Pool, k: int, *, seed: int) -> Selection:
    """Greedy coverage of anchors weighted by the margin uncertainty of the model."""
    probabilities = probabilities_of(pool)
    return _choose(pool, margin_uncertainty(probabilities), k, seed)


def uherding_balanced(pool: Pool, k: int, *, seed: int) -> Selection:
    """Uncertainty herding that also leans to classes with few labels; helps once each class has been seen."""
    probabilities = probabilities_of(pool)
    uncertainty = margin_uncertainty(probabilities) * (probabilities @ rarity(pool.counts))
    return _choose(pool, uncertainty, k, seed)


def rarity(counts: Ints) -> Floats:
    """(C,) float32 >= 1: root of how many times fewer labels a class has than the largest; 1 for one without any."""
    largest = max(int(counts.max(initial=0)), 1)
    return np.where(counts > 0, np.sqrt(largest / np.maximum(counts, 1)), 1.0).astype(np.float32)


def _choose(pool: Pool, uncertainty: Floats, k: int, seed: int) -> Selection:
    rng = np.random.default_rng(seed)
    open_rows = np.flatnonzero(pool.choosable)
    open_uncertainty = uncertainty[open_rows]
    unsure = open_rows[highest(open_uncertainty, UNSURE_CANDIDATES)]
    candidates = np.union1d(unsure, sample(open_rows, RANDOM_CANDIDATES, rng))
    anchors = sample(np.flatnonzero(~pool.labelled), ANCHORS, rng)
    anchor_features = pool.features[anchors]
    covering = covering_rows(pool, rng)
    sigma = shrinking_width(pool.features[covering[pool.labelled[covering]]], anchor_features)
    covered = coverage(anchor_features, pool.features[covering], sigma)
    weights = np.asarray(uncertainty[anchors] / max(len(anchors), 1), np.float32)
    similarity = kernel(pool.features[candidates], anchor_features, sigma)
    order, gains = greedy(similarity, covered, weights, k)
    chosen = filled(Selection(candidates[order], gains), candidates, uncertainty[candidates], k)
    return filled(chosen, open_rows, open_uncertainty, k)


def shrinking_width(labelled: Floats, anchors: Floats) -> float:
    """0.7 of the mean nearest-neighbour distance among labelled rows, or the herding width while there are too few."""
    if len(labelled) < 2:
        return herding_width(anchors)
    some = np.linspace(0, len(labelled) - 1, min(len(labelled), WIDTH_ROWS)).astype(np.int64)
    cosines = labelled[some] @ labelled.T
    cosines[np.arange(len(some)), some] = -1.0
    distances = np.sqrt(np.maximum(2.0 - 2.0 * cosines.max(axis=1), 0.0))
    return WIDTH * max(float(distances.mean()), 1e-2)
