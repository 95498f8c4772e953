"""What every head offers: calibrate, fit, probabilities, a state of plain arrays, and a form that can be exported."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypedDict

import numpy as np
import numpy.typing as npt

from mlcore.types import Floats, Ints

State = dict[str, npt.NDArray[Any]]

# The logit of a class that has no label: far below any other at every temperature, yet finite in half precision.
ABSENT = -1000.0


class Calibration(TypedDict):
    """What cross-validation taught, as plain numbers that fit into JSON.

    temperatures and weights: one a part of the head. labels: how many labels it was made from. accuracy: out of fold,
    so biased downwards when the labels were chosen actively; None when there were too few labels to hold any out.
    """

    temperatures: list[float]
    weights: list[float]
    labels: int
    accuracy: float | None


@dataclass(frozen=True)
class LinearPart:
    """softmax((x @ weights.T + bias) / temperature), counted `weight` times: weights (C, d), bias (C,), float32."""

    weight: float
    weights: Floats
    bias: Floats
    temperature: float


@dataclass(frozen=True)
class LinearForm:
    """A head as plain matrices: q(x) = sum over parts of weight * softmax((x @ weights.T + bias) / temperature).

    p(x) is q(x) ** (1 / the form's own temperature), divided by its sum: softmax of log q(x) / temperature.
    """

    parts: tuple[LinearPart, ...]
    kind: str = "mixture"
    temperature: float = 1.0


class Head(ABC):
    """Learns from a few labelled rows. Constructors only store; fit returns self; what is learnt ends in `_`.

    temperature_: one number on top of everything, 1 unless whoever judges the head sets it; see `sharpened`.
    """

    # Whether to_linear() works, so that the head can leave for a device.
    exportable: ClassVar[bool] = True

    n_classes_: int
    calibration_: Calibration
    temperature_: float = 1.0
    out_of_fold_: Floats | None = None

    @abstractmethod
    def calibrate(
        self, features: Floats, labels: Ints, n_classes: int, pool: Floats | None = None, seed: int = 0
    ) -> Calibration:
        """Learn by cross-validation how far to trust each part; sets `out_of_fold_` (n, C) where labels suffice."""

    @abstractmethod
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
        """Learn from features (n, d) of length 1 and labels (n,) in 0..n_classes-1, n >= 1.

        pool (m, d): unlabelled rows that a transductive head may look at. calibration: from an earlier fit, taken as
        it is; without it `calibrate` is called first. Raises ValueError on no labels or numbers that are not finite.
        """

    def predict_proba(self, features: Floats) -> Floats:
        """(n, C) float32 whose rows sum to 1; a class that never had a label gets about 0.

        The numbers of a class lie side by side in memory (Fortran's order), which is quick for all that is asked of them. A
        large array of features is read once, in blocks, on every core that the process may use.
        """
        return sharpened(self.untempered(features), self.temperature_)

    @abstractmethod
    def untempered(self, features: Floats) -> Floats:
        """The same before `temperature_`: what the labels that it was fitted on say."""

    @abstractmethod
    def state(self) -> State:
        """Everything predict_proba needs, as arrays that safetensors can hold; `temperature` (1,) is `temperature_`."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: State) -> Self:
        """The head that gave this state; one without `temperature` is as it was fitted."""

    @abstractmethod
    def to_linear(self) -> LinearForm:
        """The same function as plain matrices. Raises ValueError where `exportable` is False."""


def check_training(features: Floats, labels: Ints, n_classes: int) -> None:
    """Raise ValueError, naming what is wrong, unless features and labels can be learnt from."""
    if len(labels) == 0:
        raise ValueError("A head needs at least one label.")
    if len(features) != len(labels):
        raise ValueError(f"features has {len(features)} rows, labels has {len(labels)}.")
    if int(labels.min()) < 0 or int(labels.max()) >= n_classes:
        raise ValueError(f"labels must be between 0 and {n_classes - 1}.")
    if not np.isfinite(features).all():
        raise ValueError("features holds a number that is not finite.")


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Row-wise softmax of (n, C), computed in place of the argument's copy."""
    scaled: npt.NDArray[Any] = logits - logits.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def softmax_columns(logits: npt.NDArray[Any], weight: float = 1.0) -> npt.NDArray[Any]:
    """`weight` times the softmax over the first axis of (C, n), in place: several times faster than row-wise over (n, C)."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits *= np.asarray(weight, logits.dtype) / logits.sum(axis=0)
    return logits


def likeliest(probabilities: Floats) -> npt.NDArray[np.int16]:
    """(n,) int16: the likeliest class of each row of (n, C), the first of equal ones; quick where classes lie apart."""
    first, found = probabilities[:, 0].copy(), np.zeros(len(probabilities), np.int16)
    for number in range(1, probabilities.shape[1]):
        column = probabilities[:, number]
        # Of the classes that were better than all before them the last: four times quicker than writing where they were.
        np.maximum(found, (column > first) * np.int16(number), out=found)
        np.maximum(first, column, out=first)
    return found


def sharpened(probabilities: Floats, temperature: float) -> Floats:
    """probabilities (n, C) ** (1 / temperature), each row divided by its sum: temperature scaling of a mixture.

    Above 1 the rows become less sure, below 1 surer. The order of the classes within a row, and so the answer, never
    changes. Rows are computed relative to their largest entry, so nothing underflows at a low temperature.
    """
    if temperature == 1.0:
        return probabilities
    powers = (probabilities / probabilities.max(axis=1, keepdims=True)) ** np.float32(1.0 / temperature)
    powers /= powers.sum(axis=1, keepdims=True)
    return np.asarray(powers, np.float32)


def temperature_in(state: State) -> float:
    """The temperature that a state holds; 1 where it has none."""
    return float(state["temperature"][0]) if "temperature" in state else 1.0
