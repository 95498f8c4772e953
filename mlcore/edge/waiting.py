"""Answers on their way to somebody who may be slow or away: a bounded queue, and patience."""

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from mlcore.edge.sinks import Line

# Answers that wait for a receiver that is away; of more the oldest are dropped, and counted.
MOST = 1000

# Seconds between two tries: they double from the one to the other.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

# Seconds that `close` waits for what is still to be delivered.
LAST_WORDS = 5.0


class WaitingSink(ABC):
    """A Sink whose ``put`` never waits: a thread hands on at most ``together`` answers at once.

    ``pause`` is the first one after a delivery that failed. A subclass sets up what ``deliver`` needs, then calls
    ``super().__init__``.
    """

    def __init__(self, name: str, *, most: int = MOST, together: int = 1, pause: float = FIRST_PAUSE) -> None:
        self.name = name
        self.dropped = 0
        self.trouble = ""
        self._together = together
        self._first_pause = pause
        self._lines: queue.Queue[Line] = queue.Queue(most)
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sink", daemon=True)
        self._thread.start()

    @abstractmethod
    def deliver(self, lines: Sequence[Line]) -> bool:
        """Hand these on; True when they are done with, False to be called with the same ones after a pause."""

    def put(self, line: Line) -> None:
        """Queue it; where the queue is full the oldest one is dropped."""
        with self._turn:
            if self._lines.full():
                with suppress(queue.Empty):
                    self._lines.get_nowait()
                    self.dropped += 1
            self._lines.put_nowait(line)

    def close(self) -> None:
        """Deliver what waits, for LAST_WORDS seconds at most; the rest is dropped."""
        self._closing.set()
        self._thread.join(LAST_WORDS)

    def _run(self) -> None:
        pause = self._first_pause
        while lines := self._take():
            while not self.deliver(lines):
                if self._closing.is_set():
                    self.dropped += len(lines) + self._lines.qsize()
                    return
                self._closing.wait(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
            pause = self._first_pause

    def _take(self) -> list[Line]:
        """The oldest ones, as soon as there are any; none when the sink is closed and nothing is left."""
        lines: list[Line] = []
        while not lines and not (self._closing.is_set() and self._lines.empty()):
            with suppress(queue.Empty):
                lines.append(self._lines.get(timeout=0.2))
        while lines and len(lines) < self._together and not self._lines.empty():
            with suppress(queue.Empty):
                lines.append(self._lines.get_nowait())
        return lines
