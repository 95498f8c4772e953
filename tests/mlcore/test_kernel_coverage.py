"""The lazy greedy choice is the plain greedy choice, only cheaper."""

import numpy as np
import pytest

from mlcore.strategies.coverage import coverage, greedy, kernel, nearest_cosine


def plain_greedy(similarity, covered, weights, k):
    covered, chosen, gains = covered.copy(), [], []
    for _ in range(k):
        gain = np.maximum(similarity - covered, 0.0) @ weights
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        gains.append(gain[chosen[-1]])
        covered = np.maximum(covered, similarity[chosen[-1]])
    return chosen, gains


@pytest.mark.parametrize("seed", range(5))
def test_lazy_greedy_chooses_what_plain_greedy_chooses(seed):
    rng = np.random.default_rng(seed)
    similarity = rng.random((120, 80), np.float32) ** 3
    covered = rng.random(80, np.float32) * 0.5
    weights = rng.random(80, np.float32)
    chosen, gains = greedy(similarity, covered, weights, 40)
    expected, expected_gains = plain_greedy(similarity, covered, weights, 40)
    assert chosen.tolist() == expected[: len(chosen)]
    np.testing.assert_allclose(gains, expected_gains[: len(gains)], rtol=1e-4)
    assert all(gain < 1e-4 for gain in expected_gains[len(gains) :])


def test_stops_when_nothing_is_left_to_gain():
    similarity = np.ones((500, 10), np.float32)
    chosen, _ = greedy(similarity, np.zeros(10, np.float32), np.ones(10, np.float32), 50)
    assert len(chosen) == 1


def test_comes_to_an_end_among_many_equal_candidates():
    """Two hundred twins of each of three looks: after the first twin the others are worth the same nothing."""
    looks = np.eye(3, dtype=np.float32)[np.arange(600) % 3]
    chosen, _ = greedy(looks, np.zeros(3, np.float32), np.ones(3, np.float32), 100)
    assert sorted(chosen % 3) == [0, 1, 2]


def test_what_is_covered_already_adds_nothing():
    similarity = np.array([[1.0, 0.0], [0.0, 0.9]], np.float32)
    chosen, gains = greedy(similarity, np.array([1.0, 0.0], np.float32), np.ones(2, np.float32), 2)
    assert chosen.tolist() == [1]
    assert gains == pytest.approx([0.9])


def test_coverage_is_the_best_of_the_covering_rows_in_any_number():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 8))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    many = np.tile(rows, (200, 1))
    np.testing.assert_allclose(coverage(rows[:5], many, 0.5), kernel(rows[:5], many, 0.5).max(axis=1), atol=1e-5)
    assert coverage(rows[:5], rows[:0], 0.5).tolist() == [0.0] * 5
    assert nearest_cosine(rows[:5], rows[:0]).tolist() == [-1.0] * 5
