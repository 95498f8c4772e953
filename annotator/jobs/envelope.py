"""Task messages as Celery's own producer writes them: written once for each task and arguments, stamped for each sending.

Writing one afresh takes Celery a millisecond, which whoever labels would pay at every answer. All that differs between two
messages of the same task with the same arguments are their ids; the rest is kept as text.
"""

from __future__ import annotations

import json
import os
import threading
from functools import lru_cache
from typing import Any
from uuid import uuid4

from kombu import Connection

from annotator.config.celery import app

KEPT = 256
_TASK, _DELIVERY = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"
# Celery writes into a queue in memory, which all threads share.
_desk = threading.Lock()


def seal(task: str, *arguments: str | int) -> tuple[str, str]:
    """A fresh message for a task without parent, whose result nobody wants: the list of Redis it goes to, and its text."""
    queue, message = _written(task, arguments, os.getpid())
    return queue, message.replace(_TASK, str(uuid4())).replace(_DELIVERY, str(uuid4()))


@lru_cache(KEPT)
def _written(task: str, arguments: tuple[str | int, ...], process: int) -> tuple[str, str]:
    """The same with ids to be replaced. A message names the process that sent it, so each process writes its own."""
    queue: str = app.amqp.router.route({}, task)["queue"].name
    with _desk, Connection("memory://") as connection:
        app.send_task(
            task, args=list(arguments), task_id=_TASK, connection=connection, retry=False, ignore_result=True,
            add_to_parent=False,
        )
        channel: Any = connection.default_channel
        message: dict[str, Any] = channel._get(queue)
    # Which task of a worker's happened to be the first to send it must not stay in it.
    message["headers"] |= {"root_id": _TASK, "parent_id": None}
    message["properties"]["delivery_tag"] = _DELIVERY
    return queue, json.dumps(message)
