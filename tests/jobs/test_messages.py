"""A message that was written ahead is the one that Celery's own producer would have sent."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from unittest.mock import ANY

from redis import Redis

from annotator.config.celery import app
from annotator.jobs import bus, envelope, line
from tests.with_redis import messages

THEIRS = {"id": ANY, "root_id": ANY}


def waiting(client: Redis, queue: str) -> list[dict[str, Any]]:
    """Raw messages, oldest first."""
    return [json.loads(text) for text in reversed(client.lrange(queue, 0, -1))]


def test_it_differs_from_celerys_in_nothing_but_ids(live_redis: Redis) -> None:
    app.send_task("learning.learn", args=[7], retry=False, ignore_result=True)
    bus.send_once("learning.learn", 7, flag="learn:7", seconds=5)
    theirs, ours = waiting(live_redis, "learn")

    assert ours["headers"] == theirs["headers"] | THEIRS
    assert ours["properties"] == theirs["properties"] | {"correlation_id": ANY, "delivery_tag": ANY}
    assert {**ours, "headers": None, "properties": None} == {**theirs, "headers": None, "properties": None}
    assert ours["headers"]["id"] == ours["headers"]["root_id"] == ours["properties"]["correlation_id"]


def test_every_message_has_ids_of_its_own(live_redis: Redis) -> None:
    for number in range(3):
        bus.send_once("learning.learn", 7, flag=f"flag-{number}", seconds=5)
    sent = waiting(live_redis, "learn")

    assert len({one["headers"]["id"] for one in sent}) == 3
    assert len({one["properties"]["delivery_tag"] for one in sent}) == 3


def test_arguments_and_queues_are_not_mixed_up(live_redis: Redis) -> None:
    for task, argument in (("learning.learn", 7), ("learning.learn", 8), ("learning.embed", "a"), ("delivery.export", "a")):
        bus.send_once(task, argument, flag=f"{task}:{argument}", seconds=5)

    assert messages(live_redis, "learn") == [("learning.learn", [7]), ("learning.learn", [8])]
    assert messages(live_redis, "bulk") == [("learning.embed", ["a"])]
    assert messages(live_redis, "train") == [("delivery.export", ["a"])]


def test_while_the_flag_is_up_nothing_more_is_sent(live_redis: Redis) -> None:
    assert bus.send_once("learning.learn", 7, flag="learn:7", seconds=5)
    assert bus.send_once("learning.learn", 7, flag="learn:7", seconds=5)
    assert len(messages(live_redis, "learn")) == 1

    bus.lower_flag("learn:7")
    bus.send_once("learning.learn", 7, flag="learn:7", seconds=5)
    assert len(messages(live_redis, "learn")) == 2


def test_a_message_sent_from_within_a_task_names_no_parent(live_redis: Redis) -> None:
    envelope._written.cache_clear()

    @app.task(name="tests.sender")
    def sender() -> None:
        bus.send_once("learning.learn", 9, flag="learn:9", seconds=5)

    sender.apply()
    (sent,) = waiting(live_redis, "learn")

    assert sent["headers"]["parent_id"] is None
    assert sent["headers"]["root_id"] == sent["headers"]["id"]
    assert json.loads(base64.b64decode(sent["body"]))[0] == [9]


def test_a_redis_that_has_forgotten_the_script_is_told_it_again(live_redis: Redis) -> None:
    bus.send_once("learning.learn", 7, flag="one", seconds=5)
    live_redis.script_flush()

    assert bus.send_once("learning.learn", 7, flag="two", seconds=5)
    assert len(messages(live_redis, "learn")) == 2


def test_a_forked_process_speaks_on_a_line_of_its_own(live_redis: Redis) -> None:
    mine = line.ask(live_redis, "CLIENT", "ID")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, str(line.ask(live_redis, "CLIENT", "ID")).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert int(os.read(reading, 20)) != mine
    assert line.ask(live_redis, "CLIENT", "ID") == mine, "and its parent keeps the one that it had"
