"""Heads that average the probabilities of linear parts, with temperatures and weights learnt by cross-validation."""

from collections.abc import Iterator
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from mlcore.heads.base import (
    ABSENT,
    Calibration,
    Head,
    LinearForm,
    LinearPart,
    State,
    check_training,
    softmax,
    softmax_columns,
    temperature_in,
)
from mlcore.heads.parts import Part
from mlcore.threads import over_blocks
from mlcore.types import Floats, Ints

FOLDS = 5
# Pool rows a transductive part sees inside a fold: enough to learn how far to trust it, at a fifth of the cost.
FOLD_POOL = 2000
# Below this many labels nothing is held out: equal weights, temperature 1.
MIN_CALIBRATION_LABELS = 15
TEMPERATURE_RANGE = (0.25, 4.0)
# Priors as penalties on the summed log-loss: temperatures near 1 (log T of variance 1/4), weights near one half.
TEMPERATURE_PRIOR = 2.0
WEIGHT_PRIOR = 8.0
WEIGHT_STEPS = 8
# Rows scored at a time, fewer where there are many classes: their logits stay in the processor's cache.
BLOCK = 8192
LOGITS = 2**19


class Mixture(Head):
    """p(x) = sum over parts of weight * softmax((W x + b) / temperature); a class without a label is left out."""

    parts: ClassVar[tuple[Part, ...]]

    _weights_: list[Floats]
    _bias_: list[Floats]

    def calibrate(
        self, features: Floats, labels: Ints, n_classes: int, pool: Floats | None = None, seed: int = 0
    ) -> Calibration:
        """Choose temperatures and weights by the log-loss of 5 class-stratified folds, as Head says.

        Classes with a single label cannot be held out and are left out of the folds altogether.
        """
        check_training(features, labels, n_classes)
        self.out_of_fold_ = None
        n = len(labels)
        usable = np.flatnonzero(np.bincount(labels, minlength=n_classes)[labels] >= 2)
        present, local = np.unique(labels[usable], return_inverse=True)
        if len(usable) < MIN_CALIBRATION_LABELS or len(present) < 2:
            each = 1.0 / len(self.parts)
            return Calibration(
                temperatures=[1.0] * len(self.parts), weights=[each] * len(self.parts), labels=n, accuracy=None
            )
        x, k = features[usable], len(present)
        some_of_pool = None if pool is None else pool[:: max(1, len(pool) // FOLD_POOL)]
        held_out = [np.empty((len(x), k)) for _ in self.parts]
        for test in _folds(local, seed):
            train = np.setdiff1d(np.arange(len(x)), test, assume_unique=True)
            for part, logits in zip(self.parts, held_out, strict=True):
                w, b = part(x[train], local[train], k, some_of_pool)
                logits[test] = x[test] @ w.T + b
        temperatures = [_best_temperature(logits, local) for logits in held_out]
        each_part = [softmax(logits / t) for logits, t in zip(held_out, temperatures, strict=True)]
        weights = _best_weights(each_part, local)
        blended = sum(w * p for w, p in zip(weights, each_part, strict=True))
        self.out_of_fold_ = np.full((n, n_classes), np.nan, np.float32)
        self.out_of_fold_[usable] = 0.0
        self.out_of_fold_[np.ix_(usable, present)] = blended
        accuracy = float((np.asarray(blended).argmax(axis=1) == local).mean())
        return Calibration(temperatures=temperatures, weights=weights, labels=n, accuracy=accuracy)

    def fit(
        self,
        features: Floats,
        labels: Ints,
        n_classes: int,
        pool: Floats | None = None,
        seed: int = 0,
        *,
        calibration: Calibration | None = None,
    ) -> Self:
        """Fit every part that counts on all labels, as Head says; one of weight 0 is left as zeros."""
        check_training(features, labels, n_classes)
        if calibration is None:
            calibration = self.calibrate(features, labels, n_classes, pool, seed)
        self.calibration_ = calibration
        self.n_classes_ = n_classes
        self._weights_, self._bias_ = [], []
        present, local = np.unique(labels, return_inverse=True)
        for part, share in zip(self.parts, calibration["weights"], strict=True):
            weights = np.zeros((n_classes, features.shape[1]), np.float32)
            bias = np.full(n_classes, ABSENT, np.float32)
            bias[present] = 0.0
            if len(present) > 1 and share > 0.0:
                weights[present], bias[present] = part(features, local, len(present), pool)
            self._weights_.append(weights)
            self._bias_.append(bias)
        return self

    def untempered(self, features: Floats) -> Floats:
        """(n, C) float32, as Head says."""
        parts = [part for part in self.to_linear().parts if part.weight > 0.0]
        # All parts in one product: the features, which are much larger than the head, are read once.
        weights = np.concatenate([part.weights / part.temperature for part in parts]).T.copy()
        bias = np.concatenate([part.bias / part.temperature for part in parts])[:, None]
        classes = self.n_classes_
        out = np.empty((classes, len(features)), np.float32)

        def score(rows: slice) -> None:
            logits, blended = (features[rows] @ weights).T, out[:, rows]
            for number, part in enumerate(parts):
                mine = slice(number * classes, (number + 1) * classes)
                # Rows become columns on the way, at no cost.
                one = np.add(logits[mine], bias[mine], out=None if number else blended)
                softmax_columns(one, part.weight)
                if number:
                    blended += one

        over_blocks(score, len(features), min(BLOCK, max(LOGITS // len(bias), 1)))
        return out.T

    def state(self) -> State:
        """weights (parts, C, d), bias (parts, C), mix (parts,), temperatures (parts,), temperature (1,), float32."""
        return {
            "weights": np.stack(self._weights_),
            "bias": np.stack(self._bias_),
            "mix": np.asarray(self.calibration_["weights"], np.float32),
            "temperatures": np.asarray(self.calibration_["temperatures"], np.float32),
            "temperature": np.asarray([self.temperature_], np.float32),
            "labels": np.asarray([self.calibration_["labels"]], np.int64),
            "accuracy": np.asarray(
                [np.nan if self.calibration_["accuracy"] is None else self.calibration_["accuracy"]], np.float32
            ),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The head that gave this state."""
        head = cls()
        accuracy = float(state["accuracy"][0])
        head.calibration_ = Calibration(
            temperatures=[float(t) for t in state["temperatures"]],
            weights=[float(w) for w in state["mix"]],
            labels=int(state["labels"][0]),
            accuracy=None if np.isnan(accuracy) else accuracy,
        )
        head._weights_ = [np.asarray(w, np.float32) for w in state["weights"]]
        head._bias_ = [np.asarray(b, np.float32) for b in state["bias"]]
        head.n_classes_ = state["weights"].shape[1]
        head.temperature_ = temperature_in(state)
        return head

    def to_linear(self) -> LinearForm:
        """The parts as plain matrices."""
        return LinearForm(
            tuple(
                LinearPart(weight, weights, bias, temperature)
                for weight, weights, bias, temperature in zip(
                    self.calibration_["weights"],
                    self._weights_,
                    self._bias_,
                    self.calibration_["temperatures"],
                    strict=True,
                )
            ),
            temperature=self.temperature_,
        )


def _folds(labels: npt.NDArray[np.int64], seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each of the 5 folds; every class is dealt out one by one, so no fold takes all of a class."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % FOLDS
    for number in range(FOLDS):
        yield np.flatnonzero(fold == number)


def _log_loss(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    chosen = probabilities[np.arange(len(labels)), labels]
    return -float(np.log(np.maximum(chosen, 1e-12)).sum())


def _best_temperature(logits: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    low, high = np.log(TEMPERATURE_RANGE)
    found = minimize_scalar(
        lambda t: _log_loss(softmax(logits / np.exp(t)), labels) + TEMPERATURE_PRIOR * t * t,
        bounds=(low, high),
        method="bounded",
        options={"xatol": 0.01},
    )
    return float(np.exp(found.x))


def _best_weights(parts: list[npt.NDArray[np.float64]], labels: npt.NDArray[np.int64]) -> list[float]:
    if len(parts) == 1:
        return [1.0]
    first, second = parts
    steps = np.arange(WEIGHT_STEPS + 1) / WEIGHT_STEPS
    costs = [_log_loss((1 - share) * first + share * second, labels) + WEIGHT_PRIOR * (share - 0.5) ** 2 for share in steps]
    share = float(steps[int(np.argmin(costs))])
    return [1 - share, share]
