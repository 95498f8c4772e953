"""Processes beside a test, over a database that is theirs: the web process, and commands."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from annotator.supervisor.machine import READY
from tests.prepared import furnish

ROOT = Path(__file__).resolve().parent.parent.parent


def environment_of(folder: Path, redis_url: str, database: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """An installation in `folder`, on "sqlite" or "postgresql", migrated."""
    environment = os.environ | {
        "ANNOTATOR_DATA": str(folder), "REDIS_URL": redis_url, "DJANGO_SETTINGS_MODULE": "annotator.config.settings",
    }
    if database == "sqlite":
        furnish(folder, request.getfixturevalue("tmp_path_factory"))
        return environment
    environment["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    call(environment, "manage.py", "migrate", "-v", "0")
    return environment


def call(environment: dict[str, str], *words: str) -> str:
    """The last line that a command prints."""
    run = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout.splitlines()[-1] if run.stdout else ""


@contextmanager
def running(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process beside the test; it must live as long as the block."""
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    try:
        yield process
        assert process.poll() is None, "it died"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def web(environment: dict[str, str]) -> Iterator[int]:
    """The web process, once it answers: the port that it listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with running(environment, "-m", "annotator.cli", "web", "--port", str(port)) as process:
        assert process.stdout is not None
        assert READY in process.stdout.readline().decode(), "the web process did not start"
        yield port
