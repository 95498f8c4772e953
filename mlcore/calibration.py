"""Whether confidence can be believed: a temperature from judged images, and how far confidence is from being right."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from mlcore.evaluation import Estimate, wilson

Doubles = npt.NDArray[np.float64]

TEMPERATURE_RANGE = (0.25, 4.0)
# A penalty on the summed log-loss: log T of variance 1/4, so that few judged images move it little.
TEMPERATURE_PRIOR = 2.0
FOLDS = 5
# More judged images than this no longer move temperature and calibration error.
MOST_ROWS = 2000
BINS = 10
RESAMPLES = 200
ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Bin:
    """Images whose confidence lies in low..high: their number, mean confidence, and the share that was right."""

    low: float
    high: float
    count: int
    confidence: float
    right: Estimate


@dataclass(frozen=True)
class Reliability:
    """ece: mean distance of confidence from the share that is right, over bins, weighted by their images; gap: mean
    confidence less accuracy, above 0 where the model is too sure; bins: those that hold images."""

    ece: Estimate
    gap: Estimate
    bins: tuple[Bin, ...]


def fit_temperature(probabilities: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """The temperature for `mlcore.heads.base.sharpened` that makes the top confidence honest; 1 for no rows.

    probabilities (n, C) before it; correct (n,) bool: whether the likeliest class is the true one. Minimises the
    log-loss of the top confidence (temperature scaling of Guo et al. 2017, with the top-label loss of Gupta and Ramdas
    2022): an image of a class that the model does not know counts as wrong, and does not blow up the loss.
    """
    logs, right = _relative_logs(probabilities), np.asarray(correct, np.bool_)
    if not len(logs):
        return 1.0
    step = -(-len(logs) // MOST_ROWS)
    logs, right = logs[::step], right[::step]

    def loss(log_t: float) -> float:
        sure = np.clip(_top(logs, float(np.exp(log_t))), 1e-6, 1 - 1e-6)
        return float(-np.log(np.where(right, sure, 1 - sure)).sum() + TEMPERATURE_PRIOR * log_t * log_t)

    low, high = np.log(TEMPERATURE_RANGE)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 0.005})
    return float(np.exp(found.x))


def cross_tempered(probabilities: npt.ArrayLike, correct: npt.ArrayLike) -> Doubles:
    """(n,) top confidence of each row at the temperature that the other rows give.

    What a temperature does to the rows that it was taken from says nothing about others; so each fifth of the rows gets
    the temperature of the other four.
    """
    logs, right = _relative_logs(probabilities), np.asarray(correct, np.bool_)
    everything = np.asarray(probabilities, np.float64)
    sure = np.empty(len(logs))
    fold = np.arange(len(logs)) % FOLDS
    for number in np.unique(fold):
        mine = fold == number
        sure[mine] = _top(logs[mine], fit_temperature(everything[~mine], right[~mine]))
    return sure


def reliability(confidence: npt.ArrayLike, correct: npt.ArrayLike, *, bins: int = BINS, seed: int = 0) -> Reliability:
    """How honest top confidences (n,) are, n >= 1, given which answers were correct (n,): a reliability diagram.

    Bins are equally wide (Guo et al. 2017). Counting alone overstates the calibration error, the more the fewer images:
    the variance of each bin is taken off its squared distance (Bröcker 2012; Kumar et al. 2019). The 95 % interval of
    the error comes from resampling images, and begins at 0 where honest confidences would show as much by chance
    (consistency resampling, Bröcker and Smith 2007). Raises ValueError without images.
    """
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    n = len(sure)
    if n == 0 or len(right) != n:
        raise ValueError("Reliability needs at least one image, and for each its confidence and whether it was right.")
    place = np.minimum((sure * bins).astype(np.int64), bins - 1)
    rng = np.random.default_rng(seed)
    some = slice(None, None, -(-n // MOST_ROWS))
    value, low, high = _error_and_ends(place[some], sure[some], right[some], bins, rng)
    gap = float(sure.mean() - right.mean())
    ends = wilson(round(float(right.sum())), n)
    found = []
    for number in np.unique(place):
        here = place == number
        k, count = int(right[here].sum()), int(here.sum())
        share = Estimate(k / count, *wilson(k, count))
        found.append(Bin(number / bins, (number + 1) / bins, count, float(sure[here].mean()), share))
    return Reliability(
        ece=Estimate(value, min(value, low), max(value, high)),
        gap=Estimate(gap, float(sure.mean() - ends[1]), float(sure.mean() - ends[0])),
        bins=tuple(found),
    )


def _error_and_ends(
    place: npt.NDArray[np.int64], sure: Doubles, right: Doubles, bins: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    value = float(_errors(place[None], sure[None], right[None], bins)[0])
    drawn = rng.integers(len(sure), size=(RESAMPLES, len(sure)))
    low, high = np.quantile(_errors(place[drawn], sure[drawn], right[drawn], bins), ENDS)
    honest = (rng.random((RESAMPLES, len(sure))) < sure).astype(np.float64)
    chance = _errors(np.broadcast_to(place, honest.shape), np.broadcast_to(sure, honest.shape), honest, bins)
    # Were every confidence honest, counting so few images would show as much: then there may be no error at all.
    return value, 0.0 if value <= np.quantile(chance, ENDS[1]) else float(low), float(high)


def _errors(place: npt.NDArray[np.int64], sure: Doubles, right: Doubles, bins: int) -> Doubles:
    """(k,) calibration error of each of k drawings (k, m), the noise of counting taken off each bin.

    A bin of one image says nothing.
    """
    k = len(place)
    cells = (place + bins * np.arange(k)[:, None]).ravel()

    def in_bins(values: Doubles | None) -> Doubles:
        weights = None if values is None else values.ravel()
        return np.asarray(np.bincount(cells, weights=weights, minlength=k * bins).reshape(k, bins), np.float64)

    counts = in_bins(None)
    several = np.maximum(counts, 2)
    share = in_bins(right) / several
    squared = (in_bins(sure - right) / several) ** 2 - share * (1 - share) / (several - 1)
    distance = np.sqrt(np.maximum(squared, 0.0)) * (counts > 1)
    return np.asarray((counts * distance).sum(axis=1) / counts.sum(axis=1))


def _relative_logs(probabilities: npt.ArrayLike) -> Doubles:
    """(n, C) logarithms, each row less its largest: what a temperature divides."""
    p = np.asarray(probabilities, np.float64)
    if not p.size:
        return np.zeros((0, 1))
    logs = np.log(np.maximum(p, 1e-300))
    return np.asarray(logs - logs.max(axis=1, keepdims=True))


def _top(logs: Doubles, temperature: float) -> Doubles:
    return np.asarray(1.0 / np.exp(logs / temperature).sum(axis=1))
