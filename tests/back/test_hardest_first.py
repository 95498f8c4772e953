"""Of what was picked for being hard, the hardest comes first, and what looks like it waits."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.hardest import hardest_first

# Directions that have nothing to do with each other.
LABELLED, TORN, UNLIKE = np.eye(8, dtype=np.float32)[:3]
SURE, UNSURE = [0.99, 0.01], [0.51, 0.49]


def near(direction: np.ndarray, by: float = 0.02) -> np.ndarray:
    """Almost that direction."""
    moved = direction + by * np.eye(8, dtype=np.float32)[5]
    return moved / np.linalg.norm(moved)


def test_torn_and_unlike_come_before_what_is_neither() -> None:
    features = np.stack([near(LABELLED), TORN, UNLIKE])
    labelled = np.stack([LABELLED, near(TORN, 0.3)])
    order = hardest_first(features, labelled, np.asarray([SURE, UNSURE, SURE], np.float32))
    assert set(order[:2]) == {1, 2}
    assert order[2] == 0


def test_a_second_frame_of_the_same_scene_waits() -> None:
    features = np.stack([UNLIKE, near(UNLIKE), TORN])
    order = hardest_first(features, LABELLED[None], np.asarray([SURE, SURE, UNSURE], np.float32))
    assert set(order[:2]) in ({0, 2}, {1, 2})


@pytest.mark.parametrize("count", [0, 1, 30])
def test_every_row_comes_once_also_without_a_model_or_labels(count: int) -> None:
    rows = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    order = hardest_first(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.zeros((0, 8), np.float32), None)
    assert sorted(order) == list(range(count))
