"""What happens is told at once: `publish` from anywhere, one subscription a process shared by all open streams.

Each listener follows topics: projects, by their numbers, or a device, by `device_topic`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from annotator.jobs import bus

log = logging.getLogger(__name__)

CHANNEL = f"{bus.PREFIX}:events:"
RETRY_SECONDS = 1.0
# A page that reads slower than this many events behind loses the oldest; each event tells a whole state.
BACKLOG = 200


@dataclass(frozen=True)
class Event:
    """One thing that happened. `type` is model, queue, progress, job, device, deployment or alert; look for a device.

    `missed` comes after a gap: ask for the state again.
    """

    type: str
    data: dict[str, Any] = field(default_factory=dict)

    def encode(self) -> str:
        """As a server-sent event."""
        return f"event: {self.type}\ndata: {json.dumps(self.data, separators=(',', ':'))}\n\n"


MISSED = Event("missed")


def device_topic(device_id: UUID) -> str:
    """What a device listens to."""
    return f"device:{device_id}"


def publish(topic: int | str, type: str, data: dict[str, Any]) -> bool:
    """Tell every open page of the project, or the device. False, and a line in the log, when Redis is away; never raises."""
    try:
        bus.connection().publish(f"{CHANNEL}{topic}", json.dumps({"type": type, "data": data}))
    except RedisError as error:
        log.warning("the event %s of %s was not told: %s", type, topic, error)
        return False
    return True


class Hub:
    """All streams of one event loop, fed by one Redis subscription that lives while anybody listens."""

    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[Event]]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._hears = False

    @asynccontextmanager
    async def listen(self, *topics: int | str) -> AsyncIterator[asyncio.Queue[Event]]:
        """A queue that fills with the topics' events until the block ends; MISSED comes first, once nothing is missed."""
        queue: asyncio.Queue[Event] = asyncio.Queue(BACKLOG)
        keys = [str(topic) for topic in topics]
        for key in keys:
            self._queues[key].add(queue)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        elif self._hears:
            _put(queue, MISSED)
        try:
            yield queue
        finally:
            for key in keys:
                self._queues[key].discard(queue)
                if not self._queues[key]:
                    del self._queues[key]
            if not self._queues and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    async def _read(self) -> None:
        while True:
            client = bus.listener()
            try:
                async with client.pubsub() as subscription:
                    await subscription.psubscribe(f"{CHANNEL}*")
                    self._hears = True
                    # Whatever happened before this moment may have gone unheard.
                    for queues in self._queues.values():
                        for queue in queues:
                            _put(queue, MISSED)
                    async for message in subscription.listen():
                        if message["type"] == "pmessage":
                            self._hand_out(message["channel"], message["data"])
            except RedisError as error:
                log.info("event streams wait for Redis: %s", error)
            finally:
                self._hears = False
                await client.aclose()
            await asyncio.sleep(RETRY_SECONDS)

    def _hand_out(self, channel: str, text: str) -> None:
        queues = self._queues.get(channel.removeprefix(CHANNEL))
        if queues:
            event = Event(**json.loads(text))
            for queue in queues:
                _put(queue, event)


def _put(queue: asyncio.Queue[Event], event: Event) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
