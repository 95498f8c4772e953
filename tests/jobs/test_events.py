"""What happens is told to every stream of the process, and an absent Redis is survived."""

from __future__ import annotations

import asyncio
from typing import Any

from pytest_django import Settings
from redis import Redis

from annotator.jobs import events
from annotator.jobs.events import MISSED, Event, Hub, publish
from tests.servers import RedisServer
from tests.with_redis import connect

SOON = 20.0


async def heard(queue: asyncio.Queue[Event]) -> Event:
    return await asyncio.wait_for(queue.get(), SOON)


async def tell(project: int, number: int) -> bool:
    return await asyncio.to_thread(publish, project, "queue", {"candidates": number})


def test_a_stream_hears_its_project_and_no_other(live_redis: Redis) -> None:
    async def scene() -> Any:
        async with Hub().listen(1) as queue:
            first = await heard(queue)
            await tell(2, 99)
            await tell(1, 5)
            return first, await heard(queue), queue.empty()

    assert asyncio.run(scene()) == (MISSED, Event("queue", {"candidates": 5}), True)


def test_many_streams_share_one_subscription(live_redis: Redis) -> None:
    async def scene() -> Any:
        hub = Hub()
        async with hub.listen(1) as a, hub.listen(1) as b, hub.listen(2) as c:
            for queue in (a, b, c):
                assert await heard(queue) == MISSED
            subscribers = live_redis.pubsub_numpat()
            await tell(1, 7)
            return subscribers, await heard(a), await heard(b), c.empty()

    event = Event("queue", {"candidates": 7})
    assert asyncio.run(scene()) == (1, event, event, True)


def test_the_subscription_ends_with_the_last_stream(live_redis: Redis) -> None:
    async def scene() -> int:
        hub = Hub()
        async with hub.listen(1) as queue:
            await heard(queue)
        for _ in range(200):
            if live_redis.pubsub_numpat() == 0:
                break
            await asyncio.sleep(0.05)
        return int(live_redis.pubsub_numpat())

    assert asyncio.run(scene()) == 0


def test_a_slow_page_loses_the_oldest_events_and_nobody_waits(live_redis: Redis) -> None:
    async def scene() -> Any:
        async with Hub().listen(1) as queue:
            await heard(queue)
            for number in range(events.BACKLOG + 10):
                await tell(1, number)
            while True:
                last = queue._queue[-1] if not queue.empty() else None  # type: ignore[attr-defined]
                if last == Event("queue", {"candidates": events.BACKLOG + 9}):
                    return queue.qsize()
                await asyncio.sleep(0.02)

    assert asyncio.run(asyncio.wait_for(scene(), SOON)) == events.BACKLOG


def test_telling_without_redis_is_no_error() -> None:
    connect(None)
    assert publish(1, "queue", {}) is False


def test_a_stream_outlives_a_restart_of_redis(redis_server: RedisServer, settings: Settings) -> None:
    settings.REDIS_URL = redis_server.url
    connect(redis_server.url)

    async def scene() -> Any:
        async with Hub().listen(1) as queue:
            assert await heard(queue) == MISSED
            await asyncio.to_thread(redis_server.stop)
            assert not await tell(1, 1)
            await asyncio.to_thread(redis_server.start)
            again = await heard(queue)
            await tell(1, 2)
            return again, await heard(queue)

    try:
        assert asyncio.run(scene()) == (MISSED, Event("queue", {"candidates": 2}))
    finally:
        connect(None)


def test_an_event_is_written_as_server_sent_events_are() -> None:
    assert Event("model", {"number": 3}).encode() == 'event: model\ndata: {"number":3}\n\n'
