"""Nearest neighbours: no training at all, and every answer points at labelled images."""

from typing import ClassVar, Self

import numpy as np

from mlcore.heads.base import Calibration, Head, LinearForm, State, check_training
from mlcore.types import Floats, Ints

NEIGHBOURS = 10
# How steeply a vote falls with the cosine: 0.1 less similar counts a seventh.
STEEPNESS = 20.0
BLOCK = 4096


class NearestNeighbours(Head):
    """The ten most similar labelled images vote, each by exp(20 cosine). It keeps the images, so it cannot be exported."""

    exportable: ClassVar[bool] = False

    _features_: Floats
    _labels_: Ints

    def calibrate(
        self, features: Floats, labels: Ints, n_classes: int, pool: Floats | None = None, seed: int = 0
    ) -> Calibration:
        """Leave every row out once: its own vote does not count. Nothing is learnt from it but the accuracy."""
        del pool, seed
        check_training(features, labels, n_classes)
        self.out_of_fold_, accuracy = None, None
        if len(labels) > 1:
            self.out_of_fold_ = _vote(features, features, labels, n_classes, leave_self_out=True)
            accuracy = float((self.out_of_fold_.argmax(axis=1) == labels).mean())
        return Calibration(temperatures=[1.0], weights=[1.0], labels=len(labels), accuracy=accuracy)

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

    def predict_proba(self, features: Floats) -> Floats:
        """(n, C) float32, as Head says."""
        return _vote(features, self._features_, self._labels_, self.n_classes_, leave_self_out=False)

    def state(self) -> State:
        """The kept features (n, d) and labels (n,), and the number of classes."""
        return {
            "features": self._features_,
            "labels": self._labels_,
            "n_classes": np.asarray([self.n_classes_], np.int64),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The head that gave this state."""
        head = cls()
        n_classes = int(state["n_classes"][0])
        return head.fit(np.asarray(state["features"], np.float32), np.asarray(state["labels"], np.int64), n_classes)

    def to_linear(self) -> LinearForm:
        """Raises ValueError: neighbours are not matrices."""
        raise ValueError("The knn head keeps images, not weights; choose blend or logistic to export.")


def _vote(features: Floats, known: Floats, labels: Ints, n_classes: int, *, leave_self_out: bool) -> Floats:
    out = np.zeros((len(features), n_classes), np.float32)
    near = min(NEIGHBOURS, len(known) - (1 if leave_self_out else 0))
    for start in range(0, len(features), BLOCK):
        cosines = features[start : start + BLOCK] @ known.T
        rows = np.arange(len(cosines))
        if leave_self_out:
            cosines[rows, start + rows] = -2.0
        who = np.argpartition(-cosines, near - 1, axis=1)[:, :near]
        closeness = np.take_along_axis(cosines, who, axis=1)
        votes = np.exp(STEEPNESS * (closeness - closeness.max(axis=1, keepdims=True)))
        block = out[start : start + BLOCK]
        for neighbour in range(near):
            np.add.at(block, (rows, labels[who[:, neighbour]]), votes[:, neighbour])
        block /= block.sum(axis=1, keepdims=True)
    return out
