"""Starts processes, reads what they say, starts again those that die, and ends all of them in order.

One thread and one loop: pipes and signals wake it, nothing is polled faster than a process may need to be restarted.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import IO

from annotator.supervisor.child import Child

LONGEST_NAP = 0.5
CHUNK = 65536
# Seconds that a process gets to finish what it has begun, then to drop it, before it is killed.
TIME_TO_FINISH = 8.0
TIME_TO_DROP = 3.0


class Stopped(Exception):
    """Someone asked the supervisor to end, by Ctrl-C or a signal."""


class Supervisor:
    """Holds the processes of one machine. Use as a context manager: leaving it ends every process."""

    def __init__(self, *, say: Callable[[str], None], verbose: bool) -> None:
        self.say = say
        self.verbose = verbose
        self.children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._rest: dict[int, bytes] = {}
        self._stop_asked = False
        self._wake_read, self._wake_write = socket.socketpair()

    def __enter__(self) -> Supervisor:
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to wake the loop
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def start(self, child: Child) -> None:
        """Start a process. Set `watched` when it should be started again after it ends."""
        self.children.append(child)
        self._launch(child)

    def until(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Keep everything going until `ready()` or the time is over; tells which. Raises Stopped when asked to end."""
        end = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > end:
                return False
            self._turn(0.05)
        return True

    def run(self) -> None:
        """Keep everything going until someone asks to end."""
        try:
            while True:
                self._turn(LONGEST_NAP)
        except Stopped:
            return

    def stop(self) -> None:
        """End every process, the first started last: it may be what the others still need."""
        first, rest = self.children[:1], self.children[1:]
        for group in (rest, first):
            self._end(group)
        self.children.clear()

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_asked = True

    def _launch(self, child: Child) -> None:
        pipe = child.start()
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, (child, pipe))

    def _turn(self, nap: float) -> None:
        now = time.monotonic()
        waits = [child.start_again_at - now for child in self.children if child.start_again_at is not None]
        self._listen(max(0.0, min([nap, *waits])))
        if self._stop_asked:
            self._stop_asked = False
            raise Stopped
        for child in self.children:
            if child.start_again_at is not None:
                if time.monotonic() >= child.start_again_at:
                    self._launch(child)
            elif child.watched and not child.running:
                wait = child.plan_restart()
                self.say(f"The {child.name} process stopped ({child.how_it_ended()}); starting it again in {wait:g} s.")

    def _listen(self, nap: float) -> None:
        for key, _ in self._selector.select(nap):
            if key.data is None:
                self._wake_read.recv(CHUNK)
            else:
                self._read(key.data)

    def _read(self, voice: tuple[Child, IO[bytes]]) -> None:
        child, pipe = voice
        number = pipe.fileno()
        data = os.read(number, CHUNK)
        whole, _, rest = (self._rest.pop(number, b"") + data).rpartition(b"\n")
        if not data:  # the end of the pipe
            self._selector.unregister(pipe)
            pipe.close()
            whole, rest = (whole + b"\n" + rest if whole else rest), b""
        if rest:
            self._rest[number] = rest
        if not whole:
            return
        if child.log is not None:
            child.log.write(whole + b"\n")
        for line in whole.decode(errors="replace").splitlines():
            child.last_lines.append(line)
            if self.verbose and child.log is not None:
                print(f"{child.name:>8} | {line}", flush=True)

    def _end(self, group: list[Child]) -> None:
        for child in group:
            child.start_again_at = None
            child.send(signal.SIGTERM)
        if not self._all_gone(group, TIME_TO_FINISH):
            for child in group:
                child.send(signal.SIGQUIT)  # Celery: give up the task in hand, put it back in the queue
            self._all_gone(group, TIME_TO_DROP)
        for child in group:
            child.kill_group()

    def _all_gone(self, group: list[Child], seconds: float) -> bool:
        """Waits for the ends of `group`; a second Ctrl-C cuts the wait short."""
        end = time.monotonic() + seconds
        while any(child.running for child in group):
            if self._stop_asked or time.monotonic() > end:
                return False
            self._listen(0.05)
        return True
