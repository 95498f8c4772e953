"""Heads for images that may be of several classes at once, or of none: every class is a question of its own."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Self, TypedDict

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar

from mlcore.heads.base import ABSENT, LinearForm, LinearPart, State
from mlcore.types import Floats

Answers = npt.NDArray[np.int8]
Doubles = npt.NDArray[np.float64]

YES, NO, UNKNOWN = 1, 0, -1
FOLDS = 5
LOGISTIC_C = 100.0
MAX_ITERATIONS = 40
# A class with fewer of either answer keeps temperature 1 and threshold 1/2: there is nothing to hold out.
LEAST_ANSWERS = 5
TEMPERATURE_RANGE = (0.25, 4.0)
TEMPERATURE_PRIOR = 2.0
THRESHOLDS = np.linspace(0.1, 0.9, 17)


class MultiLabelCalibration(TypedDict):
    """What cross-validation taught of each class: temperatures and thresholds (C,); f1: out of fold, None where unknown."""

    temperatures: list[float]
    thresholds: list[float]
    f1: list[float | None]


class MultiLabelHead(ABC):
    """Learns from rows whose answers to each class are 1 (yes), 0 (no) or -1 (nobody said). Manners as of `Head`."""

    exportable: ClassVar[bool] = True

    n_classes_: int
    calibration_: MultiLabelCalibration

    @abstractmethod
    def calibrate(self, features: Floats, answers: Answers, seed: int = 0) -> MultiLabelCalibration:
        """Learn temperatures and thresholds from rows held out."""

    @abstractmethod
    def fit(
        self, features: Floats, answers: Answers, seed: int = 0, *, calibration: MultiLabelCalibration | None = None
    ) -> Self:
        """Learn from features (n, d) of length 1 and answers (n, C) int8, n >= 1.

        calibration: from an earlier fit, taken as it is; without it `calibrate` is called first. Raises ValueError where
        no answer is known, or a number is not finite or not an answer.
        """

    @abstractmethod
    def predict_proba(self, features: Floats) -> Floats:
        """(n, C) float32, each between 0 and 1 for itself; a class that nobody answered gets about 0."""

    @abstractmethod
    def state(self) -> State:
        """Everything predict_proba and decide need, as arrays that safetensors can hold."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: State) -> Self:
        """The head that gave this state."""

    @abstractmethod
    def to_linear(self) -> LinearForm:
        """The same function as plain matrices, of kind `sigmoid`. Raises ValueError where `exportable` is False."""

    def decide(self, features: Floats) -> npt.NDArray[np.bool_]:
        """(n, C) bool: the classes that an image is said to be of, each by its own threshold."""
        return self.predict_proba(features) >= np.asarray(self.calibration_["thresholds"], np.float32)


