"""A model that is not one: it answers at once, and with what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from mlcore.edge.postprocess import rank
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import Answer, InferenceFailed

LABELS = ("red", "green", "deep blue")


def answer(probabilities: Sequence[float] = (0.9, 0.06, 0.04), features: Sequence[float] = (1.0, 0.0, 0.0)) -> Answer:
    """An answer with these probabilities and features."""
    values = np.array(probabilities, np.float64)
    return Answer(
        rank(values, LABELS), values, np.array(features, np.float32), np.log(np.maximum(values, 1e-12)).astype(np.float32)
    )


class FakeModel:
    """Counts the answers under way on it; `gate`, when given, is waited for in the middle of each."""

    labels = LABELS
    precision = "FP16"
    device = "AUTO"
    runs_on = "CPU"
    note = ""
    hands = 3

    def __init__(self, number: int | None = 1, *, gate: threading.Event | None = None, fails: bool = False) -> None:
        self.number = number
        self.gate = gate
        self.fails = fails
        self.closed = False
        self.answered_after_its_end = 0
        self.entered = threading.Event()

    def read(self, picture):
        if picture == b"bad":
            raise UnreadableImage("damaged", "The picture is damaged.")
        return np.zeros((4, 4, 3), np.uint8)

    def answer_pixels(self, pixels, top=None, *, many=False):
        if self.fails:
            raise InferenceFailed("The device CPU could not compute an answer.")
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        self.answered_after_its_end += self.closed
        return answer((0.9, 0.06, 0.04), (float(self.number or 0), 0.0, 0.0))
