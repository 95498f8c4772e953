"""Logistic regressions that fit the labels about equally well: samples of the posterior of the weights."""

import numpy as np

from mlcore.heads.base import softmax
from mlcore.heads.softmax_fit import class_weights, fit_softmax
from mlcore.types import Floats, Ints

MEMBERS = 12
# Weights are standard normal before any label. The head's own prior is a hundred times wider, and so wide that samples
# around the best weights no longer fit the labels.
PRIOR_VARIANCE = 1.0


def committee(features: Floats, labels: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """weights (members, c, d) and a bias (c,) that all share, over the c classes that have labels.

    Laplace's approximation around a logistic regression, its Hessian taken as a Kronecker product of one
    matrix over features and one over classes: Ritter et al., ICLR 2018. features (n, d), labels (n,), n may be 0.
    """
    present, local = np.unique(labels, return_inverse=True)
    count, dim = max(len(present), 1), features.shape[1]
    if len(present) < 2:
        return np.zeros((MEMBERS, count, dim), np.float32), np.zeros(count, np.float32)
    each = class_weights(local, count, 0.5)
    weights, bias = fit_softmax(features, local, count, sample_weights=each, c=PRIOR_VARIANCE, intercept=True)
    p = softmax(features @ weights.T + bias)
    over_features = (features * each[:, None]).T @ features
    weighted = p * (each / each.sum())[:, None]
    over_classes = np.diag(weighted.sum(axis=0)) - weighted.T @ p
    a, u = np.linalg.eigh(over_features)
    g, v = np.linalg.eigh(over_classes)
    precision = np.maximum(g, 0.0)[:, None] * np.maximum(a, 0.0) + 1.0 / PRIOR_VARIANCE
    noise = rng.standard_normal((MEMBERS, count, dim)) / np.sqrt(precision)
    return (weights + v @ noise @ u.T).astype(np.float32), bias.astype(np.float32)
