"""The way to Redis: one pooled connection a process, quick to give up, for events, short flags and task messages."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from functools import cache
from typing import Any, Self
from uuid import uuid4

import redis
import redis.asyncio
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import LockError, NoScriptError, RedisError
from redis.retry import Retry

from annotator.config.celery import app
from annotator.jobs import line
from annotator.jobs.envelope import seal

log = logging.getLogger(__name__)

# A request must not wait for a Redis that hangs: what is lost here is made good by the sweep.
PATIENCE = 1.0
PREFIX = "annotator"
# An answer that nobody fetches is forgotten after so long.
ANSWER_SECONDS = 30
# Raises a flag and sends a message, or, where the flag is up already, does neither.
SEND = """
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
    redis.call('LPUSH', KEYS[2], ARGV[2])
end
"""
SEND_SHA = hashlib.sha1(SEND.encode(), usedforsecurity=False).hexdigest()


@cache
def connection() -> redis.Redis:
    """The pooled connection. Its commands raise redis.exceptions.RedisError within about a second when Redis is away."""
    client: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, decode_responses=True, retry=Retry(NoBackoff(), 1),
    )
    return client


def listener() -> redis.asyncio.Redis:
    """A connection for the event loop that asks, which closes it; it waits for messages without end."""
    client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=PATIENCE, decode_responses=True, retry=AsyncRetry(NoBackoff(), 0)
    )
    return client


def raise_flag(name: str, *, seconds: int) -> bool | None:
    """True when the flag was down and is up now, False when it was up already, None when Redis is away."""
    try:
        return bool(connection().set(f"{PREFIX}:{name}", "1", nx=True, ex=seconds))
    except RedisError as error:
        log.warning("Redis is away, so %s waits for the sweep: %s", name, error)
        return None


def lower_flag(name: str) -> None:
    """Take the flag down; without Redis there is none."""
    try:
        connection().delete(f"{PREFIX}:{name}")
    except RedisError as error:
        log.warning("Redis is away, so the flag %s ends by itself: %s", name, error)


def is_raised(name: str) -> bool:
    """Whether the flag is up; without Redis it is not."""
    try:
        return bool(connection().exists(f"{PREFIX}:{name}"))
    except RedisError as error:
        log.warning("Redis is away, so the flag %s was not seen: %s", name, error)
        return False


class Lock:
    """Held by one process of all machines; a holder that dies loses it within SECONDS, a living one keeps it.

    `if lock.take(): with lock: ...`. `take` raises redis.exceptions.RedisError when Redis is away.
    """

    SECONDS = 15

    def __init__(self, name: str) -> None:
        self._lock = connection().lock(f"{PREFIX}:lock:{name}", timeout=self.SECONDS, thread_local=False)
        self._over = threading.Event()

    def take(self) -> bool:
        """True when it was free and is this process's now. Does not wait."""
        return bool(self._lock.acquire(blocking=False))

    def __enter__(self) -> Self:
        threading.Thread(target=self._keep, name="lock", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        try:
            self._lock.release()
        except (LockError, RedisError) as error:
            log.warning("a lock ended by itself: %s", error)

    def _keep(self) -> None:
        while not self._over.wait(self.SECONDS / 3):
            try:
                self._lock.reacquire()
            except (LockError, RedisError) as error:
                log.warning("a lock could not be kept: %s", error)


def send_once(task: str, *arguments: str | int, flag: str, seconds: int) -> bool:
    """Send a Celery task unless its flag says that one is on its way. False when Redis is away; never raises for that."""
    queue, message = seal(task, *arguments)
    words = (2, f"{PREFIX}:{flag}", queue, seconds, message)
    try:
        try:
            line.ask(connection(), "EVALSHA", SEND_SHA, *words)
        except NoScriptError:
            line.ask(connection(), "EVAL", SEND, *words)
    except RedisError as error:
        log.warning("Redis is away, so %s waits for the sweep: %s", task, error)
        return False
    return True


def ask(task: str, *arguments: Any, patience: float) -> Any:
    """What a worker answers to a question, see `answer`; None when none has within `patience` seconds.

    The question is dropped when it was not taken up by then. Raises RedisError when Redis is away.
    """
    name = f"{PREFIX}:answer:{uuid4()}"
    try:
        app.send_task(task, args=[*arguments, name], expires=patience, retry=False, ignore_result=True)
    except OperationalError as error:
        raise redis.exceptions.ConnectionError(str(error)) from error
    end = time.monotonic() + patience
    while (left := end - time.monotonic()) > 0:
        # Shorter than the connection's own patience, which would otherwise end the wait as an error.
        found = connection().blpop([name], timeout=min(left, PATIENCE / 2))
        if found:
            return json.loads(found[1])
    return None


def answer(name: str, value: Any) -> None:
    """Answer a question whose asker waits under that name; should nobody wait any more, it is forgotten."""
    pipeline = connection().pipeline()
    pipeline.rpush(name, json.dumps(value))
    pipeline.expire(name, ANSWER_SECONDS)
    pipeline.execute()
