"""The first minute of a new version: whoever takes over is watched, and judged by what it does with real pictures."""

import threading
import time
from collections.abc import Callable

from mlcore.edge.station import BY_MODEL, Missed, Seen, Station

# Seconds that a version is watched.
FIRST_MINUTE = 60.0

# So many failures of the model, and such a share of its answers, send it back.
_FAILURES = 3
_FAILURE_SHARE = 0.05

# Fewer answers say nothing of a p95.
_ENOUGH = 20


class FirstMinute:
    """Watches the bundle of this number on ``station`` from now on; ``budget_ms`` is what 95 % of its answers have to keep.

    ``clock`` gives seconds that only grow.
    """

    def __init__(
        self,
        station: Station,
        *,
        number: int | None,
        budget_ms: float | None,
        seconds: float = FIRST_MINUTE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._station = station
        self._number = number
        self._budget = budget_ms
        self._clock = clock
        self._end = clock() + seconds
        self._turn = threading.Lock()
        self._times: list[float] = []
        self._failures: list[str] = []
        station.observers.append(self._saw)
        station.miss_observers.append(self._missed)

    @property
    def over(self) -> bool:
        """Whether the minute has passed."""
        return self._clock() >= self._end

    def fault(self) -> str:
        """Why the version has to go, in a sentence; empty as long as nothing speaks against it."""
        with self._turn:
            times, failures = sorted(self._times), list(self._failures)
        answers = len(times) + len(failures)
        if len(failures) >= _FAILURES and len(failures) >= _FAILURE_SHARE * answers:
            return f"it failed on {len(failures)} of its first {answers} pictures ({failures[-1]})"
        if self._budget is not None and len(times) >= _ENOUGH:
            p95 = times[int(0.95 * (len(times) - 1))]
            if p95 > self._budget and (self.over or len(times) >= 5 * _ENOUGH):
                return f"one answer in twenty takes longer than {p95:.1f} ms, the budget is {self._budget:g} ms"
        return ""

    def end(self) -> None:
        """Stop watching."""
        station = self._station
        station.observers = [one for one in station.observers if one != self._saw]
        station.miss_observers = [one for one in station.miss_observers if one != self._missed]

    def _saw(self, seen: Seen) -> None:
        if seen.number == self._number:
            with self._turn:
                self._times.append(seen.ms)

    def _missed(self, missed: Missed) -> None:
        if missed.code == BY_MODEL and missed.number == self._number:
            with self._turn:
                self._failures.append(missed.message)
