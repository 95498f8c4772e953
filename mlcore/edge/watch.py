"""What a device tells of its work, minute by minute: how many answers, how quick, how sure, of which class."""

import base64
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mlcore.edge.station import Missed, Seen, Station

Sampled = TypeVar("Sampled")

BINS = 20

# Of a minute so many answers are kept for the quantiles of their times, and so many for their features.
_TIMES = 1024
FEATURES = 8

# A device that nobody listens to forgets what is older than a day.
_MOST_MINUTES = 24 * 60

_MINUTE = 60


@dataclass
class _Minute:
    """Sums over one minute; ``answered`` counts the answers, of which ``times`` and ``features`` hold a random sample."""

    at: int
    number: int | None = None
    answered: int = 0
    missed: int = 0
    seconds: set[int] = field(default_factory=set)
    times: list[float] = field(default_factory=list)
    confidence: list[int] = field(default_factory=lambda: [0] * BINS)
    classes: Counter[str] = field(default_factory=Counter)
    features: list[npt.NDArray[np.float16]] = field(default_factory=list)

    def as_bucket(self, *, with_features: bool) -> dict[str, Any]:
        """Give the minute as JSON can hold it."""
        p50, p95 = np.percentile(self.times, (50, 95)) if self.times else (None, None)
        bucket = {
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(),
            "bundle": self.number,
            "count": self.answered,
            "errors": self.missed,
            "p50_ms": None if p50 is None else round(float(p50), 3),
            "p95_ms": None if p95 is None else round(float(p95), 3),
            "throughput": round(self.answered / max(1, len(self.seconds)), 2),
            "confidence": list(self.confidence),
            "classes": dict(self.classes),
        }
        if with_features and self.features:
            bucket["features"] = base64.b64encode(np.stack(self.features).tobytes()).decode()
        return bucket


class Watch:
    """Counts what a station answers.

    ``take`` gives the minutes that are over, each a dict: ``at`` (ISO, UTC), ``bundle`` (number of the one that answered
    last), ``count``, ``errors``, ``p50_ms``, ``p95_ms`` (None without answers), ``throughput`` (answers a second, over the
    seconds that had any), ``confidence`` (how many answers had their best class within each twentieth of 0 to 1),
    ``classes`` (name to how many) and, where ``with_features`` is set, ``features`` (base64 of float16 (k, d), k <= 8, a
    random sample). What could not be delivered goes back by ``put_back``. A minute without pictures has no bucket.
    """

    def __init__(self, station: Station | None = None, *, with_features: bool = False, seed: int = 0) -> None:
        self.with_features = with_features
        self._lock = threading.Lock()
        self._random = np.random.default_rng(seed)
        self._minutes: deque[_Minute] = deque(maxlen=_MOST_MINUTES)
        self._returned: deque[dict[str, Any]] = deque(maxlen=_MOST_MINUTES)
        if station is not None:
            station.observers.append(self.note_seen)
            station.miss_observers.append(self.note_missed)

    def note_seen(self, seen: Seen) -> None:
        """Count an answer."""
        best = seen.answer.predictions[0]
        with self._lock:
            minute = self._minute(seen.at, seen.number)
            minute.answered += 1
            minute.seconds.add(int(seen.at))
            minute.confidence[min(BINS - 1, int(best.confidence * BINS))] += 1
            minute.classes[best.label] += 1
            self._sample(minute.times, seen.ms, minute.answered, _TIMES)
            if self.with_features:
                self._sample(minute.features, seen.answer.features.astype(np.float16), minute.answered, FEATURES)

    def note_missed(self, missed: Missed) -> None:
        """Count a picture that got no answer."""
        with self._lock:
            self._minute(missed.at, missed.number).missed += 1

    def take(self, now: float | None = None) -> list[dict[str, Any]]:
        """Hand over the minutes that were over at ``now`` (seconds since 1970), oldest first; they are forgotten here."""
        now = datetime.now(UTC).timestamp() if now is None else now
        with self._lock:
            taken = list(self._returned)
            self._returned.clear()
            # A minute far ahead is of a clock that was wrong: it will not be over for long.
            while self._minutes and not now - _MINUTE < self._minutes[0].at <= now + _MINUTE:
                taken.append(self._minutes.popleft().as_bucket(with_features=self.with_features))
        return taken

    def put_back(self, buckets: Sequence[dict[str, Any]]) -> None:
        """Keep what could not be delivered, for the next ``take``."""
        with self._lock:
            together = [*buckets, *self._returned]
            self._returned = deque(together, maxlen=_MOST_MINUTES)

    def _minute(self, at: float, number: int | None) -> _Minute:
        begin = int(at) // _MINUTE * _MINUTE
        last = self._minutes[-1].at if self._minutes else None
        # A clock set back a little does not open a minute again that may have been delivered.
        if last is None or begin > last or begin < last - _MINUTE:
            self._minutes.append(_Minute(begin))
        minute = self._minutes[-1]
        minute.number = number if number is not None else minute.number
        return minute

    def _sample(self, sample: list[Sampled], value: Sampled, nth: int, size: int) -> None:
        """Take the nth of a stream into a sample of ``size`` so that each has the same chance (Vitter's algorithm R)."""
        if len(sample) < size:
            sample.append(value)
            return
        place = int(self._random.integers(nth))
        if place < size:
            sample[place] = value
