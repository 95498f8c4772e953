"""Replays labelled images through the loop as if a person labelled them, to measure how fast it learns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlcore.evaluation import accuracy, macro_f1
from mlcore.heads.logistic import Logistic
from mlcore.loop import Carry, step
from mlcore.projection import Projection
from mlcore.types import Floats, Ints

# "Enough" is this share of what all labels would give.
TARGET = 0.9
# The curve counts as there when the mean of so many points is: one lucky point is not enough.
RUNNING = 3

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Curve:
    """What one strategy gave: accuracy and macro F1 (seeds, points) on test images after labels (points,) answers.

    needed: for each seed the labels until TARGET of the full-data accuracy, None where never. cpu_seconds: mean time
    from a batch of labels to the next ranking, per step.
    """

    strategy: str
    labels: tuple[int, ...]
    accuracy: Floats
    macro_f1: Floats
    needed: tuple[int | None, ...]
    cpu_seconds: float


@dataclass(frozen=True)
class Simulation:
    """Curves of all strategies on the same splits. full_accuracy, full_macro_f1 (seeds,): every pool label, plain LR."""

    curves: tuple[Curve, ...]
    full_accuracy: Floats
    full_macro_f1: Floats
    majority: Floats
    pool_images: int
    test_images: int


def simulate(
    gap: Floats,
    truth: Ints,
    n_classes: int,
    *,
    strategies: Sequence[str],
    labels: int,
    batch: int = 10,
    seeds: int = 5,
    test: float = 0.3,
    head: str = "blend",
    progress: Progress | None = None,
) -> Simulation:
    """Run every strategy over every seed; each seed has its own split, the same for all strategies.

    gap (n, dim): pooled backbone features. truth (n,): classes 0..n_classes-1. labels: budget. batch: answers between
    two rankings. test: share of each class kept for measuring, which neither the model nor the projection sees.
    Raises ValueError when the numbers leave nothing to learn from or to measure on.
    """
    if not 0.0 < test < 1.0:
        raise ValueError(f"test is {test}; give a share between 0 and 1, such as 0.3.")
    if batch < 1 or seeds < 1:
        raise ValueError("batch and seeds must be at least 1.")
    splits = [_split(truth, test, seed) for seed in range(seeds)]
    pool_size = min(len(pool) for pool, _ in splits)
    if not batch <= labels <= pool_size:
        raise ValueError(f"labels is {labels}; give at least the batch of {batch} and at most the pool of {pool_size}.")
    points = tuple(range(batch, labels + 1, batch))
    shape = (len(strategies), seeds, len(points))
    scores, f1s, seconds = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    full, full_f1, majority = np.zeros(seeds), np.zeros(seeds), np.zeros(seeds)
    for seed, (pool, held_out) in enumerate(splits):
        projection = Projection().fit(gap[pool], seed)
        features, test_features = projection.transform(gap[pool]), projection.transform(gap[held_out])
        answer, expected = truth[pool], truth[held_out]
        guess = _full_data_guess(features, answer, test_features, n_classes)
        full[seed], full_f1[seed] = accuracy(expected, guess), macro_f1(expected, guess, n_classes)
        majority[seed] = accuracy(expected, np.full(len(expected), np.bincount(answer).argmax()))
        for number, strategy in enumerate(strategies):
            turns = _replay(features, answer, n_classes, points, strategy, head, seed)
            for point, (model, spent) in enumerate(turns):
                guess = model.predict_proba(test_features).argmax(axis=1)
                scores[number, seed, point] = accuracy(expected, guess)
                f1s[number, seed, point] = macro_f1(expected, guess, n_classes)
                seconds[number, seed, point] = spent
            if progress:
                progress(strategy, seed * len(strategies) + number + 1, seeds * len(strategies))
    return Simulation(
        curves=tuple(
            Curve(
                strategy=strategy,
                labels=points,
                accuracy=scores[i].astype(np.float32),
                macro_f1=f1s[i].astype(np.float32),
                needed=tuple(_labels_needed(scores[i, s], points, TARGET * full[s]) for s in range(seeds)),
                cpu_seconds=float(seconds[i].mean()),
            )
            for i, strategy in enumerate(strategies)
        ),
        full_accuracy=full.astype(np.float32),
        full_macro_f1=full_f1.astype(np.float32),
        majority=majority.astype(np.float32),
        pool_images=pool_size,
        test_images=len(splits[0][1]),
    )


def _replay(
    features: Floats, truth: Ints, n_classes: int, points: Sequence[int], strategy: str, head: str, seed: int
) -> Any:
    """Yield (head, CPU-seconds of the step) at each number of labels."""
    labels = np.full(len(truth), -1, np.int64)
    nothing = np.zeros(len(truth), bool)
    previous: Carry | None = None
    known = 0
    for number, goal in enumerate((0, *points)):
        following = points[number] - goal if number < len(points) else 1
        started = time.process_time()
        turn = step(
            features=features,
            labels=labels,
            n_classes=n_classes,
            in_flight=nothing,
            excluded=nothing,
            k=following,
            strategy=strategy,
            head=head,
            previous=previous,
            # Another draw of anchors and candidates each turn, as in use.
            seed=seed * 100_003 + known,
        )
        spent = time.process_time() - started
        previous = turn.carry()
        if goal:
            yield turn.head, spent
        asked = turn.selection.indices
        labels[asked] = truth[asked]
        known += len(asked)


def _split(truth: Ints, test: float, seed: int) -> tuple[Ints, Ints]:
    """(pool, test) rows; the test set takes its share of every class, and at least one image of each."""
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(truth), bool)
    for c in np.unique(truth):
        members = rng.permutation(np.flatnonzero(truth == c))
        held_out[members[: max(1, round(test * len(members)))]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _full_data_guess(features: Floats, truth: Ints, test_features: Floats, n_classes: int) -> Ints:
    model = Logistic().fit(
        features,
        truth,
        n_classes,
        calibration={"temperatures": [1.0], "weights": [1.0], "labels": len(truth), "accuracy": None},
    )
    return np.asarray(model.predict_proba(test_features).argmax(axis=1), np.int64)


def _labels_needed(scores: Any, points: Sequence[int], target: float) -> int | None:
    """The first number of labels at which the mean of the last RUNNING points reaches target."""
    for point in range(len(points)):
        if scores[max(0, point - RUNNING + 1) : point + 1].mean() >= target:
            return points[point]
    return None
