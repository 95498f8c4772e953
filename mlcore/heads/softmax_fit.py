"""The one optimiser of the heads: weighted multinomial logistic regression, from any fixed offset."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Doubles = npt.NDArray[np.float64]

MAX_ITERATIONS = 40
TOLERANCE = 1e-4


def class_weights(labels: npt.NDArray[np.int64], n_classes: int, power: float) -> Doubles:
    """(n,) float64: (n / (C * count of its class)) ** power for each label; power 1 is 'balanced', 0 is none."""
    counts = np.bincount(labels, minlength=n_classes)
    each: Doubles = (len(labels) / (n_classes * np.maximum(counts, 1))) ** power
    return each[labels]


def fit_softmax(
    features: npt.NDArray[Any],
    labels: npt.NDArray[np.int64],
    n_classes: int,
    *,
    sample_weights: Doubles,
    c: float,
    intercept: bool,
    offset: npt.NDArray[Any] | None = None,
) -> tuple[Doubles, Doubles]:
    """Minimise sum_i w_i * cross-entropy(offset_i + W x_i + b) + |W|^2 / (2 c) by L-BFGS; b is not penalised.

    features (n, d), labels (n,) in 0..C-1, offset (n, C) or None. Returns W (C, d) and b (C,), zeros without intercept.
    Rows are multiplied in single precision, twice as fast and no worse; the optimiser itself works in double.
    """
    x = np.asarray(features, np.float32)
    # Classes first: sums over a few classes are then sums of long rows, which is several times faster.
    fixed = None if offset is None else np.asarray(offset, np.float32).T
    n, d = x.shape
    total = float(sample_weights.sum())
    weights = np.asarray(sample_weights / total, np.float32)
    penalty = 1.0 / (c * total)
    rows = np.arange(n)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        w = flat[: n_classes * d].reshape(n_classes, d)
        p = w.astype(np.float32) @ x.T
        if intercept:
            p += flat[n_classes * d :, None].astype(np.float32)
        if fixed is not None:
            p += fixed
        p -= p.max(axis=0)
        chosen = p[labels, rows]
        np.exp(p, out=p)
        sums = p.sum(axis=0)
        value = float(weights @ (np.log(sums) - chosen))
        p /= sums
        p[labels, rows] -= 1.0
        p *= weights
        gradient = np.empty_like(flat)
        gradient[: n_classes * d] = (p @ x + penalty * w).ravel()
        if intercept:
            gradient[n_classes * d :] = p.sum(axis=1)
        return value + 0.5 * penalty * float(np.vdot(w, w)), gradient

    start = np.zeros(n_classes * d + (n_classes if intercept else 0))
    options = {"maxiter": MAX_ITERATIONS, "gtol": TOLERANCE, "maxcor": 10}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    bias = found[n_classes * d :] if intercept else np.zeros(n_classes)
    return found[: n_classes * d].reshape(n_classes, d), bias
