"""Whether what a device sees is still what its model was made on: PSI of how sure the model is, MMD of features.

Written here in numpy because no library fits: frouros 0.9, the one with both, asks for numpy below 2.2 and for matplotlib;
hyppo brings a compiler. The tests hold both numbers against other people's code.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mlcore.types import Floats

# The rule of thumb (Siddiqi, Credit Risk Scorecards, 2006): below .1 nothing has changed, from .25 on a lot has.
LITTLE, LARGE = 0.1, 0.25
# How often a shift is seen where there is none: once in a thousand looks at confidence, in a hundred at features.
PSI_CHANCE, MMD_CHANCE = 0.001, 0.01
# A shift of features below this may be real and is too small to act on. With Lite0 on photos of refuse, INT8 moves them by
# .03, JPEG at quality 60 by .03, half the light or a slight blur by .07; a strong blur by .22, one class of six alone by .15
# to .27.
LEAST_MMD = 0.1
ROUNDS = 300
# Vectors of a window that are looked at: more narrow nothing and cost by their square.
MOST_VECTORS = 512
# Fewer than this many cannot tell anything.
FEWEST_VECTORS = 10

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """How far something has moved, from what distance on that is beyond chance and worth a look, and (MMD) the p-value."""

    value: float
    threshold: float
    p_value: float | None = None

    @property
    def large(self) -> bool:
        """Whether somebody should look."""
        return self.value >= self.threshold and (self.p_value is None or self.p_value <= MMD_CHANCE)


def psi(expected: npt.ArrayLike, found: npt.ArrayLike) -> float:
    """Population stability index of two histograms (B,) of counts: sum of (f - e) ln(f / e) over shares e and f.

    Half a count is added to each bin that either side uses, so that an empty one gives a number; bins that both leave empty
    say nothing. Raises ValueError when a histogram is empty, negative, or has other bins.
    """
    e, f = _used(expected, found)
    e, f = (e + 0.5) / (e + 0.5).sum(), (f + 0.5) / (f + 0.5).sum()
    return float(((f - e) * np.log(f / e)).sum())


def confidence_shift(expected: npt.ArrayLike, found: npt.ArrayLike) -> Shift:
    """The PSI of two histograms of counts (B,): large from .25 on, or beyond what chance does to so few counts.

    Without a change the PSI of B bins with N and M counts is (1/N + 1/M) times a chi-square of B - 1 degrees of freedom
    (Yurdakul and Naranjo, Statistical properties of the population stability index, 2020).
    """
    e, f = _used(expected, found)
    chance = (1 / e.sum() + 1 / f.sum()) * _chi_square(1 - PSI_CHANCE, len(e) - 1)
    return Shift(psi(expected, found), max(LARGE, chance))


def bandwidth(points: Floats) -> float:
    """The median distance between points (n, d): the usual width of the kernel (Gretton et al. 2012, section 8)."""
    squared = _squared_distances(points.astype(np.float64))
    median = float(np.median(squared[np.triu_indices(len(points), 1)])) if len(points) > 1 else 0.0
    return math.sqrt(median) or 1.0


def mmd(x: Floats, y: Floats, width: float) -> float:
    """The squared maximum mean discrepancy of x (m, d) and y (n, d) for the kernel exp(-|a - b|^2 / 2 width^2), unbiased.

    Gretton et al., A Kernel Two-Sample Test, JMLR 13 (2012), equation 3. It may be a little below 0. Raises ValueError for
    fewer than two points on a side.
    """
    gram = _gram(np.concatenate([x, y]), width)
    return float(_estimates(gram, _first(len(x), len(y)))[0])


def features_shift(reference: Floats, seen: Floats, *, seed: int = 0, rounds: int = ROUNDS) -> Shift | None:
    """How far what was seen (n, d) lies from the reference (m, d), as MMD (the root); None for fewer than ten of either.

    Large is what parts of the reference itself, drawn at random and held against the rest, reach once in a hundred times: so
    a few vectors raise no alarm. The p-value is that of the permutation test, with the found order counted in.
    """
    if min(len(reference), len(seen)) < FEWEST_VECTORS:
        return None
    rng = np.random.default_rng(seed)
    reference, seen = _some(reference, rng), _some(seen, rng)
    m, n = len(reference), len(seen)
    gram = _gram(np.concatenate([reference, seen]), bandwidth(reference))
    found = float(_estimates(gram, _first(m, n))[0])
    shuffled = _estimates(gram, _shuffles(m, n, rounds, rng))
    part = min(n, m // 2)
    within = _estimates(gram[:m, :m], _shuffles(m - part, part, rounds, rng))
    beyond = float(np.quantile(within, 1 - MMD_CHANCE))
    return Shift(
        value=_root(found), threshold=max(LEAST_MMD, _root(beyond)),
        p_value=float((1 + (shuffled >= found).sum()) / (1 + rounds)),
    )


def _used(expected: npt.ArrayLike, found: npt.ArrayLike) -> tuple[Array, Array]:
    """Two histograms without the bins that both leave empty."""
    e, f = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if e.ndim != 1 or e.shape != f.shape:
        raise ValueError(f"The histograms have the shapes {e.shape} and {f.shape}; give two of the same bins.")
    if not (np.isfinite(e).all() and np.isfinite(f).all()) or min(e.min(initial=0), f.min(initial=0)) < 0:
        raise ValueError("A histogram holds a number that is no count.")
    if not e.sum() or not f.sum():
        raise ValueError("A histogram is empty: there is nothing to compare.")
    used = (e > 0) | (f > 0)
    return e[used], f[used]


def _chi_square(share: float, degrees: int) -> float:
    """The quantile of a chi-square, by Wilson and Hilferty's cube: within a hundredth from three degrees on."""
    if degrees < 1:
        return 0.0
    spread = 2 / (9 * degrees)
    return degrees * float(1 - spread + NormalDist().inv_cdf(share) * math.sqrt(spread)) ** 3


