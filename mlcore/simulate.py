"""Replays labelled images through the loop as if a person labelled them, to measure how fast it learns."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlcore.evaluation import accuracy, macro_f1
from mlcore.heads.logistic import Logistic
from mlcore.loop import Carry, step
from mlcore.projection import Projection
from mlcore.types import Flags, Floats, Ints

# "Enough" is this share of what all labels would give, "close" is the other.
TARGET = 0.9
CLOSE = 0.95
# The curve counts as there when the mean of so many points is: one lucky point is not enough.
RUNNING = 3

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Trial:
    """One split made ready for a replay: what may be learnt from, and what measures it.

    features (n, d) and answers (n,) of the pool; held_out_features (m, d) and expected (m,) of the images that neither
    the model nor the projection sees. full_guess (m,): what plain logistic regression on every pool label would say.
    """

    features: Floats
    answers: Ints
    held_out_features: Floats
    expected: Ints
    full_guess: Ints
    n_classes: int
    seed: int

    @property
    def full_accuracy(self) -> float:
        """What all labels give."""
        return accuracy(self.expected, self.full_guess)

    @property
    def full_macro_f1(self) -> float:
        """The same, each class counting alike."""
        return macro_f1(self.expected, self.full_guess, self.n_classes)

    @property
    def majority(self) -> float:
        """Accuracy of always saying the pool's largest class."""
        return accuracy(self.expected, np.full(len(self.expected), np.bincount(self.answers).argmax()))


@dataclass(frozen=True)
class Point:
    """After so many labels: guess (m,) for the images held out; CPU-seconds from those labels to the next ranking."""

    labels: int
    guess: Ints
    cpu_seconds: float


@dataclass(frozen=True)
class Curve:
    """What one strategy gave: accuracy and macro F1 (seeds, points) on test images after labels (points,) answers.

    needed, needed_close: for each seed the labels until TARGET and CLOSE of the full-data accuracy, None where never.
    area (seeds,): mean accuracy from the first point to the last. cpu_seconds: mean time from a batch of labels to the
    next ranking, per step.
    """

    strategy: str
    labels: tuple[int, ...]
    accuracy: Floats
    macro_f1: Floats
    needed: tuple[int | None, ...]
    needed_close: tuple[int | None, ...]
    area: Floats
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
    held_out: Flags | None = None,
    head: str = "blend",
    progress: Progress | None = None,
) -> Simulation:
    """Run every strategy over every seed; each seed has its own split, the same for all strategies.

    gap (n, dim): pooled backbone features. truth (n,): classes 0..n_classes-1. labels: budget. batch: answers between
    two rankings. test: share of each class kept for measuring, which neither the model nor the projection sees.
    held_out (n,): the images to measure on in every seed, where the data come with a split of their own.
    Raises ValueError when the numbers leave nothing to learn from or to measure on.
    """
    if batch < 1 or seeds < 1:
        raise ValueError("batch and seeds must be at least 1.")
    splits = [split(truth, test=test, seed=seed) if held_out is None else held_out for seed in range(seeds)]
    pool_size = int(min((~kept).sum() for kept in splits))
    if not batch <= labels <= pool_size:
        raise ValueError(f"labels is {labels}; give at least the batch of {batch} and at most the pool of {pool_size}.")
    points = tuple(range(batch, labels + 1, batch))
    shape = (len(strategies), seeds, len(points))
    scores, f1s, seconds = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    trials = []
    for seed, kept in enumerate(splits):
        trial = prepare(gap, truth, n_classes, held_out=kept, seed=seed)
        trials.append((trial.full_accuracy, trial.full_macro_f1, trial.majority))
        for number, strategy in enumerate(strategies):
            for place, point in enumerate(replay(trial, points, strategy=strategy, head=head)):
                scores[number, seed, place] = accuracy(trial.expected, point.guess)
                f1s[number, seed, place] = macro_f1(trial.expected, point.guess, n_classes)
                seconds[number, seed, place] = point.cpu_seconds
            if progress:
                progress(strategy, seed * len(strategies) + number + 1, seeds * len(strategies))
    full, full_f1, majority = np.asarray(trials, np.float64).T
    return Simulation(
        curves=tuple(
            Curve(
                strategy=strategy,
                labels=points,
                accuracy=scores[i].astype(np.float32),
                macro_f1=f1s[i].astype(np.float32),
                needed=tuple(labels_needed(scores[i, s], points, TARGET * full[s]) for s in range(seeds)),
                needed_close=tuple(labels_needed(scores[i, s], points, CLOSE * full[s]) for s in range(seeds)),
                area=np.asarray([area_under(row, points) for row in scores[i]], np.float32),
                cpu_seconds=float(seconds[i].mean()),
            )
            for i, strategy in enumerate(strategies)
        ),
        full_accuracy=full.astype(np.float32),
        full_macro_f1=full_f1.astype(np.float32),
        majority=majority.astype(np.float32),
        pool_images=pool_size,
        test_images=int(splits[0].sum()),
    )


