"""Every image in the queue comes with the reason it is there."""

import numpy as np

from mlcore.reasons import explain
from mlcore.types import Pool


def pool(features, labels, probabilities, n_classes=3):
    features = np.asarray(features, np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    n = len(features)
    p = None if probabilities is None else np.asarray(probabilities, np.float32)
    return Pool(features, p, np.asarray(labels, np.int64), np.zeros(n, bool), np.zeros(n, bool), n_classes)


LABELLED = [[1, 0, 0], [1, 0.5, 0], [1, 1, 0], [0.5, 1, 0]]


def test_far_from_every_label_is_unlike_them():
    p = pool([*LABELLED, [0, 0, 1], [1, 0.4, 0.1]], [0, 0, 1, 1, -1, -1], [[0.4, 0.35, 0.25]] * 6)
    far, near = explain(p, np.array([4, 5]), "uherding")
    assert (far.code, far.classes) == ("unlike", ())
    assert far.value > 0.9
    assert near.code == "torn"


def test_a_sure_guess_far_from_every_label_is_not_called_torn():
    """It was chosen because it stands for others, not because the model doubts it."""
    near, nearer, far = [1, 0.4, 0.1], [1, 0.4, 0.05], [0.2, 0.2, 1]
    p = pool([*LABELLED, near, nearer, far], [0, 0, 1, 1, -1, -1, -1], [[0.4, 0.35, 0.25]] * 6 + [[0.98, 0.01, 0.01]])
    (reason,) = explain(p, np.array([6]), "auto")
    assert reason.code == "unlike"


def test_a_close_call_is_torn_between_its_two_likeliest_classes():
    p = pool([*LABELLED, [1, 0.4, 0.1]], [0, 0, 1, 1, -1], [[0, 0, 1]] * 4 + [[0.1, 0.48, 0.42]])
    (reason,) = explain(p, np.array([4]), "margin")
    assert (reason.code, reason.classes) == ("torn", (1, 2))
    assert np.isclose(reason.value, 0.06)


def test_what_may_be_of_a_rare_class_says_so():
    features = [[1, 0.02 * i, 0] for i in range(9)] + [[0, 1, 0], [0.05, 1, 0]]
    p = pool(features, [0] * 9 + [1, -1], [[0.2, 0.7, 0.1]] * 11)
    (reason,) = explain(p, np.array([10]), "auto")
    assert (reason.code, reason.classes) == ("rare_class", (1,))


def test_chance_needs_no_reason():
    p = pool(LABELLED, [0, 0, -1, -1], [[1, 0, 0]] * 4)
    assert {r.code for r in explain(p, np.array([2, 3]), "random")} == {"random"}


def test_coverage_strategies_speak_of_likeness_only():
    p = pool(LABELLED, [0, 1, -1, -1], [[0.5, 0.5, 0]] * 4)
    assert {r.code for r in explain(p, np.array([2, 3]), "maxherding")} == {"unlike"}


def test_before_any_label_the_start_is_the_reason():
    p = pool(LABELLED, [-1] * 4, None)
    assert {r.code for r in explain(p, np.array([0, 1]), "auto")} == {"cold_start"}


def test_an_empty_queue_has_no_reasons():
    p = pool(LABELLED, [0, 0, 1, 1], [[1, 0, 0]] * 4)
    assert explain(p, np.zeros(0, np.int64), "auto") == []


def test_bald_names_the_classes_that_models_disagree_about():
    p = pool([*LABELLED, [1, 0.4, 0.1]], [0, 0, 1, 1, -1], [[0, 0, 1]] * 4 + [[0.1, 0.48, 0.42]])
    (reason,) = explain(p, np.array([4]), "bald")
    assert (reason.code, reason.classes) == ("disputed", (1, 2))


def test_reconstruction_names_the_class_whose_images_it_does_not_look_like():
    p = pool([*LABELLED, [0, 0.2, 1]], [0, 0, 1, 1, -1], [[0, 0, 1]] * 4 + [[0.1, 0.7, 0.2]])
    (reason,) = explain(p, np.array([4]), "reconstruction")
    assert (reason.code, reason.classes) == ("odd", (1,))


def test_covering_by_balls_speaks_of_likeness_only():
    p = pool(LABELLED, [0, 1, -1, -1], [[0.5, 0.5, 0]] * 4)
    assert {r.code for r in explain(p, np.array([2, 3]), "probcover")} == {"unlike"}
