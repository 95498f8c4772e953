"""Which workers are alive: each says so every few seconds, and sees to it that the sweep runs.

The times are Redis's own, so the clocks of the machines do not matter. A worker says it from a thread of its main
process, so a long job does not make it look dead.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from annotator.config.celery import app
from annotator.jobs import bus

log = logging.getLogger(__name__)

QUEUES = ("learn", "bulk", "train")
SEEN = f"{bus.PREFIX}:workers"
BEAT_SECONDS = 3.0
# Silent for longer than this, a worker counts as gone; long after, it is forgotten.
GONE_SECONDS = 12
FORGOTTEN_SECONDS = 3600

_over = threading.Event()


@dataclass(frozen=True)
class Worker:
    """One Celery worker, by its name `queue-queue@host`."""

    name: str
    queues: tuple[str, ...]
    alive: bool


def workers() -> list[Worker]:
    """The workers seen within the last hour. Raises redis.exceptions.RedisError when Redis is away."""
    pipeline = bus.connection().pipeline(transaction=False)
    pipeline.time()
    pipeline.zrange(SEEN, 0, -1, withscores=True)
    (now, _), seen = pipeline.execute()
    return sorted(
        (Worker(name, tuple(name.partition("@")[0].split("-")), now - at <= GONE_SECONDS) for name, at in seen),
        key=lambda worker: worker.name,
    )


def queues_served(found: list[Worker]) -> dict[str, bool]:
    """For each queue, whether a living worker takes its work."""
    served = {queue for worker in found if worker.alive for queue in worker.queues}
    return {queue: queue in served for queue in QUEUES}


@worker_ready.connect
def _begin(sender: Any, **_: Any) -> None:
    _over.clear()
    threading.Thread(target=_beat, args=(sender.hostname,), name="alive", daemon=True).start()


@worker_shutting_down.connect
def _finish(sender: Any, **_: Any) -> None:
    _over.set()
    try:
        bus.connection().zrem(SEEN, sender)
    except RedisError as error:
        log.info("could not say goodbye: %s", error)


def _beat(name: str) -> None:
    while True:
        try:
            now, _ = bus.connection().time()
            bus.connection().zadd(SEEN, {name: now})
            bus.connection().zremrangebyscore(SEEN, 0, now - FORGOTTEN_SECONDS)
            # Of any number of workers one at a time gets the flag; a sweep that waited too long is dropped.
            if bus.raise_flag("sweep", seconds=settings.SWEEP_SECONDS):
                app.tasks["pipeline.sweep"].apply_async(expires=settings.SWEEP_SECONDS, retry=False)
        except (RedisError, OperationalError) as error:
            log.info("Redis is away: %s", error)
        if _over.wait(BEAT_SECONDS):
            return
