"""What a project may choose is what the core offers, and every choice makes a turn."""

from __future__ import annotations

import pytest

from annotator.labelling.models import Candidate
from annotator.learning.learn import learn
from annotator.projects.choices import BACKBONES, HEADS, STRATEGIES
from mlcore import backbones, heads, strategies
from tests.learning.world import World


def test_the_names_are_those_of_the_registries() -> None:
    assert tuple(strategies.REGISTRY) == STRATEGIES
    assert tuple(heads.REGISTRY) == HEADS
    assert tuple(backbones.REGISTRY) == BACKBONES


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_makes_a_queue_with_reasons(strategy: str, world: World) -> None:
    world.project.strategy = strategy
    world.project.save()
    learn(world.project.pk)
    assert Candidate.objects.filter(is_audit=False).count() > 100

    world.say_some(12)
    learn(world.project.pk)

    rows = Candidate.objects.filter(is_audit=False)
    assert rows.count() == len(world.pool()) - 12
    assert not rows.filter(reason_text="").exists()


@pytest.mark.parametrize("head", HEADS)
def test_every_head_makes_a_model(head: str, world: World) -> None:
    world.project.head = head
    world.project.save()
    world.say_some(12)
    for image in world.audit()[:12]:
        world.say(image)

    version = learn(world.project.pk)

    assert version is not None and version.head == head
    assert version.accuracy is not None and version.accuracy > 0.6
