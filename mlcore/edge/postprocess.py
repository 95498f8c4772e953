"""From a model's numbers to an answer that a person can read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Prediction:
    """One class with its calibrated probability, 0 to 1; ``index`` is the class's place in labels.json."""

    label: str
    confidence: float
    index: int


def softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Probabilities over the last axis, in float64."""
    values = logits.astype(np.float64)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    result: npt.NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return result


def rank(probabilities: npt.NDArray[np.floating], labels: Sequence[str], top: int | None = None) -> list[Prediction]:
    """Order the classes of one picture, probabilities (C,), best first; ``top=None`` gives all."""
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [Prediction(labels[i], float(probabilities[i]), int(i)) for i in order]
