"""What a strategy is, and the steps that several of them share."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from mlcore.types import Floats, Ints, Pool, Selection


class Strategy(Protocol):
    """Orders the rows worth asking for: min(k, choosable rows) of them, best first, the same for the same seed."""

    def __call__(self, pool: Pool, k: int, *, seed: int) -> Selection: ...


_Rows = TypeVar("_Rows", Floats, Ints)

# Rows measured at a time, so that what is made on the way stays small however many images there are.
BLOCK = 16_384
# Labelled rows that are compared with; beyond these a random share stands for all.
COVERING = 20_000


def probabilities_of(pool: Pool) -> Floats:
    """(n, C) float32. Raises ValueError where there is no model yet; `auto` never asks too early."""
    if pool.probabilities is None:
        raise ValueError("This strategy needs a model: give at least one label, or use a strategy that needs none.")
    return pool.probabilities


def in_blocks(score: Callable[[_Rows], Floats], rows: _Rows, block: int = BLOCK) -> Floats:
    """(n,) float32: the score of each of the rows, or of the rows with these numbers, a block of them at a time."""
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), block):
        found[start : start + block] = score(rows[start : start + block])
    return found


def margin_uncertainty(probabilities: Floats) -> Floats:
    """(n,) float32 in 0..1: one minus the gap between the two likeliest classes."""
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities), np.float32)
    return in_blocks(_closeness, probabilities)


def entropy_of(probabilities: Floats) -> Floats:
    """Entropy in nats of probabilities (..., C), over the last axis."""
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=-1), np.float32)


def _closeness(probabilities: Floats) -> Floats:
    columns = probabilities.T
    if columns.strides[1] != columns.itemsize:
        columns = np.ascontiguousarray(columns)
    first, second = np.maximum(columns[0], columns[1]), np.minimum(columns[0], columns[1])
    lesser = np.empty_like(first)
    for column in columns[2:]:
        np.minimum(first, column, out=lesser)
        np.maximum(second, lesser, out=second)
        np.maximum(first, column, out=first)
    return np.asarray(1.0 - (first - second), np.float32)


def best(rows: Ints, scores: Floats, k: int, rng: np.random.Generator | None = None) -> Selection:
    """The k rows with the highest scores; equal scores keep their order, or with rng come in a random one."""
    if k == 0:
        return Selection(rows[:0], scores[:0])
    if k < len(rows):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        keep = np.flatnonzero(scores >= threshold)
        rows, scores = rows[keep], scores[keep]
    if rng is not None:
        shuffled = rng.permutation(len(rows))
        rows, scores = rows[shuffled], scores[shuffled]
    order = np.argsort(-scores, kind="stable")[:k]
    return Selection(rows[order], np.asarray(scores[order], np.float32))


def filled(chosen: Selection, rows: Ints, scores: Floats, k: int) -> Selection:
    """Lengthen chosen to k rows with the best of the others, scored below all that were chosen."""
    missing = min(k, len(rows)) - len(chosen)
    if missing <= 0:
        return chosen
    others = ~np.isin(rows, chosen.indices)
    more = best(rows[others], scores[others], missing)
    floor = float(chosen.scores.min()) if len(chosen) else 0.0
    below = floor - (1.0 + np.arange(len(more))) / (1.0 + len(more))
    return Selection(
        np.concatenate([chosen.indices, more.indices]),
        np.concatenate([chosen.scores, below]).astype(np.float32),
    )


def extended(chosen: Selection, pool: Pool, k: int, rng: np.random.Generator) -> Selection:
    """Lengthen chosen to k rows by chance, where a strategy looked at a sample smaller than k."""
    rows = np.flatnonzero(pool.choosable)
    if len(chosen) >= min(k, len(rows)):
        return chosen
    return filled(chosen, rows, rng.random(len(rows)).astype(np.float32), k)


def covering_rows(pool: Pool, rng: np.random.Generator) -> Ints:
    """Rows that others need not resemble: all in flight, and the labelled or, of very many, a random share of them."""
    labelled = sample(np.flatnonzero(pool.labelled), COVERING, rng)
    return np.union1d(labelled, np.flatnonzero(pool.in_flight))


def sample(rows: Ints, size: int, rng: np.random.Generator) -> Ints:
    """At most size of rows, drawn without repeats and kept in their order."""
    if len(rows) <= size:
        return rows
    return rows[np.sort(rng.choice(len(rows), size, replace=False))]


def highest(scores: Floats, size: int) -> npt.NDArray[np.int64]:
    """Positions of the size highest scores, in no order."""
    if len(scores) <= size:
        return np.arange(len(scores))
    return np.argpartition(-scores, size)[:size]
