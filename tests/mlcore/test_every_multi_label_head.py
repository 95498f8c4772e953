"""What every head must do for which an image may be of several classes at once, or of none."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from mlcore.heads import MULTI_LABEL
from mlcore.heads.multilabel import NO, UNKNOWN, YES


@pytest.fixture(params=MULTI_LABEL)
def head_type(request):
    return MULTI_LABEL[request.param]


@pytest.fixture
def scenes():
    """(features (300, 32), answers (300, 4)): unit vectors that point to every class that is there; the last is rare."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 32))
    answers = (rng.random((300, 4)) < [0.6, 0.5, 0.3, 0.08]).astype(np.int8)
    features = answers @ centres + rng.normal(scale=1.2, size=(300, 32))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), answers


def test_learns_each_class_for_itself(head_type, scenes):
    features, answers = scenes
    head = head_type().fit(features[:200], answers[:200], seed=1)
    assert (head.decide(features[200:]) == answers[200:]).mean(axis=0).min() > 0.8


def test_gives_a_probability_for_each_class_alone(head_type, scenes):
    features, answers = scenes
    p = head_type().fit(features[:100], answers[:100]).predict_proba(features)
    assert p.dtype == np.float32
    assert p.shape == (300, 4)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.sum(axis=1).max() > 1.2
    assert p.sum(axis=1).min() < 0.9


def test_what_nobody_said_teaches_nothing(head_type, scenes):
    features, answers = scenes
    known = answers[:120].copy()
    known[60:, 2] = UNKNOWN
    head = head_type().fit(features[:120], known, calibration=_plain(4))
    alone = head_type().fit(features[:60], answers[:60], calibration=_plain(4))
    np.testing.assert_allclose(head.predict_proba(features)[:, 2], alone.predict_proba(features)[:, 2], atol=0.02)


def test_a_class_that_was_only_seen_is_likely_and_one_without_an_answer_is_not(head_type, scenes):
    features, answers = scenes
    said = np.full((40, 3), UNKNOWN, np.int8)
    said[:, 0] = answers[:40, 0]
    said[:, 1] = YES
    p = head_type().fit(features[:40], said).predict_proba(features)
    assert np.isfinite(p).all()
    assert p[:, 1].min() > 0.5
    assert p[:, 2].max() < 1e-6


def test_works_from_one_answer(head_type, scenes):
    features, _ = scenes
    p = head_type().fit(features[:1], np.array([[YES, NO]], np.int8)).predict_proba(features[:1])
    assert p[0, 0] > 0.5 > p[0, 1]


def test_thresholds_find_a_rare_class_more_often_than_one_half_does(head_type, scenes):
    features, answers = scenes
    head = head_type().fit(features, answers)
    threshold = head.calibration_["thresholds"][3]
    assert 0.1 <= threshold <= 0.9
    assert head.calibration_["f1"][3] is not None


def test_comes_back_whole_from_its_state(head_type, scenes):
    features, answers = scenes
    head = head_type().fit(features[:80], answers[:80])
    back = head_type.from_state(load(save(head.state())))
    np.testing.assert_allclose(back.predict_proba(features), head.predict_proba(features), atol=1e-6)
    np.testing.assert_array_equal(back.decide(features), head.decide(features))


def test_gives_the_same_for_the_same_seed(head_type, scenes):
    features, answers = scenes
    first, second = (head_type().fit(features[:80], answers[:80], seed=3).predict_proba(features) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_is_the_matrix_that_it_says(head_type, scenes):
    features, answers = scenes
    head = head_type().fit(features[:80], answers[:80])
    form = head.to_linear()
    assert form.kind == "sigmoid"
    (part,) = form.parts
    logits = features @ part.weights.T + part.bias
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), head.predict_proba(features), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y: (x, np.full_like(y, UNKNOWN)), "at least one answer"),
        (lambda x, y: (x[:-1], y), "expected"),
        (lambda x, y: (x, y + 7), "must be 1"),
        (lambda x, y: (np.full_like(x, np.nan), y), "not finite"),
    ],
)
def test_refuses_what_cannot_be_learnt(head_type, change, sentence, scenes):
    with pytest.raises(ValueError, match=sentence):
        head_type().fit(*change(*scenes))


def _plain(classes):
    return {"temperatures": [1.0] * classes, "thresholds": [0.5] * classes, "f1": [None] * classes}