def split(truth: Ints, *, test: float, seed: int) -> Flags:
    """(n,) bool: what is held out, a share of every class and at least one image of each. Raises ValueError."""
    if not 0.0 < test < 1.0:
        raise ValueError(f"test is {test}; give a share between 0 and 1, such as 0.3.")
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(truth), bool)
    for c in np.unique(truth):
        members = rng.permutation(np.flatnonzero(truth == c))
        held_out[members[: max(1, round(test * len(members)))]] = True
    return held_out


def prepare(gap: Floats, truth: Ints, n_classes: int, *, held_out: Flags, seed: int) -> Trial:
    """Fit the projection on the pool alone and see what all its labels would give.

    Raises ValueError when one side of the split is empty.
    """
    if held_out.all() or not held_out.any():
        raise ValueError("The split leaves no image to learn from or none to measure on.")
    projection = Projection().fit(gap[~held_out], seed)
    features, others = projection.transform(gap[~held_out]), projection.transform(gap[held_out])
    answers = truth[~held_out]
    return Trial(
        features=features,
        answers=answers,
        held_out_features=others,
        expected=truth[held_out],
        full_guess=_full_data_guess(features, answers, others, n_classes),
        n_classes=n_classes,
        seed=seed,
    )


def replay(trial: Trial, points: Sequence[int], *, strategy: str, head: str = "blend") -> Iterator[Point]:
    """Answer what the strategy asks for, truly; a Point at each number of labels in points, which grow."""
    labels = np.full(len(trial.answers), -1, np.int64)
    nothing = np.zeros(len(labels), bool)
    previous: Carry | None = None
    known = 0
    for number, goal in enumerate((0, *points)):
        following = points[number] - goal if number < len(points) else 1
        started = time.process_time()
        turn = step(
            features=trial.features,
            labels=labels,
            n_classes=trial.n_classes,
            in_flight=nothing,
            excluded=nothing,
            k=following,
            strategy=strategy,
            head=head,
            previous=previous,
            # Another draw of anchors and candidates each turn, as in use.
            seed=trial.seed * 100_003 + known,
        )
        spent = time.process_time() - started
        previous = turn.carry()
        if turn.head is not None:
            guess = turn.head.predict_proba(trial.held_out_features).argmax(axis=1)
            yield Point(goal, np.asarray(guess, np.int64), spent)
        asked = turn.selection.indices
        labels[asked] = trial.answers[asked]
        known += len(asked)


def labels_needed(scores: Any, points: Sequence[int], target: float) -> int | None:
    """The first number of labels at which the mean of the last RUNNING points reaches target; None where it never does."""
    for point in range(len(points)):
        if np.mean(scores[max(0, point - RUNNING + 1) : point + 1]) >= target:
            return points[point]
    return None


def area_under(scores: Any, points: Sequence[int]) -> float:
    """Mean height of the curve through (points, scores), from the first point to the last."""
    if len(points) == 1:
        return float(scores[0])
    return float(np.trapezoid(scores, points) / (points[-1] - points[0]))


def _full_data_guess(features: Floats, truth: Ints, test_features: Floats, n_classes: int) -> Ints:
    model = Logistic().fit(
        features,
        truth,
        n_classes,
        calibration={"temperatures": [1.0], "weights": [1.0], "labels": len(truth), "accuracy": None},
    )
    return np.asarray(model.predict_proba(test_features).argmax(axis=1), np.int64)
