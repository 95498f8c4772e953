"""A new model is called better only when chance would hardly explain it, and worse or undecided otherwise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mlcore.compare import Material, answers, compare, images_needed, mcnemar, paired_difference


def pair(both: int, only_old: int, only_new: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """What each got right, in so many images of each kind."""
    old = np.repeat([True, True, False, False], [both, only_old, only_new, neither])
    new = np.repeat([True, False, True, False], [both, only_old, only_new, neither])
    return old, new


@pytest.mark.parametrize(("only_old", "only_new"), [(0, 0), (0, 4), (0, 5), (3, 9), (9, 3), (20, 35), (7, 7)])
def test_the_test_is_the_exact_binomial_one(only_old: int, only_new: int) -> None:
    n = only_old + only_new
    expected = binomtest(only_new, n, alternative="greater").pvalue if n else 1.0
    assert mcnemar(only_old, only_new) == pytest.approx(expected, abs=1e-12)


def test_a_clearly_better_one_wins() -> None:
    found = compare(*pair(70, 2, 14, 14))
    assert found.verdict == "won"
    assert found.p < 0.05
    assert (found.old.value, found.new.value) == (0.72, 0.84)
    assert found.difference.value == pytest.approx(0.12)
    assert found.difference.low > 0
    assert found.needed is None


def test_a_clearly_worse_one_loses() -> None:
    found = compare(*pair(70, 14, 2, 14))
    assert found.verdict == "lost"
    assert found.needed is None


def test_one_that_is_surely_not_worth_it_loses() -> None:
    assert compare(*pair(1990, 3, 4, 3)).verdict == "lost"


def test_few_images_decide_nothing_and_say_how_many_would() -> None:
    found = compare(*pair(20, 1, 4, 5))
    assert found.verdict == "undecided"
    assert found.needed > 30


def test_nothing_to_judge_by_decides_nothing() -> None:
    found = compare([], [])
    assert (found.verdict, found.n, found.p, found.old, found.needed) == ("undecided", 0, 1.0, None, None)


def test_equal_models_are_taken_for_better_as_rarely_as_is_said() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.random((2000, 120)) < 0.8, rng.random((2000, 120)) < 0.8
    assert np.mean([compare(a, b).verdict == "won" for a, b in zip(old, new, strict=True)]) < 0.06


def test_the_interval_holds_the_true_difference_as_often_as_is_said() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.choice(4, size=(3000, 80), p=[0.7, 0.05, 0.15, 0.1])
    found = [paired_difference(int((row == 1).sum()), int((row == 2).sum()), 80) for row in kinds]
    assert 0.93 < np.mean([one.low <= 0.10 <= one.high for one in found]) < 0.99


def test_with_as_many_images_as_are_asked_for_the_difference_is_mostly_seen() -> None:
    needed = images_needed(5, 15, 100)
    rng = np.random.default_rng(2)
    kinds = rng.choice(3, size=(1000, needed), p=[0.80, 0.05, 0.15])
    won = [mcnemar(int((row == 1).sum()), int((row == 2).sum())) < 0.05 for row in kinds]
    assert 0.70 < np.mean(won) < 0.92


def test_one_that_is_not_ahead_is_not_waited_for() -> None:
    assert images_needed(4, 4, 50) is None


def test_images_of_two_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="the same images"):
        compare([True], [True, False])


def test_better_features_give_better_answers() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(300) % 3
    centres = 4 * rng.random((3, 32))
    good = np.maximum(centres[labels] + 0.4 * rng.normal(size=(300, 32)), 0).astype(np.float32)
    poor = np.maximum(centres[labels] + 6.0 * rng.normal(size=(300, 32)), 0).astype(np.float32)
    right = [
        answers(Material(x[:200], x[:60], x[60:200], x[200:]), labels=labels[:60], n_classes=3, head="blend") == labels[200:]
        for x in (poor, good)
    ]
    assert compare(*right).verdict == "won"
    assert compare(*right[::-1]).verdict == "lost"
