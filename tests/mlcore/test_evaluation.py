"""Numbers about a model are right, and their intervals hold as often as they say."""

import math

import numpy as np
import pytest
from sklearn import metrics

from mlcore import evaluation


@pytest.fixture
def guesses():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 200)
    return truth, np.where(rng.random(200) < 0.7, truth, rng.integers(0, 4, 200))


def test_agrees_with_scikit_learn(guesses):
    truth, predicted = guesses
    assert evaluation.accuracy(truth, predicted) == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert evaluation.macro_f1(truth, predicted, 4) == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert evaluation.kappa(truth, predicted) == pytest.approx(metrics.cohen_kappa_score(truth, predicted))
    np.testing.assert_array_equal(evaluation.confusion(truth, predicted, 4), metrics.confusion_matrix(truth, predicted))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predicted)
    scores = evaluation.per_class(truth, predicted, 4)
    assert [s.precision.value for s in scores] == pytest.approx(list(precision))
    assert [s.recall.value for s in scores] == pytest.approx(list(recall))
    assert [s.f1 for s in scores] == pytest.approx(list(f1))
    assert [s.support for s in scores] == list(support)


def test_a_class_that_nobody_saw_has_no_recall_and_no_say_in_the_mean():
    scores = evaluation.per_class([0, 0, 1], [0, 0, 2], 4)
    assert scores[3].recall is None
    assert scores[3].precision is None
    assert scores[2].recall is None
    assert scores[2].precision.value == 0.0
    assert evaluation.macro_f1([0, 0, 1], [0, 0, 2], 4) == pytest.approx(0.5)


def test_wilson_agrees_with_the_published_example():
    """Newcombe 1998, table I: 81 of 263, and 0 of 20."""
    assert evaluation.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert evaluation.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert evaluation.wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 of 2"):
        evaluation.wilson(3, 2)


def test_equal_labellings_agree_fully_and_independent_ones_not_at_all():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, 5000), rng.integers(0, 3, 5000)
    assert evaluation.kappa(a, a) == 1.0
    assert abs(evaluation.kappa(a, b)) < 0.05
    assert evaluation.kappa(np.zeros(9, int), np.zeros(9, int)) == 1.0


def test_what_has_no_images_has_no_number():
    assert math.isnan(evaluation.accuracy([], []))
    assert math.isnan(evaluation.macro_f1([], [], 3))
    assert math.isnan(evaluation.kappa([], []))
    assert math.isnan(evaluation.ece(np.zeros((0, 3)), []))


def test_calibration_error_of_an_honest_and_of_a_boastful_model():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1.0, 20_000)
    right = rng.random(20_000) < sure
    p = np.stack([sure, 1 - sure], axis=1)
    assert evaluation.ece(p, np.where(right, 0, 1)) < 0.02
    boastful = np.tile([1.0, 0.0], (1000, 1))
    assert evaluation.ece(boastful, np.arange(1000) % 2) == pytest.approx(0.5)


def audits(rng, n=50, m=2000, bias=0.1):
    """A model whose confidence is informative but too high, audited on n random images of a pool of m."""
    chance = rng.beta(4, 1.5, m)
    correct = rng.random(m) < chance
    sure = np.clip(chance + bias, 0, 1)
    audited = rng.choice(m, n, replace=False)
    rest = np.setdiff1d(np.arange(m), audited)
    return correct[audited], sure[audited], sure[rest], correct.mean()


@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_powered_interval_holds_the_truth_as_often_as_it_says(n, confidence):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        correct, sure, pool, truth = audits(rng, n=n)
        estimate = evaluation.ppi_accuracy(correct, sure, pool, confidence)
        held += estimate.low <= truth <= estimate.high
    assert held / 600 == pytest.approx(confidence, abs=0.05)


def test_the_powered_estimate_is_closer_than_counting_alone():
    rng = np.random.default_rng(1)
    powered, counted = [], []
    for _ in range(400):
        correct, sure, pool, truth = audits(rng)
        powered.append(abs(evaluation.ppi_accuracy(correct, sure, pool).value - truth))
        counted.append(abs(correct.mean() - truth))
    assert np.mean(powered) < 0.95 * np.mean(counted)


def test_a_confidence_that_says_nothing_does_no_harm():
    rng = np.random.default_rng(2)
    correct = rng.random(60) < 0.8
    estimate = evaluation.ppi_accuracy(correct, np.full(60, 0.9), np.full(500, 0.9))
    assert estimate.value == pytest.approx(correct.mean())
    assert estimate.low < correct.mean() < estimate.high


def test_all_right_is_not_certainty():
    estimate = evaluation.ppi_accuracy(np.ones(30), np.full(30, 0.99), np.full(500, 0.99))
    assert estimate.value == 1.0
    assert estimate.low == pytest.approx(evaluation.wilson(30, 30)[0], abs=0.03)
    assert estimate.high == 1.0


def test_without_a_pool_it_is_counting():
    estimate = evaluation.ppi_accuracy([1, 1, 0, 1], [0.9, 0.8, 0.7, 0.9], [])
    assert (estimate.value, estimate.low, estimate.high) == (0.75, *evaluation.wilson(3, 4))


def test_one_audited_image_is_too_few():
    with pytest.raises(ValueError, match="at least 2 audited images"):
        evaluation.ppi_accuracy([1], [0.5], [0.5])
