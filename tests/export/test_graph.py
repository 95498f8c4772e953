"""The graph that is shipped says what projection and head say."""

import numpy as np
import pytest
import torch

from mlcore.convert import Classifier
from mlcore.edge.postprocess import softmax
from mlcore.heads import REGISTRY
from mlcore.heads.base import LinearForm, LinearPart
from mlcore.projection import Projection

EXPORTABLE = sorted(name for name, head in REGISTRY.items() if head.exportable)


class Handed(torch.nn.Module):
    """A backbone that is given its features."""

    def forward(self, x):
        return x


class Given:
    """A head that is nothing but its linear form."""

    def __init__(self, parts):
        self.parts = parts

    def to_linear(self):
        return LinearForm(self.parts)


def pooled_features(n=90, dim=40, n_classes=4, seed=0):
    """Non-negative features around one centre a class, some of them zero as after a ReLU."""
    random = np.random.default_rng(seed)
    truth = np.arange(n) % n_classes
    centres = random.gamma(1.0, size=(n_classes, dim))
    return np.maximum(centres[truth] + random.normal(0, 0.7, (n, dim)), 0).astype(np.float32), truth


def answers(head, projection, pooled):
    classifier = Classifier(Handed(), projection.state(), head.to_linear())
    with torch.inference_mode():
        logits, features = classifier(torch.from_numpy(pooled))
    return softmax(logits.numpy()), features.numpy()


@pytest.mark.parametrize("name", EXPORTABLE)
@pytest.mark.parametrize("labels", [5, 20, 60])
def test_softmax_of_the_logits_is_the_head_s_probability(name, labels):
    pooled, truth = pooled_features()
    projection = Projection().fit(pooled)
    features = projection.transform(pooled)
    head = REGISTRY[name]().fit(features[:labels], truth[:labels], 4, pool=features)
    probabilities, shipped = answers(head, projection, pooled)
    assert np.abs(probabilities - head.predict_proba(features)).max() < 1e-5
    assert np.abs(shipped - features).max() < 1e-5


def test_parts_count_by_their_weight_at_their_temperature():
    pooled, _ = pooled_features()
    projection = Projection().fit(pooled)
    features = projection.transform(pooled)
    random = np.random.default_rng(1)
    parts = tuple(
        LinearPart(weight, random.normal(size=(3, features.shape[1])), random.normal(size=3), temperature)
        for weight, temperature in ((0.75, 0.4), (0.25, 2.5), (0.0, 1.0))
    )
    expected = sum(part.weight * softmax((features @ part.weights.T + part.bias) / part.temperature) for part in parts)
    probabilities, _ = answers(Given(parts), projection, pooled)
    assert np.abs(probabilities - expected).max() < 1e-5


@pytest.mark.parametrize("temperature", [0.4, 2.5])
def test_a_temperature_from_audit_labels_leaves_with_the_head(temperature):
    pooled, truth = pooled_features()
    projection = Projection().fit(pooled)
    features = projection.transform(pooled)
    head = REGISTRY["blend"]().fit(features[:40], truth[:40], 6, pool=features)
    head.temperature_ = temperature
    probabilities, _ = answers(head, projection, pooled)
    assert np.abs(probabilities - head.predict_proba(features)).max() < 1e-5


@pytest.mark.parametrize("name", EXPORTABLE)
def test_a_class_without_a_label_stays_impossible_and_finite(name):
    pooled, truth = pooled_features()
    projection = Projection().fit(pooled)
    features = projection.transform(pooled)
    head = REGISTRY[name]().fit(features[:20], truth[:20], 6)
    probabilities, _ = answers(head, projection, pooled)
    assert probabilities.shape == (90, 6)
    assert np.isfinite(probabilities).all()
    assert probabilities[:, 4:].max() < 1e-6


@pytest.mark.parametrize("name", EXPORTABLE)
def test_one_label_alone_can_be_shipped(name):
    pooled, truth = pooled_features()
    projection = Projection().fit(pooled)
    head = REGISTRY[name]().fit(projection.transform(pooled)[:1], truth[:1], 2)
    probabilities, _ = answers(head, projection, pooled)
    assert probabilities[:, truth[0]].min() > 0.99


def test_a_picture_without_any_feature_gets_an_answer():
    pooled, truth = pooled_features()
    projection = Projection().fit(pooled)
    head = REGISTRY["blend"]().fit(projection.transform(pooled), truth, 4)
    probabilities, _ = answers(head, projection, np.zeros((1, 40), np.float32))
    assert np.isfinite(probabilities).all()
