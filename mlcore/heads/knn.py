"""Nearest neighbours: no training at all, and every answer points at labelled images."""

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from mlcore.heads.base import Calibration, Head, LinearForm, State, check_training, temperature_in
from mlcore.threads import over_blocks
from mlcore.types import Floats, Ints

NEIGHBOURS = 10
# How steeply a vote falls with the cosine at temperature 1: 0.1 less similar counts a seventh.
STEEPNESS = 20.0
# Rows compared at a time, fewer where there are many labels, so that their cosines stay small.
BLOCK = 1024
COSINES = 2**22
# Below every cosine: of a row to itself where it does not count, and of one that was taken already.
TAKEN = -2.0
# Below this many labels nothing is held out: these shares, temperature 1.
MIN_CALIBRATION_LABELS = 15
PRIOR_SHARE = 0.1
# How much the classes' own frequencies may count beside the neighbours: never nothing, for no vote is certain.
PRIOR_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
TEMPERATURE_RANGE = (0.25, 4.0)
# A penalty on the summed log-loss: log T of variance 1/4.
TEMPERATURE_PRIOR = 2.0


class NearestNeighbours(Head):
    """The ten most similar labelled images vote, each by exp(20 cosine / temperature), blended with how common classes are.

    Both numbers are learnt by leaving every row out once. It keeps the images, so it cannot be exported.
    """

    exportable: ClassVar[bool] = False

    _features_: Floats
    _labels_: Ints

    def calibrate(
        self, features: Floats, labels: Ints, n_classes: int, pool: Floats | None = None, seed: int = 0
    ) -> Calibration:
        """Leave every row out once: its own vote does not count. weights: of the neighbours, of the frequencies."""
        del pool, seed
        check_training(features, labels, n_classes)
        n = len(labels)
        self.out_of_fold_ = None
        temperature, share, accuracy = 1.0, PRIOR_SHARE, None
        if n > 1:
            near = _Neighbours(features, features, labels, leave_self_out=True)
            if n >= MIN_CALIBRATION_LABELS:
                temperature, share = _best(near, labels, n_classes)
            self.out_of_fold_ = _blended(near.votes(temperature, n_classes), labels, share)
            accuracy = float((self.out_of_fold_.argmax(axis=1) == labels).mean())
        return Calibration(temperatures=[temperature, 1.0], weights=[1.0 - share, share], labels=n, accuracy=accuracy)

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
        """Keep the rows."""
        check_training(features, labels, n_classes)
        self.calibration_ = calibration or self.calibrate(features, labels, n_classes, pool, seed)
        self.n_classes_ = n_classes
        self._features_, self._labels_ = np.array(features, np.float32), np.array(labels, np.int64)
        return self

    def untempered(self, features: Floats) -> Floats:
        """(n, C) float32, as Head says."""
        temperature = self.calibration_["temperatures"][0]
        # What an older version calibrated holds the neighbours alone.
        share = [*self.calibration_["weights"], 0.0][1]
        out = np.empty((self.n_classes_, len(features)), np.float32)

        def score(rows: slice) -> None:
            near = _Neighbours(features[rows], self._features_, self._labels_, leave_self_out=False)
            out[:, rows] = _blended(near.votes(temperature, self.n_classes_), self._labels_, share).T

        over_blocks(score, len(features), BLOCK)
        return out.T

    def state(self) -> State:
        """The kept features (n, d) and labels (n,), the number of classes, and both numbers that were learnt."""
        return {
            "features": self._features_,
            "labels": self._labels_,
            "n_classes": np.asarray([self.n_classes_], np.int64),
            "temperatures": np.asarray(self.calibration_["temperatures"], np.float32),
            "mix": np.asarray(self.calibration_["weights"], np.float32),
            "temperature": np.asarray([self.temperature_], np.float32),
            "accuracy": np.asarray(
                [np.nan if self.calibration_["accuracy"] is None else self.calibration_["accuracy"]], np.float32
            ),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The head that gave this state; one of an older version has learnt neither number."""
        head = cls()
        labels = np.asarray(state["labels"], np.int64)
        accuracy = float(state["accuracy"][0]) if "accuracy" in state else np.nan
        calibration = Calibration(
            temperatures=[float(t) for t in state.get("temperatures", np.ones(1))],
            weights=[float(w) for w in state.get("mix", np.ones(1))],
            labels=len(labels),
            accuracy=None if np.isnan(accuracy) else accuracy,
        )
        head.temperature_ = temperature_in(state)
        features = np.asarray(state["features"], np.float32)
        return head.fit(features, labels, int(state["n_classes"][0]), calibration=calibration)

    def to_linear(self) -> LinearForm:
        """Raises ValueError: neighbours are not matrices."""
        raise ValueError("The knn head keeps images, not weights; choose blend or logistic to export.")


class _Neighbours:
    """The nearest known rows of each of n rows: their labels and their cosine less the nearest's, both (k, n)."""

    def __init__(self, features: Floats, known: Floats, labels: Ints, *, leave_self_out: bool) -> None:
        n, many = len(features), len(known)
        k = min(NEIGHBOURS, many - (1 if leave_self_out else 0))
        self.labels = np.empty((k, n), np.int64)
        self.behind = np.empty((k, n), np.float32)
        block = min(BLOCK, max(COSINES // many, 1))
        for start in range(0, n, block):
            cosines = features[start : start + block] @ known.T
            flat, row, here = cosines.reshape(-1), many * np.arange(len(cosines)), slice(start, start + block)
            if leave_self_out:
                flat[row + np.arange(start, start + len(cosines))] = TAKEN
            # The nearest, then the nearest of the others, and so on: looking ten times is quicker than one partition.
            for place in range(k):
                who = cosines.argmax(axis=1)
                labels.take(who, out=self.labels[place, here])
                who += row
                flat.take(who, out=self.behind[place, here])
                flat[who] = TAKEN
        self.behind -= self.behind[0].copy()

    def votes(self, temperature: float, n_classes: int) -> npt.NDArray[np.float64]:
        """(n, C) shares of the votes."""
        n = self.labels.shape[1]
        power = np.exp(self.behind * np.float32(STEEPNESS / temperature))
        cells = self.labels + n_classes * np.arange(n)
        votes = np.bincount(cells.ravel(), weights=power.ravel(), minlength=n * n_classes).reshape(n, n_classes)
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def _blended(votes: npt.NDArray[np.float64], labels: Ints, share: float) -> Floats:
    """(n, C) float32: votes, with `share` of the frequencies of the labels instead; a class without any stays at 0."""
    frequencies = np.bincount(labels, minlength=votes.shape[1]) / len(labels)
    return np.asarray((1.0 - share) * votes + share * frequencies, np.float32)


def _best(near: _Neighbours, labels: Ints, n_classes: int) -> tuple[float, float]:
    """(temperature, share of the frequencies) of the least log-loss on rows that did not vote for themselves."""
    rows = np.arange(len(labels))
    frequencies = (np.bincount(labels, minlength=n_classes) / len(labels))[labels]

    def losses(log_t: float) -> npt.NDArray[np.float64]:
        chosen = near.votes(float(np.exp(log_t)), n_classes)[rows, labels]
        shares = np.asarray(PRIOR_SHARES)[:, None]
        return np.asarray(-np.log((1 - shares) * chosen + shares * frequencies).sum(axis=1) + TEMPERATURE_PRIOR * log_t**2)

    low, high = np.log(TEMPERATURE_RANGE)
    found = minimize_scalar(
        lambda log_t: float(losses(log_t).min()), bounds=(low, high), method="bounded", options={"xatol": 0.02}
    )
    return float(np.exp(found.x)), PRIOR_SHARES[int(losses(found.x).argmin())]
