"""BADGE: a batch of unlike, uncertain images, by k-means++ over gradients. Ash et al., ICLR 2020, arXiv 1906.03671."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from mlcore.strategies.base import extended, filled, probabilities_of, sample
from mlcore.types import Floats, Ints, Pool, Selection

CANDIDATES = 10_000
# Rows drawn one by one; the rest of a longer queue is by the length of the gradient.
DRAWS = 500
# Images in flight that candidates are compared with at a time.
BLOCK = 256
# Squared distances below this are rounding.
NOTHING = 1e-6


@dataclass(frozen=True)
class Gradients:
    """Gradients of the last layer, were the likeliest class the true one: outer products of doubts and features.

    doubts (n, C), features (n, d), sizes (n,): squared lengths. Lengths and distances follow from the products of the
    factors, so the (n, C * d) array of the paper is never made.
    """

    doubts: Floats
    features: Floats
    sizes: Floats

    @classmethod
    def of(cls, probabilities: Floats, features: Floats) -> Self:
        """From probabilities (n, C), less one at the likeliest class, and features (n, d)."""
        doubts = np.array(probabilities, np.float32)
        doubts[np.arange(len(doubts)), probabilities.argmax(axis=1)] -= 1.0
        return cls(doubts, features, _squared(doubts) * _squared(features))

    def at(self, rows: Ints) -> Self:
        """Some of them."""
        return type(self)(self.doubts[rows], self.features[rows], self.sizes[rows])

    def distances(self, others: "Gradients") -> Floats:
        """(n, m) float32: squared distances, |a|^2 |x|^2 + |b|^2 |y|^2 - 2 (a.b) (x.y)."""
        found = self.doubts @ others.doubts.T
        found *= self.features @ others.features.T
        found *= -2.0
        found += self.sizes[:, None]
        found += others.sizes
        return np.asarray(np.maximum(found, 0.0, out=found))


def badge(pool: Pool, k: int, *, seed: int) -> Selection:
    """k-means++ seeding: each next row is drawn by its squared distance to those chosen and to those in flight."""
    p = probabilities_of(pool)
    rng = np.random.default_rng(seed)
    rows = sample(np.flatnonzero(pool.choosable), CANDIDATES, rng)
    gradients = Gradients.of(p[rows], pool.features[rows])
    flying = np.flatnonzero(pool.in_flight)
    nearest = np.full(len(rows), np.inf, np.float32)
    for start in range(0, len(flying), BLOCK):
        some = flying[start : start + BLOCK]
        apart = gradients.distances(Gradients.of(p[some], pool.features[some])).min(axis=1)
        np.minimum(nearest, apart, out=nearest)
    order, reach = seeding(gradients, nearest, min(k, DRAWS), rng)
    drawn = Selection(rows[order], np.minimum.accumulate(reach))
    return extended(filled(drawn, rows, gradients.sizes, k), pool, k, rng)


def seeding(gradients: Gradients, nearest: Floats, k: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Positions of up to k gradients, and the squared distance of each to those before it, as k-means++ draws them.

    nearest (n,): squared distances to what is chosen already; where they are infinite nothing is, and the longest
    gradient is taken first, as the authors do. Stops early once nothing lies apart.
    """
    nearest = nearest.copy()
    chosen: list[int] = []
    reach: list[float] = []
    while len(chosen) < min(k, len(nearest)):
        if np.isinf(nearest[0]):
            pick = int(gradients.sizes.argmax())
            nearest[pick] = gradients.sizes[pick]
        else:
            mass = np.cumsum(np.where(nearest > NOTHING, nearest, 0.0), dtype=np.float64)
            pick = int(np.searchsorted(mass, rng.random() * mass[-1], side="right"))
            if pick == len(mass):
                break
        chosen.append(pick)
        reach.append(float(nearest[pick]))
        one = gradients.at(np.asarray([pick]))
        np.minimum(nearest, gradients.distances(one)[:, 0], out=nearest)
        nearest[pick] = 0.0
    return np.asarray(chosen, np.int64), np.asarray(reach, np.float32)


def _squared(rows: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", rows, rows), np.float32)
