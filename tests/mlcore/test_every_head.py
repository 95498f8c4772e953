"""What every head in the registry must do, before its author writes a test."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from mlcore.calibration import reliability
from mlcore.heads import REGISTRY

EXPORTABLE = [name for name, head in REGISTRY.items() if head.exportable]


@pytest.fixture(params=REGISTRY)
def head_type(request):
    return REGISTRY[request.param]


@pytest.fixture
def fitted(clusters, some_of_each):
    def fit(head_type, **made):
        data = clusters(**made)
        rows = some_of_each(data.truth, 6)
        head = head_type().fit(data.features[rows], data.truth[rows], data.n_classes, pool=data.features, seed=1)
        return head, data

    return fit


def test_learns_what_can_be_learnt(head_type, fitted):
    head, data = fitted(head_type)
    assert (head.predict_proba(data.features).argmax(axis=1) == data.truth).mean() > 0.95


def test_gives_probabilities(head_type, fitted):
    head, data = fitted(head_type)
    p = head.predict_proba(data.features)
    assert p.dtype == np.float32
    assert p.shape == (len(data.truth), data.n_classes)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-5)


def test_gives_the_same_for_the_same_seed(head_type, fitted):
    first, data = fitted(head_type)
    second, _ = fitted(head_type)
    np.testing.assert_array_equal(first.predict_proba(data.features), second.predict_proba(data.features))


def test_gives_a_class_without_a_label_no_chance(head_type, clusters, some_of_each):
    data = clusters()
    rows = some_of_each(data.truth, 6)
    head = head_type().fit(data.features[rows], data.truth[rows], data.n_classes + 2, pool=data.features)
    assert head.predict_proba(data.features)[:, data.n_classes :].max() < 1e-6


def test_works_from_one_label(head_type, clusters):
    data = clusters()
    head = head_type().fit(data.features[:1], data.truth[:1], data.n_classes, pool=data.features)
    assert (head.predict_proba(data.features).argmax(axis=1) == data.truth[0]).all()


def test_a_new_class_works_from_its_first_label(head_type, clusters, some_of_each):
    data = clusters(n_classes=4, spread=0.3)
    newcomer = data.truth == 3
    rows = np.concatenate([some_of_each(np.where(newcomer, 0, data.truth), 8), np.flatnonzero(newcomer)[:1]])
    rows = rows[~newcomer[rows] | (rows == np.flatnonzero(newcomer)[0])]
    head = head_type().fit(data.features[rows], data.truth[rows], 4, pool=data.features)
    others = np.flatnonzero(newcomer)[1:]
    assert (head.predict_proba(data.features[others]).argmax(axis=1) == 3).mean() > 0.9


def test_comes_back_whole_from_its_state(head_type, fitted):
    head, data = fitted(head_type)
    back = head_type.from_state(load(save(head.state())))
    np.testing.assert_allclose(back.predict_proba(data.features), head.predict_proba(data.features), atol=1e-6)


def test_a_head_of_an_earlier_version_comes_back(head_type, fitted):
    head, data = fitted(head_type)
    earlier = {name: array for name, array in head.state().items() if name != "temperature"}
    if head_type is REGISTRY["knn"]:
        earlier = {name: earlier[name] for name in ("features", "labels", "n_classes")}
    back = head_type.from_state(earlier)
    assert back.temperature_ == 1.0
    assert (back.predict_proba(data.features).argmax(axis=1) == data.truth).mean() > 0.95


def test_many_images_are_scored_as_few_are(head_type, fitted):
    head, data = fitted(head_type)
    many = np.concatenate([data.features] * 40)
    np.testing.assert_allclose(head.predict_proba(many)[-300:], head.predict_proba(data.features), atol=1e-6)


def test_a_carried_calibration_is_used_as_it_is(head_type, some_of_each, fitted):
    head, data = fitted(head_type)
    rows = some_of_each(data.truth, 7)
    again = head_type().fit(
        data.features[rows], data.truth[rows], data.n_classes, pool=data.features, calibration=head.calibration_
    )
    assert again.calibration_ == head.calibration_


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y: (x[:0], y[:0]), "at least one label"),
        (lambda x, y: (x[:-1], y), "features has"),
        (lambda x, y: (x, y + 9), "labels must be between"),
        (lambda x, y: (np.full_like(x, np.nan), y), "not finite"),
    ],
)
def test_refuses_what_cannot_be_learnt(head_type, change, sentence, clusters):
    data = clusters(n=20)
    with pytest.raises(ValueError, match=sentence):
        head_type().fit(*change(data.features, data.truth), data.n_classes)


def test_a_temperature_on_top_is_kept_and_changes_no_answer(head_type, fitted):
    head, data = fitted(head_type, spread=1.0)
    before = head.predict_proba(data.features)
    head.temperature_ = 1.7
    back = head_type.from_state(load(save(head.state())))
    np.testing.assert_allclose(back.predict_proba(data.features), head.predict_proba(data.features), atol=1e-6)
    np.testing.assert_allclose(back.untempered(data.features), before, atol=1e-6)
    np.testing.assert_array_equal(back.predict_proba(data.features).argmax(axis=1), before.argmax(axis=1))
    assert back.predict_proba(data.features).max(axis=1).mean() < before.max(axis=1).mean() - 0.01


def test_learns_how_sure_it_may_be(head_type, clusters):
    data = clusters(n=900, n_classes=4, spread=2.5, seed=6)
    head = head_type().fit(data.features[:300], data.truth[:300], 4, pool=data.features, seed=1)
    assert reliability(head.predict_proba(data.features[300:]).max(axis=1), _right(head, data)[300:]).ece.value < 0.1
    chosen = head.out_of_fold_[np.arange(300), data.truth[:300]]
    assert (chosen > 0).all()


def _right(head, data):
    return head.predict_proba(data.features).argmax(axis=1) == data.truth


@pytest.mark.parametrize("name", EXPORTABLE)
def test_is_the_mixture_of_matrices_that_it_says(name, fitted):
    head, data = fitted(REGISTRY[name], n_classes=5)
    head.temperature_ = 0.8
    form = head.to_linear()
    assert (form.kind, form.temperature) == ("mixture", 0.8)
    assert sum(part.weight for part in form.parts) == pytest.approx(1.0)
    total = np.zeros((len(data.truth), 5))
    for part in form.parts:
        logits = (data.features @ part.weights.T + part.bias) / part.temperature
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        total += part.weight * e / e.sum(axis=1, keepdims=True)
    total **= 1 / form.temperature
    total /= total.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(total, head.predict_proba(data.features), atol=1e-5)


def test_a_head_that_keeps_images_says_that_it_cannot_be_exported(fitted):
    head, _ = fitted(REGISTRY["knn"])
    with pytest.raises(ValueError, match="choose blend or logistic"):
        head.to_linear()
