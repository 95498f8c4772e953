"""How good a model is, said honestly: every share comes with an interval."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """A share in 0..1 with the ends of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassScore:
    """One class: how many images truly are it, and precision, recall, F1; None where there was nothing to divide by."""

    support: int
    predicted: int
    precision: Estimate | None
    recall: Estimate | None
    f1: float


def accuracy(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Share of equal entries; NaN when there are none."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    return float((truth == predicted).mean()) if truth.size else math.nan


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> npt.NDArray[np.int64]:
    """(C, C) int64 counts; row = true class, column = predicted class."""
    cells = np.asarray(truth, np.int64) * n_classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes).astype(np.int64)


def macro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> float:
    """Mean F1 over the classes that occur in truth; NaN when there are none."""
    matrix = confusion(truth, predicted, n_classes)
    present = matrix.sum(axis=1) > 0
    return float(_f1(matrix)[present].mean()) if present.any() else math.nan


def per_class(truth: npt.ArrayLike, predicted: npt.ArrayLike, n_classes: int) -> list[ClassScore]:
    """Precision and recall of every class with Wilson intervals."""
    matrix = confusion(truth, predicted, n_classes)
    f1 = _f1(matrix)
    scores = []
    for c in range(n_classes):
        right, support, guessed = int(matrix[c, c]), int(matrix[c].sum()), int(matrix[:, c].sum())
        scores.append(
            ClassScore(
                support=support,
                predicted=guessed,
                precision=_share(right, guessed),
                recall=_share(right, support),
                f1=float(f1[c]),
            )
        )
    return scores


def wilson(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for k successes of n (Wilson 1927); (0, 1) when n is 0. Raises ValueError unless 0<=k<=n."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share.")
    if n == 0:
        return 0.0, 1.0
    z = _z(confidence)
    centre = (k + z * z / 2) / (n + z * z)
    half = z * math.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return max(0.0, centre - half), min(1.0, centre + half)


def ppi_accuracy(
    audit_correct: npt.ArrayLike,
    audit_confidence: npt.ArrayLike,
    pool_confidence: npt.ArrayLike,
    confidence: float = 0.95,
) -> Estimate:
    """Accuracy on the pool from a few audited images and the model's own confidence everywhere.

    Prediction-powered inference (Angelopoulos et al. 2023), with the power tuning of its sequel (arXiv 2311.01453):
    mean(correct) + t * (mean pool confidence - mean audit confidence), where t is chosen to make the variance least,
    so a confidence that says nothing does no harm. audit_correct (n,) 0/1 and audit_confidence (n,) of n >= 2 images
    drawn at random and never seen in training; pool_confidence (m,) of the others. Raises ValueError for fewer.
    """
    correct = np.asarray(audit_correct, np.float64)
    sure = np.asarray(audit_confidence, np.float64)
    everywhere = np.asarray(pool_confidence, np.float64)
    n, m = len(correct), len(everywhere)
    if n < 2 or len(sure) != n:
        raise ValueError("An estimate needs at least 2 audited images, each with the model's confidence.")
    if m == 0:
        low, high = wilson(round(float(correct.sum())), n, confidence)
        return Estimate(float(correct.mean()), low, high)
    spread = float(np.var(np.concatenate([sure, everywhere]), ddof=1))
    together = float(np.cov(correct, sure, ddof=1)[0, 1])
    tuning = float(np.clip(together / ((1 + n / m) * spread), 0.0, 1.0)) if spread > 0 else 0.0
    shift = tuning * float(everywhere.mean() - sure.mean())
    # Counting has no spread when all are right, so it is taken as Agresti and Coull (1998) do: two more right, two wrong.
    z = _z(confidence)
    centre = (float(correct.sum()) + z * z / 2) / (n + z * z)
    scatter = float(np.var(correct, ddof=1))
    unexplained = float(np.var(correct - tuning * sure, ddof=1)) / scatter if scatter > 0 else 1.0
    variance = unexplained * centre * (1 - centre) / (n + z * z) + tuning**2 * spread / m
    half = z * math.sqrt(variance)
    value = float(np.clip(correct.mean() + shift, 0.0, 1.0))
    low, high = max(0.0, centre + shift - half), min(1.0, centre + shift + half)
    return Estimate(value, min(low, value), max(high, value))


def kappa(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Cohen's kappa: agreement beyond chance of two labellings, 1 when equal (Cohen 1960); NaN when empty."""
    a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
    if not a.size:
        return math.nan
    size = int(max(a.max(), b.max())) + 1
    agreed = float((a == b).mean())
    chance = float((np.bincount(a, minlength=size) / a.size) @ (np.bincount(b, minlength=size) / b.size))
    return 1.0 if agreed == 1.0 else (agreed - chance) / (1.0 - chance)


def ece(probabilities: npt.ArrayLike, labels: npt.ArrayLike, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins of confidence (Guo et al. 2017); NaN when empty."""
    p = np.asarray(probabilities, np.float64)
    if not len(p):
        return math.nan
    sure, right = p.max(axis=1), p.argmax(axis=1) == np.asarray(labels)
    bin_of = np.minimum((sure * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def _share(k: int, n: int) -> Estimate | None:
    return Estimate(k / n, *wilson(k, n)) if n else None


def _f1(matrix: Numbers) -> npt.NDArray[np.float64]:
    right = np.diag(matrix).astype(np.float64)
    return np.asarray(2 * right / np.maximum(matrix.sum(axis=0) + matrix.sum(axis=1), 1))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)
