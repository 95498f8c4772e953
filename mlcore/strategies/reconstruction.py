"""Reconstruction error: what the labelled images of its class explain worst. Krishnan et al. 2021, arXiv 2109.06873.

Geti 2 asks by it, with principal axes that keep 99.5 % of the variance of each class and the classes taking turns.
"""

import numpy as np

from mlcore.heads.base import likeliest
from mlcore.strategies.base import BLOCK, extended, probabilities_of, sample
from mlcore.types import Floats, Pool, Selection

KEPT_VARIANCE = 0.995
CANDIDATES = 50_000
# Labelled rows of a class that its axes are fitted on; there are never more axes than these.
TEACHERS = 500


def reconstruction(pool: Pool, k: int, *, seed: int) -> Selection:
    """Worst of each predicted class first, then the second worst of each, and so on.

    The scores are ranks: 1 for the worst of a class, falling to 0 in the class that is predicted most.
    """
    p = probabilities_of(pool)
    rng = np.random.default_rng(seed)
    rows = sample(np.flatnonzero(pool.choosable), CANDIDATES, rng)
    predicted = likeliest(p[rows])
    errors, turns = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.int64)
    for number in np.unique(predicted):
        of_class = np.flatnonzero(predicted == number)
        teachers = sample(np.flatnonzero(pool.labels == number), TEACHERS, rng)
        if len(teachers):
            mean, axes = principal_axes(pool.features[teachers])
            for start in range(0, len(of_class), BLOCK):
                some = of_class[start : start + BLOCK]
                errors[some] = reconstruction_error(pool.features[rows[some]], mean, axes)
        turns[of_class[np.argsort(-errors[of_class], kind="stable")]] = np.arange(len(of_class))
    order = np.lexsort((-errors, turns))[:k]
    scores = 1.0 - turns[order] / (1.0 + turns.max(initial=0))
    return extended(Selection(rows[order], scores.astype(np.float32)), pool, k, rng)


def principal_axes(rows: Floats) -> tuple[Floats, Floats]:
    """Mean (d,) and orthonormal axes (r, d) that keep 99.5 % of the variance of the rows; r is 0 where they do not vary."""
    mean = rows.mean(axis=0)
    _, spread, axes = np.linalg.svd(rows - mean, full_matrices=False)
    variance = np.cumsum(spread.astype(np.float64) ** 2)
    if variance[-1] <= 1e-10 * len(rows):
        return mean, axes[:0]
    return mean, axes[: int(np.searchsorted(variance, KEPT_VARIANCE * variance[-1], side="right")) + 1]


def reconstruction_error(rows: Floats, mean: Floats, axes: Floats) -> Floats:
    """(n,) float32: squared distance of each row to the plane through the mean along the axes."""
    away = rows - mean
    along = away @ axes.T
    error = np.einsum("ij,ij->i", away, away) - np.einsum("ij,ij->i", along, along)
    return np.asarray(np.maximum(error, 0.0), np.float32)
