"""Several workers may serve the learn queue: one at a time learns a project, and nothing that comes meanwhile is lost."""

from __future__ import annotations

from time import sleep
from unittest import mock

import pytest
from redis import Redis
from redis.exceptions import RedisError

from annotator import pipeline
from annotator.jobs import bus
from annotator.learning.models import ModelVersion, Ranking
from annotator.learning.tasks import learn
from tests.learning.world import World
from tests.with_redis import messages


def test_the_task_makes_a_turn(world: World, live_redis: Redis) -> None:
    world.say_some(3)

    learn(world.project.pk)

    assert ModelVersion.objects.get().label_count == 3
    assert Ranking.objects.get().candidates > 0


def test_a_label_during_a_turn_makes_another_request(world: World, live_redis: Redis) -> None:
    def turn(project: int) -> None:
        pipeline._learn(project)

    pipeline._learn(world.project.pk)
    with mock.patch("annotator.learning.learn.learn", turn):
        learn(world.project.pk)

    assert len(messages(live_redis, "learn")) == 2


def test_a_second_worker_leaves_its_turn_to_the_first(world: World, live_redis: Redis) -> None:
    turns = 0

    def turn(project: int) -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            # Another worker takes up a second request meanwhile.
            learn(project)
            assert turns == 1

    with mock.patch("annotator.learning.learn.learn", turn):
        learn(world.project.pk)

    assert turns == 2


def test_a_turn_that_fails_lets_go_of_the_project(world: World, live_redis: Redis) -> None:
    with mock.patch("annotator.learning.learn.learn", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        learn(world.project.pk)

    assert bus.Lock(f"learning:{world.project.pk}").take()


def test_a_dead_holder_loses_the_lock(live_redis: Redis) -> None:
    assert bus.Lock("learning:1").take()
    assert not bus.Lock("learning:1").take()

    assert 0 < live_redis.ttl(f"{bus.PREFIX}:lock:learning:1") <= bus.Lock.SECONDS


def test_a_living_holder_keeps_it(live_redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus.Lock, "SECONDS", 1)
    lock = bus.Lock("learning:1")
    assert lock.take()
    with lock:
        for _ in range(15):
            assert not bus.Lock("learning:1").take()
            sleep(0.1)
    assert bus.Lock("learning:1").take()


def test_other_projects_are_not_held_up(world: World, live_redis: Redis) -> None:
    assert bus.Lock("learning:999999").take()

    learn(world.project.pk)

    assert Ranking.objects.filter(project=world.project).exists()


def test_without_redis_flags_are_down_and_locks_are_an_error() -> None:
    assert bus.raise_flag("x", seconds=1) is None
    assert not bus.is_raised("x")
    bus.lower_flag("x")
    with pytest.raises(RedisError):
        bus.Lock("x").take()
