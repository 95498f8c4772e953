"""The committee of BALD fits the labels, and disagrees where there are none."""

import numpy as np

from mlcore.heads.base import softmax
from mlcore.strategies.bald import disagreement
from mlcore.strategies.committee import MEMBERS, committee


def votes(weights, bias, features):
    """(n, members, c) probabilities."""
    logits = np.einsum("nd,mcd->nmc", features, weights) + bias
    return softmax(logits.reshape(-1, logits.shape[2])).reshape(logits.shape)


def test_every_member_knows_what_it_was_taught(clusters):
    data = clusters(n=300, n_classes=4, spread=0.4)
    weights, bias = committee(data.features, data.truth, np.random.default_rng(0))
    assert weights.shape == (MEMBERS, 4, 24)
    said = votes(weights, bias, data.features).argmax(axis=2)
    assert ((said == data.truth[:, None]).mean(axis=0) > 0.9).all()


def test_members_disagree_most_where_nothing_was_labelled(clusters):
    data = clusters(n=200, n_classes=3, spread=0.3)
    weights, bias = committee(data.features, data.truth, np.random.default_rng(0))
    between = data.features[data.truth == 0].mean(axis=0) + data.features[data.truth == 1].mean(axis=0)
    nowhere = np.linalg.svd(data.features)[2][-1]
    there, away = (disagreement(votes(weights, bias, row[None] / np.linalg.norm(row)))[0] for row in (between, nowhere))
    known = disagreement(votes(weights, bias, data.features)).mean()
    assert known < there
    assert known < 0.5 * away


def test_more_labels_make_a_committee_agree(clusters):
    data = clusters(n=900, n_classes=3, spread=0.8)

    def doubt(labels: int) -> float:
        taught = committee(data.features[:labels], data.truth[:labels], np.random.default_rng(0))
        return disagreement(votes(*taught, data.features[800:])).mean()

    assert doubt(800) < doubt(20)


def test_one_class_leaves_nothing_to_disagree_about(clusters):
    data = clusters(n=30)
    weights, bias = committee(data.features, np.full(30, 2), np.random.default_rng(0))
    assert (disagreement(votes(weights, bias, data.features)) == 0).all()
