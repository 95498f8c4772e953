"""Thirty audit labels make the model's confidence honest: the same on the page and in a bundle, and no answer changes."""

from __future__ import annotations

import numpy as np
import pytest

from annotator.delivery.export import _model
from annotator.labelling.models import Candidate
from annotator.learning import data
from annotator.learning.answers import answers
from annotator.learning.fit import fitted_head, head_of
from annotator.learning.judge import TEMPERATURE_LABELS
from annotator.learning.learn import learn
from annotator.learning.models import ModelVersion
from mlcore.evaluation import ppi_accuracy
from mlcore.heads import REGISTRY
from tests.learning.world import World


@pytest.fixture
def contradicted(world: World) -> World:
    """A model whose judges say something else about every third image: it cannot be as sure as it says."""
    world.say_some(30)
    for place, image in enumerate(world.audit()[:TEMPERATURE_LABELS]):
        wrong = next(label for label in world.labels if label != world.truth[image.pk])
        world.say(image, wrong if place % 3 == 0 else None)
    return world


def learnt(world: World) -> ModelVersion:
    version = learn(world.project.pk)
    assert version is not None
    return version


def test_with_fewer_confidence_is_as_the_labels_made_it(world: World) -> None:
    world.say_some(30)
    for image in world.audit()[: TEMPERATURE_LABELS - 1]:
        world.say(image)

    assert learnt(world).temperature == 1.0


def test_a_model_that_is_too_sure_becomes_less_so_and_answers_as_before(contradicted: World) -> None:
    version = learnt(contradicted)

    assert version.temperature > 1.2
    known = data.warm(contradicted.project)
    assert known is not None
    before, after = fitted_head(version).predict_proba(known.pool.z), head_of(version).predict_proba(known.pool.z)
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert after.max(axis=1).mean() < before.max(axis=1).mean()


def test_the_page_says_what_a_bundle_will_say(contradicted: World) -> None:
    version = learnt(contradicted)
    known = data.warm(contradicted.project)
    assert known is not None

    shipped = _model(version)
    head = REGISTRY[shipped["head_name"]].from_state(shipped["head_state"])
    waiting = list(Candidate.objects.filter(project=contradicted.project, is_audit=False))
    said = head.predict_proba(known.pool.z[known.pool.find([row.image_id for row in waiting])])

    assert len(waiting) > 50
    np.testing.assert_allclose([row.confidence for row in waiting], said.max(axis=1), atol=1e-4)
    place = [entry["id"] for entry in version.classes]
    assert [row.guess_id for row in waiting] == [place[best] for best in said.argmax(axis=1)]


def test_the_powered_estimate_owes_nothing_to_the_temperature(contradicted: World) -> None:
    version = learnt(contradicted)
    known = data.warm(contradicted.project)
    assert known is not None
    said = answers(contradicted.project, known)
    p = fitted_head(version).predict_proba(known.audit.z)
    marked = said.truth >= 0

    right = p[marked].argmax(axis=1) == said.truth[marked]
    expected = ppi_accuracy(right, p[marked].max(axis=1), p[~said.answered].max(axis=1))
    assert version.metrics["ppi"]["value"] == pytest.approx(expected.value)


def test_how_honest_it_is_is_told_with_what_is_not_known(contradicted: World) -> None:
    found = learnt(contradicted).metrics["reliability"]

    assert sum(one["count"] for one in found["bins"]) == TEMPERATURE_LABELS
    assert 0 <= found["ece"]["low"] <= found["ece"]["value"] <= found["ece"]["high"] <= 1
    assert found["gap"]["low"] < found["gap"]["value"] < found["gap"]["high"]


def test_another_audit_label_makes_the_temperature_anew_and_no_new_version(contradicted: World) -> None:
    before = learnt(contradicted)
    image = contradicted.audit()[TEMPERATURE_LABELS]
    contradicted.say(image, next(label for label in contradicted.labels if label != contradicted.truth[image.pk]))

    after = learnt(contradicted)

    assert after.pk == before.pk
    assert after.temperature > before.temperature
    assert bytes(after.weights or b"") == bytes(before.weights or b"")
