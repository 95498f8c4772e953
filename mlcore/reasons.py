"""Why an image is shown, as a code with the classes it is about; the page makes the sentence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlcore.strategies.auto import is_cold
from mlcore.strategies.coverage import coverage
from mlcore.strategies.uherding import rarity, shrinking_width
from mlcore.types import Floats, Ints, Pool

Code = Literal["cold_start", "unlike", "torn", "rare_class", "random", "audit", "unranked"]

BY_COVERAGE = {"maxherding", "typiclust", "coreset"}
# Below this coverage by anything labelled, the image is called unlike them: more than twice the kernel's width away.
UNLIKE_COVERAGE = 0.1
# A class with a quarter of the largest class's labels, or fewer, is called rare.
RARE = 2.0


@dataclass(frozen=True)
class Reason:
    """code; classes: the two it is torn between, or the rare one, or none; value: margin, probability or unlikeness."""

    code: Code
    classes: tuple[int, ...] = ()
    value: float = 0.0


def explain(pool: Pool, chosen: Ints, strategy: str) -> list[Reason]:
    """One reason for each chosen row."""
    if strategy == "random":
        return [Reason("random")] * len(chosen)
    if not pool.labelled.any():
        return [Reason("cold_start")] * len(chosen)
    features = pool.features[chosen]
    labelled = pool.features[pool.labelled]
    likeness = coverage(features, labelled, shrinking_width(labelled, features))
    if strategy in BY_COVERAGE or pool.probabilities is None or (strategy == "auto" and is_cold(pool)):
        return [Reason("unlike", value=float(1.0 - like)) for like in likeness]
    rare = rarity(pool.counts)
    return [_why(p, float(like), rare, pool.counts) for p, like in zip(pool.probabilities[chosen], likeness, strict=True)]


def _why(p: Floats, likeness: float, rare: Floats, counts: Ints) -> Reason:
    if likeness < UNLIKE_COVERAGE:
        return Reason("unlike", value=1.0 - likeness)
    first, second = (int(c) for c in np.argsort(-p)[:2]) if len(p) > 1 else (0, 0)
    if counts[first] and rare[first] >= RARE:
        return Reason("rare_class", (first,), float(p[first]))
    return Reason("torn", (first, second), float(p[first] - p[second]))
