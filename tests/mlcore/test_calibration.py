"""Confidence is made honest by judged images, and how honest it is gets measured on others."""

import numpy as np
import pytest

from mlcore.calibration import cross_tempered, fit_temperature, reliability
from mlcore.heads.base import sharpened


def answers(n, *, boast, seed=0):
    """Probabilities (n, 4) of a model that is too sure by a temperature of `boast`, and whether it was right."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(n, 4))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (honest.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    said = sharpened(honest.astype(np.float32), 1 / boast)
    return said, said.argmax(axis=1) == truth


@pytest.mark.parametrize("boast", [0.6, 1.0, 2.0])
def test_the_temperature_undoes_what_the_model_overstates(boast):
    said, right = answers(1500, boast=boast)
    assert fit_temperature(said, right) == pytest.approx(boast, rel=0.15)


def test_few_judged_images_move_it_little():
    said, right = answers(6, boast=3.0)
    assert 0.6 < fit_temperature(said, right) < 1.7
    assert fit_temperature(np.zeros((0, 3)), []) == 1.0


def test_an_image_of_a_class_that_the_model_does_not_know_counts_as_wrong_and_no_more():
    said, right = answers(200, boast=1.0)
    right[:3] = False
    assert fit_temperature(said, right) < 2.0


def test_no_temperature_changes_an_answer():
    said, _ = answers(500, boast=1.0)
    for temperature in (0.25, 0.7, 1.0, 4.0):
        other = sharpened(said, temperature)
        np.testing.assert_array_equal(other.argmax(axis=1), said.argmax(axis=1))
        np.testing.assert_allclose(other.sum(axis=1), 1.0, atol=1e-5)


def test_every_row_is_judged_by_what_the_others_say():
    said, right = answers(60, boast=3.0)
    before = cross_tempered(said, right)
    right[7] = ~right[7]
    after = cross_tempered(said, right)
    assert before[7] == after[7]
    assert (before != after).sum() > 30


def test_the_temperature_of_others_makes_confidence_honest():
    said, right = answers(600, boast=2.5)
    assert reliability(said.max(axis=1), right).ece.value > 0.1
    assert reliability(cross_tempered(said, right), right).ece.value < 0.05


def test_bins_hold_every_image_once_where_its_confidence_lies():
    said, right = answers(300, boast=1.0)
    found = reliability(said.max(axis=1), right)
    assert sum(one.count for one in found.bins) == 300
    for one in found.bins:
        assert one.low <= one.confidence <= one.high
        assert one.right.low <= one.right.value <= one.right.high


@pytest.mark.parametrize("boast", [0.0, 0.15])
def test_the_intervals_hold_the_truth_as_often_as_they_say(boast):
    rng = np.random.default_rng(0)
    held = {"ece": 0, "gap": 0}
    for seed in range(120):
        chance = rng.beta(5, 1.5, 80) * (1 - boast)
        sure = chance / (1 - boast) if boast else chance
        found = reliability(sure, rng.random(80) < chance, seed=seed)
        # Of a Beta(5, 1.5) the mean is 10/13; too sure by the same share everywhere, so gap and error are the same.
        truth = boast * 10 / 13
        held["ece"] += found.ece.low <= truth <= found.ece.high
        held["gap"] += found.gap.low <= truth <= found.gap.high
    assert min(held.values()) / 120 >= 0.9


def test_an_honest_model_may_have_no_error_at_all_and_a_boastful_one_has():
    honest, right = answers(200, boast=1.0)
    assert reliability(honest.max(axis=1), right).ece.low == 0.0
    boastful, right = answers(200, boast=4.0)
    found = reliability(boastful.max(axis=1), right)
    assert found.ece.low > 0.02
    assert found.gap.low > 0.0


def test_nothing_judged_has_no_reliability():
    with pytest.raises(ValueError, match="at least one image"):
        reliability([], [])
