"""The default head learns from held-out labels how far to trust each of its two parts."""

import numpy as np
import pytest

from mlcore.evaluation import ece
from mlcore.heads import REGISTRY
from mlcore.heads.blend import Blend


def test_trusts_both_parts_alike_while_labels_are_few(clusters, some_of_each):
    data = clusters()
    rows = some_of_each(data.truth, 3)
    calibration = Blend().calibrate(data.features[rows], data.truth[rows], data.n_classes)
    assert calibration == {"temperatures": [1.0, 1.0], "weights": [0.5, 0.5], "labels": 12, "accuracy": None}


def test_holds_out_every_label_of_a_class_that_has_two(clusters, some_of_each):
    data = clusters(n_classes=3)
    rows = some_of_each(data.truth, 8)
    lone = np.flatnonzero(data.truth == 2)[:1]
    rows = np.concatenate([rows[data.truth[rows] != 2], lone])
    head = Blend()
    calibration = head.calibrate(data.features[rows], data.truth[rows], 3)
    assert calibration["accuracy"] > 0.9
    held_out = np.isfinite(head.out_of_fold_).all(axis=1)
    assert held_out[:-1].all()
    assert not held_out[-1]
    np.testing.assert_allclose(head.out_of_fold_[:-1].sum(axis=1), 1.0, atol=1e-5)


def test_turns_from_prototypes_where_a_class_has_many_looks(clusters):
    """Nine clusters out of twelve share one label: their mean stands for none of them."""
    data = clusters(n=1500, n_classes=12, dim=64, spread=2.0, seed=2)
    rows = np.random.default_rng(0).choice(1500, 200, replace=False)
    x, one_look = data.features, data.truth
    many_looks = np.maximum(one_look - 9, 0)
    assert Blend().calibrate(x[rows], one_look[rows], 12, x)["weights"] == [0.0, 1.0]
    assert Blend().calibrate(x[rows], many_looks[rows], 12, x)["weights"] == [1.0, 0.0]


def test_temperature_makes_confidence_honest(clusters):
    data = clusters(n=2000, n_classes=5, spread=3.0, seed=4)
    rows = np.random.default_rng(1).choice(2000, 150, replace=False)
    rest = np.setdiff1d(np.arange(2000), rows)
    x, y = data.features, data.truth
    learnt = Blend().fit(x[rows], y[rows], 5, pool=x)
    taken_as_it_is = Blend().fit(
        x[rows],
        y[rows],
        5,
        pool=x,
        calibration={"temperatures": [1.0, 1.0], "weights": [1.0, 0.0], "labels": 150, "accuracy": None},
    )
    assert ece(learnt.predict_proba(x[rest]), y[rest]) < ece(taken_as_it_is.predict_proba(x[rest]), y[rest]) / 2


@pytest.mark.parametrize("labels_per_class", [1, 2, 5, 40])
def test_is_at_least_as_good_as_the_worse_of_its_parts(labels_per_class, clusters, some_of_each):
    data = clusters(n=800, n_classes=6, spread=1.5, seed=5)
    rows = some_of_each(data.truth, labels_per_class)
    rest = np.setdiff1d(np.arange(800), rows)

    def score(name):
        head = REGISTRY[name]().fit(data.features[rows], data.truth[rows], 6, pool=data.features)
        return (head.predict_proba(data.features[rest]).argmax(axis=1) == data.truth[rest]).mean()

    assert score("blend") >= min(score("logistic"), score("prototype")) - 0.01
