"""How many labels are still needed is said with its range, is right about as often as that says, or is not said."""

import numpy as np
import pytest

from mlcore.evaluation import wilson
from mlcore.forecast import MOST_POINTS, SHARE, forecast, from_interval

EVERYTHING = 3000


def curve(n, *, top=0.9, fall=0.4, steepness=0.6):
    return top - fall * (np.asarray(n) / 10) ** -steepness


def really(**shape):
    """Labels at which the curve has SHARE of what it reaches."""
    n = np.arange(1, EVERYTHING + 1)
    return int(n[curve(n, **shape) >= SHARE * curve(EVERYTHING, **shape)][0])


def watched(upto, audits, seed=0, **shape):
    """(labels, accuracy, error) as judged on the same audit images throughout."""
    rng = np.random.default_rng(seed)
    labels = np.arange(10, upto + 1, 10)
    # Each image is got right from some height of the curve on, so successive points err together.
    hard = rng.random(audits)
    right = (hard[None] < curve(labels, **shape)[:, None]).sum(axis=1)
    accuracy, error = np.asarray([from_interval(*wilson(int(k), audits)) for k in right]).T
    return labels, accuracy, error


def test_with_much_to_go_by_it_comes_near_the_truth():
    found = forecast(*watched(200, 4000), everything=EVERYTHING)
    assert found.labels.low < really() < found.labels.high
    assert found.reach.value == pytest.approx(float(curve(EVERYTHING)), abs=0.03)


@pytest.mark.parametrize(
    "shape", [{"top": 0.97, "fall": 0.3, "steepness": 0.9}, {"top": 0.85, "fall": 0.35, "steepness": 0.5}]
)
def test_the_range_holds_the_truth_about_as_often_as_it_says(shape):
    held, said = 0, 0
    for seed in range(60):
        found = forecast(*watched(150, 150, seed, **shape), everything=EVERYTHING)
        if found is not None:
            said += 1
            held += found.more(150)[1] <= max(0, really(**shape) - 150) <= found.more(150)[2]
    assert said >= 20
    assert held / said >= 0.7


def test_few_audit_labels_make_a_wide_range_or_none():
    many, few = (forecast(*watched(150, audits), everything=EVERYTHING) for audits in (4000, 200))
    assert few is None or few.labels.high - few.labels.low > many.labels.high - many.labels.low


@pytest.mark.parametrize("upto", [10, 30, 50])
def test_few_points_say_nothing(upto):
    assert forecast(*watched(upto, 500), everything=EVERYTHING) is None


def test_points_close_together_say_nothing():
    labels, accuracy, error = watched(300, 500)
    late = labels > 150
    assert forecast(labels[late], accuracy[late], error[late], everything=EVERYTHING) is None


def test_with_a_label_on_every_image_there_is_nothing_to_forecast():
    assert forecast(*watched(300, 500), everything=300) is None


def test_luck_with_the_first_few_audit_labels_is_not_run_on():
    labels = np.arange(30, 310, 10)
    audits = labels // 9
    # All of the first twelve right, and of those after them seven in ten.
    right = np.minimum(audits, 12) + (0.7 * np.maximum(0, audits - 12)).astype(int)
    accuracy, error = np.asarray([from_interval(*wilson(int(k), int(n))) for k, n in zip(right, audits, strict=True)]).T
    found = forecast(labels, accuracy, error, everything=EVERYTHING)
    assert found.reach.low < right[-1] / audits[-1] < found.reach.high


def test_a_curve_that_stands_still_is_there():
    found = forecast(*watched(400, 4000, top=0.9, fall=0.5, steepness=2.0), everything=EVERYTHING)
    assert found.more(400) == (0, 0, 0)


def test_the_order_of_the_points_and_those_without_a_number_do_not_matter():
    labels, accuracy, error = watched(200, 1000)
    back = forecast(labels[::-1], accuracy[::-1], error[::-1], everything=EVERYTHING)
    holes = forecast([*labels, 90], [*accuracy, np.nan], [*error, 0.1], everything=EVERYTHING)
    assert back == holes == forecast(labels, accuracy, error, everything=EVERYTHING)


def test_of_very_many_points_some_are_enough():
    labels = np.arange(10, 1000)
    many = forecast(labels, curve(labels), np.full(len(labels), 0.02), everything=EVERYTHING)
    assert len(labels) > 10 * MOST_POINTS
    assert many.labels.value == pytest.approx(really(), rel=0.35)
