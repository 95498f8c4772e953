"""How long to wait before the next try: twice as long each time, and never in step with other devices."""

import random

FIRST = 1.0
LONGEST = 60.0


class Patience:
    """Exponential back-off with jitter: half of the wait is fixed, half is chance.

    A thousand devices that lost the same server do not come back in the same second.
    """

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._tries = 0

    def failed(self) -> float:
        """Seconds to wait after one more failure."""
        whole = min(self._longest, self._first * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return whole * (0.5 + random.random() / 2)  # noqa: S311 -- spreads load, guards nothing

    def worked(self) -> None:
        """Start over."""
        self._tries = 0