def _some(points: Floats, rng: np.random.Generator) -> Floats:
    """At most MOST_VECTORS of them, drawn at random."""
    if len(points) <= MOST_VECTORS:
        return points
    return points[np.sort(rng.choice(len(points), MOST_VECTORS, replace=False))]


def _squared_distances(points: Array) -> Array:
    lengths = (points * points).sum(axis=1)
    return np.asarray(np.maximum(lengths[:, None] + lengths[None, :] - 2 * points @ points.T, 0.0), np.float64)


def _gram(points: Floats, width: float) -> Array:
    """(n, n) the kernel between all points, 1 on the diagonal."""
    gram: Array = np.exp(-_squared_distances(points.astype(np.float64)) / (2 * width * width))
    np.fill_diagonal(gram, 1.0)
    return gram


def _first(m: int, n: int) -> Array:
    """(1, m + n) the order as found: the first m are x."""
    return np.concatenate([np.ones(m), np.zeros(n)])[None, :]


def _shuffles(m: int, n: int, rounds: int, rng: np.random.Generator) -> Array:
    """(rounds, m + n) 1 for each of the m that stand for x, drawn anew in each round."""
    return np.asarray(rng.permuted(np.repeat(_first(m, n), rounds, axis=0), axis=1), np.float64)


def _estimates(gram: Array, is_x: Array) -> Array:
    """(r,) squared MMD for each row of is_x (r, n), which says who stands for x."""
    m = int(is_x[0].sum())
    n = is_x.shape[1] - m
    if min(m, n) < 2:
        raise ValueError("Give at least two points on each side.")
    to_x = is_x @ gram
    xx = (to_x * is_x).sum(axis=1)
    xy = to_x.sum(axis=1) - xx
    yy = gram.sum() - xx - 2 * xy
    estimates: Array = (xx - m) / (m * (m - 1)) + (yy - n) / (n * (n - 1)) - 2 * xy / (m * n)
    return estimates


def _root(squared: float) -> float:
    return math.sqrt(max(0.0, squared))
