"""The linear models that heads are mixed from: each turns labelled rows into weights (k, d) and a bias (k,)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.heads.base import softmax_columns
from mlcore.heads.softmax_fit import class_weights, fit_softmax
from mlcore.types import Floats, Ints

Matrix = npt.NDArray[Any]
# (features (n, d), labels (n,) in 0..k-1 with each class present, k, pool (m, d) or None) -> weights (k, d), bias (k,)
Part = Callable[[Floats, Ints, int, Floats | None], tuple[Matrix, Matrix]]

# Default scikit-learn regularisation (C = 1) loses 13 points at 50-100 labels on features of length 1.
LOGISTIC_C = 100.0
ANCHORED_C = 10.0
# How steep a softmax over cosines is: the anchored logits, and the soft assignment of pool rows.
ANCHOR_SCALE = 10.0
ASSIGN_SCALE = 20.0
SOFT_STEPS = 2
# Unlabelled rows of a class may count at most this many times its labelled rows.
POOL_MASS = 2.0


def logistic(features: Floats, labels: Ints, k: int, pool: Floats | None) -> tuple[Matrix, Matrix]:
    """Multinomial logistic regression, C = 100, classes weighted by count ** -0.5."""
    del pool
    weights = class_weights(labels, k, 0.5)
    return fit_softmax(features, labels, k, sample_weights=weights, c=LOGISTIC_C, intercept=True)


def prototype(features: Floats, labels: Ints, k: int, pool: Floats | None) -> tuple[Matrix, Matrix]:
    """Cosine to the mean of each class: the nearest-class-mean classifier as a softmax."""
    del pool
    return ANCHOR_SCALE * _normalised(_sums(features, labels, k)), np.zeros(k)


def anchored(features: Floats, labels: Ints, k: int, pool: Floats | None) -> tuple[Matrix, Matrix]:
    """Logistic regression that starts from, and is pulled back to, class means sharpened on the pool.

    Two soft steps assign pool rows to the means and average them in, each row by the square of how sure it is; then
    W = 10 M + V is fitted with |V|^2 penalised, balanced classes and no bias.
    """
    sums = _sums(features, labels, k)
    means = _normalised(sums)
    counts = np.bincount(labels, minlength=k)
    if pool is not None and len(pool):
        for _ in range(SOFT_STEPS):
            assigned = softmax_columns((ASSIGN_SCALE * means).astype(np.float32) @ pool.T)
            assigned *= assigned.max(axis=0) ** 2
            mass = assigned.sum(axis=1)
            share = np.minimum(1.0, POOL_MASS * counts / np.maximum(mass, 1e-12))
            means = _normalised(sums + share[:, None] * (assigned @ pool))
    moved, bias = fit_softmax(
        features,
        labels,
        k,
        sample_weights=class_weights(labels, k, 1.0),
        c=ANCHORED_C,
        intercept=False,
        offset=ANCHOR_SCALE * (features @ means.T),
    )
    return ANCHOR_SCALE * means + moved, bias


def _sums(features: Floats, labels: Ints, k: int) -> Matrix:
    owner = np.zeros((k, len(labels)), np.float32)
    owner[labels, np.arange(len(labels))] = 1.0
    return owner @ features


def _normalised(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
