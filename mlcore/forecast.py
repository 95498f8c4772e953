"""How many labels are still needed: a curve through what was measured so far, run on, with what is not known said too."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlcore.evaluation import Estimate

Doubles = npt.NDArray[np.float64]

# "Near enough" is this share of the accuracy that labelling every image would give.
SHARE = 0.95
# Of the intervals: narrower than elsewhere, for a plan wants a range that it may now and then leave.
CONFIDENCE = 0.8
# What must be there before anything is said: judged images behind the newest point, points, and how far the last lies
# beyond the first.
LEAST_JUDGED = 10
LEAST_POINTS = 6
LEAST_GROWTH = 3.0
# Points that the curve is fitted to at most, evenly spread over the logarithm of the labels.
MOST_POINTS = 30
# An interval that ends at so many times its beginning says nothing.
WIDEST = 8.0
# How steeply error falls with labels: log-normal around 0.45, most of it between 0.15 and 1.5.
STEEPNESS = np.exp(np.linspace(np.log(0.15), np.log(2.5), 40))
STEEPNESS_CENTRE, STEEPNESS_SPREAD = 0.45, 0.6
# Labels at which the curve's fall is told.
UNIT = 10.0
# Successive models are judged on mostly the same images, the later ones on more, so their errors have the variance of the
# later in common; the less, the more labels lie between them: by exp(-distance) of the logarithms. Models scatter by
# themselves, and no curve is quite a power law: it leaves it by about so much, over about such a distance.
OWN_SCATTER = 0.01
MISFIT, MISFIT_LENGTH = 0.015, 0.7
DRAWS = 4000
# A 95 % interval from end to end, in standard deviations.
ENDS = 2 * 1.96


@dataclass(frozen=True)
class Forecast:
    """labels: at how many labels in all SHARE of `reach` is got, with its 80 % interval; reach: accuracy with a label on
    every image, with its own."""

    labels: Estimate
    reach: Estimate

    def more(self, given: int) -> tuple[int, int, int]:
        """(about, at least, at most) labels still needed when so many were given."""
        ends = (self.labels.value, self.labels.low, self.labels.high)
        about, low, high = (max(0, round(end - given)) for end in ends)
        return about, low, high


def forecast(
    labels: npt.ArrayLike, accuracy: npt.ArrayLike, error: npt.ArrayLike, *, everything: int, seed: int = 0
) -> Forecast | None:
    """Fit a - b (n / 10) ** -c to accuracies (k,) at labels (k,), each known to within one standard `error`.

    Learning curves of classifiers follow an inverse power law (Figueroa et al. 2012; Viering and Loog 2023 say how often
    they do not). c runs over a grid with a prior; a and b are then linear, so their posterior is Gaussian and drawn from
    where a <= 1 and b >= 0. everything: images that there are, all of which could be labelled. None where it cannot be
    said yet: too few points, too close together, or an interval too wide to plan with.
    """
    n, y, s = (np.asarray(values, np.float64) for values in (labels, accuracy, error))
    kept = np.argsort(n, kind="stable")
    kept = kept[np.isfinite(y[kept]) & (n[kept] > 0)]
    n, y, s = (values[kept][_spread(n[kept])] for values in (n, y, s))
    # An earlier model was judged on no more images than a later one; luck with the first few makes it look surer.
    s = np.maximum.accumulate(s[::-1])[::-1]
    if len(n) < LEAST_POINTS or n.max() < LEAST_GROWTH * n.min() or everything <= n.max():
        return None
    top, fall, steepness = _draw(n, y, s, np.random.default_rng(seed))
    if len(top) < DRAWS // 20:
        return None
    reach = top - fall * (everything / UNIT) ** -steepness
    # Where the curve passes SHARE of what it reaches.
    room = np.maximum(top - SHARE * reach, 1e-9)
    there = np.clip(UNIT * (fall / room) ** (1.0 / steepness), 1.0, everything)
    found = Forecast(labels=_estimate(there), reach=_estimate(reach))
    beyond = max(found.labels.low, float(n.max()))
    return None if found.labels.high > WIDEST * beyond else found


def from_interval(low: float, high: float) -> tuple[float, float]:
    """(estimate, standard error, never nothing) of a share with this 95 % interval.

    Its middle, and not the share itself: of three images all may be right, and that is no 100 %.
    """
    return (low + high) / 2, max((high - low) / ENDS, 1e-3)


def _spread(n: Doubles) -> npt.NDArray[np.int64]:
    """Places of at most MOST_POINTS of n (k,), the last of each step of the logarithm."""
    if len(n) <= MOST_POINTS:
        return np.arange(len(n))
    logs = np.log(n)
    steps = ((logs - logs[0]) / (logs[-1] - logs[0]) * (MOST_POINTS - 1e-9)).astype(np.int64)
    return np.flatnonzero(np.append(np.diff(steps) > 0, True))


def _draw(n: Doubles, y: Doubles, s: Doubles, rng: np.random.Generator) -> tuple[Doubles, Doubles, Doubles]:
    """Draws from the posterior of a, b and c."""
    apart = np.abs(np.log(n)[:, None] - np.log(n)[None])
    misfit = MISFIT**2 * np.exp(-apart / MISFIT_LENGTH)
    shared = np.minimum.outer(s**2, s**2) * np.exp(-apart)
    cholesky = np.linalg.cholesky(shared + misfit + OWN_SCATTER**2 * np.eye(len(n)))
    white_y = np.linalg.solve(cholesky, y)
    weights, means, roots = [], [], []
    # Weak: a is near 0.9 and b, what is still missing at ten labels, near 0.4, each within 0.3.
    prior_mean, prior_precision = np.array([0.9, 0.4]), np.diag([1 / 0.3**2, 1 / 0.3**2])
    for c in STEEPNESS:
        design = np.linalg.solve(cholesky, np.stack([np.ones_like(n), -((n / UNIT) ** -c)], axis=1))
        precision = design.T @ design + prior_precision
        moment = design.T @ white_y + prior_precision @ prior_mean
        mean = np.linalg.solve(precision, moment)
        rest = white_y @ white_y + prior_mean @ prior_precision @ prior_mean - moment @ mean
        surprise = (np.log(c / STEEPNESS_CENTRE) / STEEPNESS_SPREAD) ** 2
        weights.append(-0.5 * (rest + np.linalg.slogdet(precision)[1] + surprise))
        means.append(mean)
        roots.append(np.linalg.cholesky(np.linalg.inv(precision)))
    chances = np.exp(np.asarray(weights) - max(weights))
    which = rng.choice(len(STEEPNESS), DRAWS, p=chances / chances.sum())
    drawn = np.asarray(means)[which] + np.einsum("kij,kj->ki", np.asarray(roots)[which], rng.normal(size=(DRAWS, 2)))
    possible = (drawn[:, 0] <= 1.0) & (drawn[:, 1] >= 0.0)
    return drawn[possible, 0], drawn[possible, 1], STEEPNESS[which][possible]


def _estimate(values: Doubles) -> Estimate:
    low, middle, high = np.quantile(values, (0.5 - CONFIDENCE / 2, 0.5, 0.5 + CONFIDENCE / 2))
    return Estimate(float(middle), float(low), float(high))
