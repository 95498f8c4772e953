"""The line that stays open to the workspace: it tells at once that there is something new."""

import contextlib
import threading
from collections.abc import Callable

from mlcore.edge.agent.link import Link, LinkProblem
from mlcore.edge.agent.patience import Patience

PATH = "/events/device"

# The workspace sends a heartbeat every 15 seconds; three missed ones mean that the line is dead.
SILENCE = 45.0


class Stream(threading.Thread):
    """Reads the server-sent events of /events/device and calls ``look`` for each event of that name, and on each connection.

    It is a help, not a need: without it the device asks now and then. A line that breaks is taken up again, later each time.
    """

    def __init__(self, link: Link, look: Callable[[], None], *, patience: Patience | None = None) -> None:
        super().__init__(name="stream", daemon=True)
        self._link = link
        self._look = look
        self._patience = patience or Patience(first=2.0, longest=120.0)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask the thread to end; it does when its line breaks, or with the process."""
        self._stopped.set()

    def run(self) -> None:
        """Listen until stopped."""
        while not self._stopped.is_set():
            with contextlib.suppress(LinkProblem):  # the sync loop meets the same problem and tells of it
                self._listen()
            self._stopped.wait(self._patience.failed())

    def _listen(self) -> None:
        with self._link.open("GET", PATH, headers={"Accept": "text/event-stream"}, patience=SILENCE) as reply:
            if not (reply.headers.get("Content-Type") or "").startswith("text/event-stream"):
                return
            self._look()  # what was sent while nobody listened
            event = ""
            while not self._stopped.is_set() and (line := reply.line()):
                self._patience.worked()
                text = line.rstrip(b"\r\n").decode("utf-8", "replace")
                if text.startswith("event:"):
                    event = text[len("event:") :].strip()
                elif not text:
                    if event == "look":
                        self._look()
                    event = ""
