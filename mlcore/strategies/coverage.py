"""Kernel coverage: how well some rows stand for others, and the greedy choice that covers most."""

import numpy as np

from mlcore.types import Floats, Ints

# Rows compared at a time, so that memory stays bounded however many labels there are.
BLOCK = 1024
# Bounds looked at again together before one row is chosen.
PEEK = 16
# Gains below this share of the first one are noise: everything is covered.
EXHAUSTED = 1e-6


def kernel(left: Floats, right: Floats, sigma: float) -> Floats:
    """(n, m) float32: exp(-|x - y|^2 / (2 sigma^2)) for rows of length 1, in 0..1."""
    out: Floats = left @ right.T
    out -= 1.0
    out /= sigma * sigma
    return np.asarray(np.exp(out, out=out))


def nearest_cosine(rows: Floats, others: Floats) -> Floats:
    """(n,) float32: cosine of each row to the most similar of the others; -1 where there are none."""
    nearest = np.full(len(rows), -1.0, np.float32)
    for start in range(0, len(others), BLOCK):
        np.maximum(nearest, (rows @ others[start : start + BLOCK].T).max(axis=1), out=nearest)
    return nearest


def coverage(anchors: Floats, covering: Floats, sigma: float) -> Floats:
    """(a,) float32: how well the best of the covering rows stands for each anchor; 0 where there is none."""
    if not len(covering):
        return np.zeros(len(anchors), np.float32)
    return np.asarray(np.exp((nearest_cosine(anchors, covering) - 1.0) / (sigma * sigma)), np.float32)


def greedy(similarity: Floats, covered: Floats, weights: Floats, k: int) -> tuple[Ints, Floats]:
    """Choose up to k candidates, each time the one that adds most weighted coverage.

    similarity (m, a) in 0..1, covered (a,) in 0..1, weights (a,) >= 0. Returns positions and gains, best first;
    stops early once nothing is left to gain. A gain can only shrink as others are chosen, so an old gain bounds the
    new one and few have to be computed again (lazy greedy; Minoux 1978): the answer is that of plain greedy.
    """
    covered = covered.copy()
    bounds = np.maximum(similarity - covered, 0.0) @ weights
    known_at = np.zeros(len(bounds), np.int64)
    chosen: list[int] = []
    gains: list[float] = []
    floor = EXHAUSTED * max(float(bounds.max(initial=0.0)), 1e-30)
    while len(chosen) < min(k, len(bounds)):
        step = len(chosen)
        leader = int(bounds.argmax())
        while known_at[leader] != step:
            block = np.argpartition(-bounds, PEEK)[:PEEK] if len(bounds) > PEEK else np.arange(len(bounds))
            # Among many equal bounds the block may miss the leader, and then nothing would be learnt.
            block = np.append(block, leader)
            stale = block[(known_at[block] != step) & np.isfinite(bounds[block])]
            bounds[stale] = np.maximum(similarity[stale] - covered, 0.0) @ weights
            known_at[stale] = step
            leader = int(bounds.argmax())
        if bounds[leader] <= floor:
            break
        chosen.append(leader)
        gains.append(float(bounds[leader]))
        np.maximum(covered, similarity[leader], out=covered)
        bounds[leader] = -np.inf
    return np.asarray(chosen, np.int64), np.asarray(gains, np.float32)
