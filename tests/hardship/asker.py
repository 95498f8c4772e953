"""Somebody who needs answers from a device all the time, and takes note of every one that does not come."""

from __future__ import annotations

import json
import threading
from urllib.request import Request, urlopen

from tests.export.tiny import jpeg

PAUSE = 0.05


class Asker:
    """Asks over HTTP until stopped; `numbers` are the bundles that answered, in order, `failures` what else came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.numbers: list[int] = []
        self.failures: list[str] = []
        self._picture = jpeg("red")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def ask(self) -> int:
        """The number of the bundle that answers now: its classes carry it."""
        request = Request(f"http://127.0.0.1:{self.port}/predict", data=self._picture, method="POST")
        with urlopen(request, timeout=30) as answer:
            return int(json.load(answer)["label"].rpartition(" ")[2])

    def _ask_on(self) -> None:
        while not self._over.wait(PAUSE):
            try:
                self.numbers.append(self.ask())
            except (OSError, ValueError, KeyError) as problem:
                self.failures.append(repr(problem))
