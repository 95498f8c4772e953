"""What looks alike: the rows nearest to one row, and groups of near duplicates among as many as a million.

Cosines are those of projected features. At 0.9 and above two pictures are nearly always one scene taken twice or one file
saved twice; from 0.8 on they are alike enough that one label often fits both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlcore.threads import one_thread
from mlcore.types import Flags, Floats, Ints

DUPLICATE = 0.9
NEAR = 0.8
# Rows compared with each other at a time, and rows whose cosine to one row is computed at a time.
BLOCK = 1024
WIDE_BLOCK = 8192
SCAN = 65_536
# More products than this are not made one by one: rows are then compared within cells.
EXACT_PAIRS = 4_000_000_000
# Rows a cell holds on average, and the cells that a row looks into besides its own.
CELL_ROWS = 1000
PROBES = 3
# Cells are told apart by the leading principal axes, and learnt from so many rows a cell.
AXES = 64
TRAIN_ROWS = 40
ROUNDS = 6

Pairs = tuple[Ints, Ints, Floats]


@dataclass(frozen=True)
class Groups:
    """root (n,) int64: the smallest row that each row is linked to by near duplicates, itself for one without any.

    cosine (n,) float32: to the most alike row of its group; 0 for a row that is alone.
    """

    root: Ints
    cosine: Floats

    @property
    def grouped(self) -> Flags:
        """(n,) bool: has a near duplicate."""
        return self.cosine > 0


def alone(n: int) -> Groups:
    """n rows of which no two are known to be alike."""
    return Groups(np.arange(n), np.zeros(n, np.float32))


@one_thread()
def nearest(features: Floats, query: Floats, k: int) -> tuple[Ints, Floats]:
    """Rows and cosines of the k rows of features (n, d) most like query (d,), the most alike first."""
    cosines = np.empty(len(features), np.float32)
    for start in range(0, len(features), SCAN):
        cosines[start : start + SCAN] = features[start : start + SCAN] @ query
    k = min(k, len(cosines))
    best = np.argpartition(-cosines, k - 1)[:k] if 0 < k < len(cosines) else np.arange(k)
    best = best[np.argsort(-cosines[best], kind="stable")]
    return best.astype(np.int64), cosines[best]


@one_thread()
def near_duplicates(
    features: Floats, *, new: Flags | None = None, known: Groups | None = None, least: float = DUPLICATE, seed: int = 0
) -> Groups:
    """Groups of rows linked by cosines of at least `least`, for features (n, d) of length 1.

    new (n,) bool: only pairs with one of these are looked at, and join the groups that are `known`; None: all pairs.
    Exact while that takes at most EXACT_PAIRS products. Beyond, a row is compared with those of its own cell and of the
    next PROBES - 1 of a k-means, which finds nearly all pairs (benchmarks/README.md says how many).
    """
    n = len(features)
    fresh = np.ones(n, np.bool_) if new is None else new
    found = known or alone(n)
    root, cosine = found.root.copy(), found.cosine.copy()
    exact = int(fresh.sum()) * n <= EXACT_PAIRS
    for first, second, alike in _all_pairs(features, fresh, least) if exact else _cell_pairs(features, fresh, least, seed):
        _join(root, first, second)
        np.maximum.at(cosine, first, alike)
        np.maximum.at(cosine, second, alike)
    return Groups(_find(root, np.arange(n)), cosine)


def _all_pairs(features: Floats, fresh: Flags, least: float) -> Iterator[Pairs]:
    rows = np.flatnonzero(fresh)
    only_fresh = len(rows) == len(features)
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        for beside in range(int(some[0]) if only_fresh else 0, len(features), WIDE_BLOCK):
            cosines = features[some] @ features[beside : beside + WIDE_BLOCK].T
            a, b = np.nonzero(cosines >= least)
            first, second = some[a], beside + b
            # Of two new rows the pair is met twice.
            once = ~fresh[second] | (second > first)
            if once.any():
                yield first[once], second[once], np.minimum(cosines[a[once], b[once]], 1.0)


def _cell_pairs(features: Floats, fresh: Flags, least: float, seed: int) -> Iterator[Pairs]:
    """Pairs that share a cell: each row has one as its home and visits the next ones."""
    short = features[:, :AXES]
    cells = _assign(short, _centres(short, max(1, len(features) // CELL_ROWS), seed))
    count = int(cells.max()) + 1
    homes = _by_cell(cells[:, 0], count)
    visits = [_by_cell(cells[:, place], count) for place in range(1, cells.shape[1])]
    for cell in range(count):
        home = homes[cell]
        guests = np.concatenate([rows[cell] for rows in visits]) if visits else home[:0]
        at_home = fresh[home]
        yield from _compare(features, home[at_home], None, least)
        yield from _compare(features, home[at_home], home[~at_home], least)
        yield from _compare(features, guests[fresh[guests]], home, least)
        yield from _compare(features, guests[~fresh[guests]], home[at_home], least)


def _compare(features: Floats, left: Ints, right: Ints | None, least: float) -> Iterator[Pairs]:
    """Pairs of at least `least` between two lists of rows, or, right being None, within one."""
    others = left if right is None else right
    for start in range(0, len(left), BLOCK):
        some = features[left[start : start + BLOCK]]
        for beside in range(start if right is None else 0, len(others), BLOCK):
            cosines = some @ features[others[beside : beside + BLOCK]].T
            a, b = np.nonzero(cosines >= least)
            if right is None and beside == start:
                a, b = a[a < b], b[a < b]
            if len(a):
                yield left[start + a], others[beside + b], np.minimum(cosines[a, b], 1.0)


def _centres(short: Floats, count: int, seed: int) -> Floats:
    """Centres (count, axes) of length 1 by k-means over cosines, from a sample."""
    rng = np.random.default_rng(seed)
    rows = short[np.sort(rng.choice(len(short), min(len(short), count * TRAIN_ROWS), replace=False))]
    centres = rows[rng.choice(len(rows), count, replace=False)]
    for _ in range(ROUNDS):
        centres = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        owner = _assign(rows, centres, probes=1)[:, 0]
        order = np.argsort(owner, kind="stable")
        filled, starts = np.unique(owner[order], return_index=True)
        # One that lost all its rows keeps its place.
        centres[filled] = np.add.reduceat(rows[order], starts, axis=0)
    return np.asarray(centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12), np.float32)


def _assign(short: Floats, centres: Floats, probes: int = PROBES) -> npt.NDArray[np.int32]:
    """(n, probes) the cells nearest to each row, nearest first."""
    probes = min(probes, len(centres))
    cells = np.empty((len(short), probes), np.int32)
    for start in range(0, len(short), BLOCK):
        near = short[start : start + BLOCK] @ centres.T
        rows = np.arange(len(near))
        for place in range(probes):
            best = near.argmax(axis=1)
            cells[start : start + BLOCK, place] = best
            near[rows, best] = -np.inf
    return cells


def _by_cell(cells: npt.NDArray[np.int32], count: int) -> list[Ints]:
    """The rows of each cell."""
    order = np.argsort(cells, kind="stable")
    return np.split(order, np.searchsorted(cells[order], np.arange(1, count)))


def _join(root: Ints, first: Ints, second: Ints) -> None:
    """Union of pairs, all at once: the larger root of each is hooked to the smaller, until no two differ."""
    while True:
        one, other = _find(root, first), _find(root, second)
        apart = one != other
        if not apart.any():
            return
        high, low = np.maximum(one[apart], other[apart]), np.minimum(one[apart], other[apart])
        np.minimum.at(root, high, low)


def _find(root: Ints, rows: Ints) -> Ints:
    """The root of each row, halving the way to it."""
    here = root[rows]
    while True:
        above = root[here]
        if np.array_equal(above, here):
            root[rows] = here
            return here
        here = above
