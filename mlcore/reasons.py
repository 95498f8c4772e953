"""Why an image is shown, as a code with the classes it is about; the page makes the sentence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlcore.strategies.auto import is_cold
from mlcore.strategies.base import margin_uncertainty
from mlcore.strategies.coverage import coverage
from mlcore.strategies.uherding import rarity, shrinking_width
from mlcore.types import Floats, Ints, Pool

Code = Literal["cold_start", "unlike", "torn", "rare_class", "disputed", "odd", "random", "audit", "unranked"]

BY_COVERAGE = {"maxherding", "typiclust", "coreset", "probcover"}
# A class with a quarter of the largest class's labels, or fewer, is called rare.
RARE = 2.0
# Unlabelled rows that a chosen one is compared with.
OTHERS = 1000
# Labelled rows that it is compared with: of very many, every second or third stands for all.
LABELLED = 10_000


@dataclass(frozen=True)
class Reason:
    """code; classes: the two it is torn between, or the one meant, or none; value: margin, probability or unlikeness."""

    code: Code
    classes: tuple[int, ...] = ()
    value: float = 0.0


def explain(pool: Pool, chosen: Ints, strategy: str) -> list[Reason]:
    """One reason for each chosen row: what sets it apart most from the other unlabelled rows, being unlike or unsure."""
    if strategy == "random":
        return [Reason("random")] * len(chosen)
    if not pool.labelled.any():
        return [Reason("cold_start")] * len(chosen)
    others = np.flatnonzero(~pool.labelled)
    others = others[:: max(1, len(others) // OTHERS)]
    rows = np.concatenate([chosen, others])
    labelled = pool.features[np.flatnonzero(pool.labelled)[:: max(1, int(pool.labelled.sum()) // LABELLED)]]
    unlike = 1.0 - coverage(pool.features[rows], labelled, shrinking_width(labelled, pool.features[others]))
    k = len(chosen)
    if strategy in BY_COVERAGE or pool.probabilities is None or (strategy == "auto" and is_cold(pool)):
        return [Reason("unlike", value=float(value)) for value in unlike[:k]]
    if strategy == "reconstruction":
        return [_likeliest("odd", p, 1) for p in pool.probabilities[chosen]]
    if strategy == "bald":
        return [_likeliest("disputed", p, 2) for p in pool.probabilities[chosen]]
    unsure = margin_uncertainty(pool.probabilities[rows])
    stands_out = _share_below(unlike[:k], unlike[k:]) > _share_below(unsure[:k], unsure[k:])
    rare = np.flatnonzero((rarity(pool.counts) >= RARE) & (pool.counts > 0))
    return [
        Reason("unlike", value=float(value)) if apart else _doubt(p, rare)
        for p, value, apart in zip(pool.probabilities[chosen], unlike[:k], stands_out, strict=True)
    ]


def _doubt(p: Floats, rare: Ints) -> Reason:
    """Of a rare class, or torn between the two likeliest."""
    reason = _likeliest("torn", p, 2)
    first = reason.classes[0]
    return Reason("rare_class", (first,), float(p[first])) if first in rare else reason


def _likeliest(code: Code, p: Floats, count: int) -> Reason:
    """About the likeliest class, or two; the same class twice where there is no other."""
    order = np.argsort(-p)
    first, second = int(order[0]), int(order[min(1, len(order) - 1)])
    return Reason(code, (first, second)[:count], float(p[first] - p[second]))


def _share_below(values: Floats, others: Floats) -> npt.NDArray[np.float64]:
    """(k,) share of the others that are smaller than each value."""
    return np.asarray(np.searchsorted(np.sort(others), values) / max(len(others), 1))
