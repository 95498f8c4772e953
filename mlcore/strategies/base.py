"""What a strategy is, and the steps that several of them share."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlcore.types import Floats, Ints, Pool, Selection


class Strategy(Protocol):
    """Orders the rows worth asking for: min(k, choosable rows) of them, best first, the same for the same seed."""

    def __call__(self, pool: Pool, k: int, *, seed: int) -> Selection: ...


Score = Callable[[Floats], Floats]


def probabilities_of(pool: Pool) -> Floats:
    """(n, C) float32. Raises ValueError where there is no model yet; `auto` never asks too early."""
    if pool.probabilities is None:
        raise ValueError("This strategy needs a model: give at least one label, or use a strategy that needs none.")
    return pool.probabilities


def margin_uncertainty(probabilities: Floats) -> Floats:
    """(n,) float32 in 0..1: one minus the gap between the two likeliest classes."""
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities), np.float32)
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1.0 - (top[:, 1] - top[:, 0]), np.float32)


def best(rows: Ints, scores: Floats, k: int) -> Selection:
    """The k rows with the highest scores; equal scores keep their order."""
    if k == 0:
        return Selection(rows[:0], scores[:0])
    if k < len(rows):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        keep = np.flatnonzero(scores >= threshold)
        rows, scores = rows[keep], scores[keep]
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
