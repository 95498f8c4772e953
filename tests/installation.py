"""A whole installation beside the test: `annotator up` in a data directory of its own, and commands on the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

ANNOTATOR = [sys.executable, "-m", "annotator.cli"]
LINK = re.compile(r"(http://\S+)/signin\?token=(\S+)")
PATIENCE = 120.0


def wait_until(ready: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """The first true answer of `ready`; fails after far longer than it should take."""
    end = time.monotonic() + seconds
    while not (answer := ready()):
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)
    return answer


class Installation:
    """`start` returns when the address has been printed; `stop` when everything is gone."""

    def __init__(self, data: Path, environment: dict[str, str] | None = None) -> None:
        self.data = data
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        # pytest-django names the tests' own settings there; a real installation has none of this.
        self.environment = {k: v for k, v in os.environ.items() if k not in ("DJANGO_SETTINGS_MODULE", "ANNOTATOR_DATA")}
        self.environment |= {"OMP_NUM_THREADS": "1", **(environment or {})}

    def launch(self, *options: str) -> Self:
        """Start without waiting for anything."""
        words = [*ANNOTATOR, "up", "--port", "0", "--no-browser", "--data", str(self.data), *options]
        self.lines = []
        self.process = subprocess.Popen(
            words, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._read, args=(self.process, self.lines), daemon=True).start()
        return self

    def start(self, *options: str) -> Self:
        """Start and wait for the address."""
        self.launch(*options)
        wait_until(lambda: self._link() or not self.running, "the address")
        assert self.running, "it ended while starting:\n" + self.said
        return self

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
        for line in process.stdout or []:
            lines.append(line.rstrip("\n"))

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def said(self) -> str:
        """All it has printed."""
        return "\n".join(self.lines)

    @property
    def address(self) -> str:
        """Without a slash at its end."""
        return self._found()[1]

    @property
    def token(self) -> str:
        """Of the one-time link that was printed."""
        return self._found()[2]

    @property
    def link(self) -> str:
        """The one-time link that was printed."""
        return self._found()[0]

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /healthz."""
        try:
            with urlopen(f"{self.address}/healthz", timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def wait_until_healthy(self) -> None:
        """Database, Redis and a worker for every queue."""
        wait_until(lambda: self.health()[1]["status"] == "ok", f"health; it is {self.health()}")

    def processes(self) -> list[psutil.Process]:
        """Everything under the supervisor, its grandchildren too."""
        return psutil.Process(self.process.pid).children(recursive=True) if self.process else []

    def find(self, *words: str) -> psutil.Process:
        """The direct child whose command line has all the words."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            if all(word in child.cmdline() for word in words):
                return child
        raise LookupError(f"no process with {words} among {[c.cmdline() for c in self.processes()]}")

    def redis(self) -> psutil.Process:
        """The embedded Redis."""
        return next(child for child in self.processes() if child.name().startswith("redis-server"))

    def run(self, *words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        """One command on the same data."""
        environment = {**self.environment, "ANNOTATOR_DATA": str(self.data)}
        return subprocess.run(
            [*ANNOTATOR, *words], env=environment, input=input, capture_output=True, text=True, check=False
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """End it as Ctrl-C or a service manager would; returns the exit code."""
        if self.process is None:
            return None
        if self.running:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            if self.running:
                self.process.kill()

    def _link(self) -> re.Match[str] | None:
        return LINK.search(self.said)

    def _found(self) -> re.Match[str]:
        found = self._link()
        assert found is not None, "no address was printed:\n" + self.said
        return found