class OneVsRest(MultiLabelHead):
    """One logistic regression a class, C = 100, rarer answers weighted up by count ** -0.5; sigmoid((w x + b) / T).

    Answers are smoothed as Platt (1999) does, so a class that so far was only seen, or never, stays finite. Thresholds
    are those of the best F1 out of fold (Lipton et al. 2014 show that one half is too high for a rare class).
    """

    _weights_: Floats
    _bias_: Floats

    def calibrate(self, features: Floats, answers: Answers, seed: int = 0) -> MultiLabelCalibration:
        """Temperatures by the log-loss of 5 folds, thresholds by their F1."""
        _check(features, answers)
        held_out = np.zeros(answers.shape)
        for test in _folds(len(answers), seed):
            kept = np.ones(len(answers), np.bool_)
            kept[test] = False
            if kept.any():
                weights, bias = fit_sigmoids(features[kept], answers[kept])
                held_out[test] = features[test] @ weights.T + bias
        temperatures, thresholds, f1 = [], [], []
        for logits, said in zip(held_out.T, answers.T, strict=True):
            known = said != UNKNOWN
            temperature, threshold, score = _calibrated(logits[known], said[known])
            temperatures.append(temperature)
            thresholds.append(threshold)
            f1.append(score)
        return MultiLabelCalibration(temperatures=temperatures, thresholds=thresholds, f1=f1)

    def fit(
        self, features: Floats, answers: Answers, seed: int = 0, *, calibration: MultiLabelCalibration | None = None
    ) -> Self:
        """Fit every class on the rows that say something about it, as MultiLabelHead says."""
        _check(features, answers)
        self.calibration_ = calibration or self.calibrate(features, answers, seed)
        self.n_classes_ = answers.shape[1]
        weights, bias = fit_sigmoids(features, answers)
        self._weights_, self._bias_ = np.asarray(weights, np.float32), np.asarray(bias, np.float32)
        return self

    def predict_proba(self, features: Floats) -> Floats:
        """(n, C) float32, as MultiLabelHead says."""
        part = self.to_linear().parts[0]
        return np.asarray(_sigmoid(features @ part.weights.T + part.bias), np.float32)

    def state(self) -> State:
        """weights (C, d), bias, temperatures, thresholds and f1 (C,), float32."""
        calibration = self.calibration_
        return {
            "weights": self._weights_,
            "bias": self._bias_,
            "temperatures": np.asarray(calibration["temperatures"], np.float32),
            "thresholds": np.asarray(calibration["thresholds"], np.float32),
            "f1": np.asarray([np.nan if score is None else score for score in calibration["f1"]], np.float32),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The head that gave this state."""
        head = cls()
        head._weights_, head._bias_ = np.asarray(state["weights"], np.float32), np.asarray(state["bias"], np.float32)
        head.n_classes_ = len(head._bias_)
        head.calibration_ = MultiLabelCalibration(
            temperatures=[float(t) for t in state["temperatures"]],
            thresholds=[float(t) for t in state["thresholds"]],
            f1=[None if np.isnan(score) else float(score) for score in state["f1"]],
        )
        return head

    def to_linear(self) -> LinearForm:
        """One part, each class's temperature folded in."""
        temperatures = np.asarray(self.calibration_["temperatures"], np.float32)
        part = LinearPart(1.0, self._weights_ / temperatures[:, None], self._bias_ / temperatures, 1.0)
        return LinearForm((part,), kind="sigmoid")


def fit_sigmoids(features: Floats, answers: Answers) -> tuple[Doubles, Doubles]:
    """Minimise every class's weighted log-loss plus |w|^2 / (2 C) at once by L-BFGS: weights (C, d) and bias (C,)."""
    x = np.asarray(features, np.float32)
    n_classes, d = answers.shape[1], x.shape[1]
    known = answers != UNKNOWN
    yes, no = (answers == YES).sum(axis=0), (answers == NO).sum(axis=0)
    targets = np.where(answers == YES, (yes + 1.0) / (yes + 2.0), 1.0 / (no + 2.0)).astype(np.float32)
    counts = np.where(answers == YES, yes, no)
    both = np.maximum(yes + no, 1)
    weights = np.where(known, np.sqrt(both / (2.0 * np.maximum(counts, 1))), 0.0)
    # Every class counts alike, so that one with few answers is not left unfinished.
    total = np.maximum(weights.sum(axis=0), 1e-12)
    share = np.asarray(weights / total, np.float32)
    penalty = np.where(known.any(axis=0), 1.0 / (LOGISTIC_C * total), 1.0)[:, None]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        w, b = flat[: n_classes * d].reshape(n_classes, d), flat[n_classes * d :]
        logits = x @ w.T.astype(np.float32) + b.astype(np.float32)
        value = float((share * (np.logaddexp(0.0, logits) - targets * logits)).sum())
        slope = share * (_sigmoid(logits) - targets)
        gradient = np.concatenate([(slope.T @ x + penalty * w).ravel(), slope.sum(axis=0)])
        return value + 0.5 * float((penalty * w * w).sum()), np.asarray(gradient, np.float64)

    options = {"maxiter": MAX_ITERATIONS, "gtol": 1e-5, "maxcor": 10}
    found = minimize(loss, np.zeros(n_classes * (d + 1)), jac=True, method="L-BFGS-B", options=options).x
    bias = np.where(known.any(axis=0), found[n_classes * d :], ABSENT)
    return found[: n_classes * d].reshape(n_classes, d), bias


def _calibrated(logits: Doubles, said: Answers) -> tuple[float, float, float | None]:
    """(temperature, threshold, F1) of one class from rows that were held out."""
    right = said == YES
    if min(right.sum(), (~right).sum()) < LEAST_ANSWERS:
        return 1.0, 0.5, None

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        return float((np.logaddexp(0.0, scaled) - right * scaled).sum() + TEMPERATURE_PRIOR * log_t**2)

    low, high = np.log(TEMPERATURE_RANGE)
    temperature = float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
    sure = _sigmoid(logits / temperature)
    said_so = sure[:, None] >= THRESHOLDS
    hits = (said_so & right[:, None]).sum(axis=0)
    scores = 2 * hits / np.maximum(said_so.sum(axis=0) + right.sum(), 1)
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    # Of thresholds that do alike, the one nearest to one half.
    chosen = best[np.abs(THRESHOLDS[best] - 0.5).argmin()]
    return temperature, float(THRESHOLDS[chosen]), float(scores[chosen])


def _folds(n: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(n)
    for number in range(min(FOLDS, n)):
        yield order[number::FOLDS]


def _sigmoid(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))


def _check(features: Floats, answers: Answers) -> None:
    """Raise ValueError, naming what is wrong, unless features and answers can be learnt from."""
    if answers.ndim != 2 or len(features) != len(answers):
        raise ValueError(f"answers is {answers.shape}, expected ({len(features)}, classes).")
    if not np.isin(answers, (YES, NO, UNKNOWN)).all():
        raise ValueError("answers must be 1 (yes), 0 (no) or -1 (nobody said).")
    if not (answers != UNKNOWN).any():
        raise ValueError("A head needs at least one answer.")
    if not np.isfinite(features).all():
        raise ValueError("features holds a number that is not finite.")
