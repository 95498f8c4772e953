"""One process under the supervisor: how it is started, when it is started again, how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from annotator.supervisor.lifeline import tied_to
from annotator.supervisor.log_file import LogFile

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
# A process that has run this long has recovered: its next failure counts as the first again.
STEADY = 60.0
REMEMBERED_LINES = 20


def python_argv(*words: str) -> list[str]:
    """One of our commands in this Python. -P keeps the current directory, which may hold anything, off the import path."""
    return [sys.executable, "-P", "-m", "annotator.cli", *words]


@dataclass
class Child:
    """A process; once watched, it is started again whenever it ends. Without a log file its words are only remembered."""

    name: str
    argv: Sequence[str]
    log: LogFile | None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: tuple[int, ...] = ()
    orphan_signal: signal.Signals = signal.SIGKILL
    watched: bool = False

    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_LINES), init=False)
    start_again_at: float | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _started_at: float = field(default=0.0, init=False)

    def start(self) -> IO[bytes] | None:
        """Start it in a process group of its own; returns the end of the pipe that carries what it says."""
        self.last_lines.clear()
        self.start_again_at = None
        self._started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.argv,
            env={**os.environ, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self.pass_fds,
            # Ctrl-C in the terminal reaches the supervisor alone, which then ends everything in order.
            start_new_session=True,
            # Safe here: the supervisor has one thread, which is also the one the kernel watches for its death.
            preexec_fn=tied_to(os.getpid(), self.orphan_signal),
        )
        return self.process.stdout

    @property
    def running(self) -> bool:
        """Whether the process is there. Collects its exit code when it has ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def drained(self) -> bool:
        """Whether everything it said has been read."""
        return self.process is None or self.process.stdout is None or self.process.stdout.closed

    @property
    def exit_code(self) -> int | None:
        """As `subprocess` gives it: negative for a signal, None while it runs or before it ever ran."""
        return self.process.returncode if self.process else None

    def plan_restart(self) -> float:
        """After an unexpected end: seconds until the next start, doubling with each failure in a row."""
        if time.monotonic() - self._started_at > STEADY:
            self._failures = 0
        wait = min(FIRST_WAIT * 2.0**self._failures, LONGEST_WAIT)
        self._failures += 1
        self.start_again_at = time.monotonic() + wait
        return wait

    def how_it_ended(self) -> str:
        """For people: 'exit code 1' or 'killed by SIGKILL'."""
        if self.exit_code is not None and self.exit_code < 0:
            return f"killed by {signal.Signals(-self.exit_code).name}"
        return f"exit code {self.exit_code}"

    def send(self, signal_number: signal.Signals) -> None:
        """A signal to the process alone, which knows how to end its own children."""
        if self.process is not None and self.running:
            self.process.send_signal(signal_number)

    def kill_group(self) -> None:
        """End what is left of it and of everything it started, at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
