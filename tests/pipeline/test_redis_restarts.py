"""Redis stops in the middle of labelling: every answer is saved, and what could not be sent is sent once it is back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from annotator import pipeline
from annotator.jobs import bus
from annotator.labelling.models import Standing
from annotator.learning.learn import learn
from tests.learning.world import World
from tests.servers import RedisServer
from tests.with_redis import connect, messages


@pytest.fixture
def redis(redis_server: RedisServer, settings: Settings) -> Iterator[RedisServer]:
    """A Redis that can be stopped."""
    settings.REDIS_URL = redis_server.url
    connect(redis_server.url)
    yield redis_server
    connect(None)


def answer(world: World, capture: DjangoCaptureOnCommitCallbacks) -> None:
    """As the view does: an answer, then the next step of the loop."""
    with capture(execute=True):
        world.say_some(1)
        pipeline.annotation_made(world.project.pk)


def test_no_answer_is_lost_and_the_turn_is_made_up_for(
    world: World, redis: RedisServer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    answer(world, django_capture_on_commit_callbacks)
    redis.stop()
    for _ in range(3):
        answer(world, django_capture_on_commit_callbacks)
    version = learn(world.project.pk)
    assert version is not None and version.label_count == 4

    answer(world, django_capture_on_commit_callbacks)
    redis.start()
    bus.connection().flushall()
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.sweep()

    assert Standing.objects.filter(project=world.project).count() == 5
    assert messages(bus.connection(), "learn") == [("learning.learn", [world.project.pk])]


def test_sending_works_again_after_the_restart(
    world: World, redis: RedisServer, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    answer(world, django_capture_on_commit_callbacks)
    redis.stop()
    redis.start()
    bus.connection().flushall()

    answer(world, django_capture_on_commit_callbacks)

    assert messages(bus.connection(), "learn") == [("learning.learn", [world.project.pk])]
