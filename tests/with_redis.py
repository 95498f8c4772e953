"""The application of the test process on a real Redis: events, flags, and Celery messages that can be looked at."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery.app.amqp import AMQP
from kombu import pools
from pytest_django import Settings
from redis import Redis

from annotator.config.celery import app
from annotator.jobs import bus


@pytest.fixture
def live_redis(redis_url: str, settings: Settings) -> Iterator[Redis]:
    """An empty Redis that everything in this process uses until the test ends."""
    settings.REDIS_URL = redis_url
    connect(redis_url)
    client = bus.connection()
    client.flushall()
    yield client
    client.flushall()
    connect(None)


def connect(url: str | None) -> None:
    """Point this process at another Redis (None: at none)."""
    bus.connection.cache_clear()
    app.conf.broker_url = (url or "unix:///nowhere/redis.sock").replace("unix://", "redis+socket://", 1)
    app._pool = None
    pools.reset()
    app.amqp = AMQP(app)


def messages(client: Redis, queue: str) -> list[tuple[str, list[Any]]]:
    """(task, arguments) of what waits in a queue, oldest first."""
    found: list[tuple[str, list[Any]]] = []
    for text in reversed(client.lrange(queue, 0, -1)):
        message = json.loads(text)
        body = json.loads(base64.b64decode(message["body"]))
        found.append((message["headers"]["task"], body[0]))
    return found
