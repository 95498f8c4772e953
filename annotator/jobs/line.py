"""A connection to Redis that a thread keeps for itself, for the one command that whoever labels waits for.

A pool lends a connection for each command and looks at it before and after; that costs several times the command itself.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import redis
from redis.exceptions import ConnectionError, TimeoutError

# Of each thread: the client, and its `redis.connection.Connection`, whose methods the package does not annotate.
_mine = threading.local()


def ask(client: redis.Redis, *words: str | int) -> Any:
    """What the Redis of `client` says to a command. Raises redis.exceptions.RedisError like the client itself."""
    line = _line(client)
    try:
        return _say(line, words)
    except (ConnectionError, TimeoutError):
        # Redis may have restarted since the last command; the line has hung up, and calls again.
        return _say(line, words)


def _say(line: Any, words: tuple[str | int, ...]) -> Any:
    line.send_command(*words)
    return line.read_response()


def _line(client: redis.Redis) -> Any:
    """This thread's connection to that Redis. A process that was forked must not share that of its parent."""
    owner, line = getattr(_mine, "line", (None, None))
    if line is None or owner is not client or line.pid != os.getpid():
        pool = client.connection_pool
        line = pool.connection_class(**pool.connection_kwargs)
        _mine.line = client, line
    return line
