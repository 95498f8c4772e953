"""The way home: what the device counted, and what it found hard; kept until the workspace has it."""

import datetime
import json
import threading
import uuid
from collections.abc import Callable
from http import HTTPStatus

from mlcore.edge.agent.link import Link, LinkProblem, Refused
from mlcore.edge.agent.patience import Patience
from mlcore.edge.kept import Kept
from mlcore.edge.uncertain import Keeper
from mlcore.edge.watch import Watch

VITALS = "/api/edge/vitals"
SIGHTINGS = "/api/edge/sightings"

# Seconds between two looks at what there is to send.
EVERY = 10.0

# So many minutes, and so many pictures, go in one turn: a device that was off for a day does not choke its line.
_MOST_BUCKETS = 60
_MOST_PICTURES = 5


class Back(threading.Thread):
    """Sends minutes from ``watch`` and pictures from ``keeper``, never in the way of an answer; ``allowed`` tells if it may.

    What the network swallowed is sent again; what the workspace refuses for good is let go.
    """

    def __init__(
        self,
        *,
        link: Link,
        watch: Watch,
        keeper: Keeper,
        allowed: Callable[[], bool] = lambda: True,
        every: float = EVERY,
    ) -> None:
        super().__init__(name="back", daemon=True)
        self._link = link
        self._watch = watch
        self._keeper = keeper
        self._allowed = allowed
        self._every = every
        self._stopped = threading.Event()
        self._patience = Patience(first=every, longest=600.0)

    def stop(self) -> None:
        """End after what is being sent."""
        self._stopped.set()

    def run(self) -> None:
        """Send until stopped."""
        pause = self._every
        while not self._stopped.wait(pause):
            pause = self._every
            if not self._allowed():
                continue
            try:
                self.send_vitals()
                self.send_kept()
                self._patience.worked()
            except LinkProblem:
                pause = self._patience.failed()

    def send_vitals(self) -> None:
        """Send the minutes that are over. Raises LinkProblem, and then they are kept."""
        buckets = self._watch.take()
        while buckets:
            part, rest = buckets[:_MOST_BUCKETS], buckets[_MOST_BUCKETS:]
            try:
                self._link.ask("POST", VITALS, {"buckets": part})
            except LinkProblem as problem:
                self._watch.put_back(rest if _for_good(problem) else buckets)
                raise
            buckets = rest

    def send_kept(self) -> None:
        """Send the most interesting of what is kept. Raises LinkProblem, and then what was not sent stays."""
        for kept in self._keeper.take(_MOST_PICTURES):
            if self._stopped.is_set():
                return
            try:
                body, content_type = sighting_form(kept)
                self._link.send("POST", SIGHTINGS, body, content_type)
            except OSError:
                pass  # its picture has gone from the disk: nothing to send
            except LinkProblem as problem:
                if not _for_good(problem):
                    raise
            self._keeper.done(kept.id)


def sighting_form(kept: Kept) -> tuple[bytes, str]:
    """A multipart form (RFC 7578) with meta, features and, where there is one, the picture; and its content type.

    Raises OSError when the picture cannot be read.
    """
    seen_at = datetime.datetime.fromtimestamp(float(kept.meta["seen_at"]), datetime.UTC).isoformat()
    meta = json.dumps({**kept.meta, "seen_at": seen_at})
    parts = [
        ('name="meta"', "application/json", meta.encode()),
        ('name="features"', "text/plain", kept.features.encode()),
    ]
    if kept.image_path is not None:
        parts.append((f'name="image"; filename="{kept.id}.jpg"', "image/jpeg", kept.image_path.read_bytes()))
    boundary = uuid.uuid4().hex
    lines = [
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n".encode() + data + b"\r\n"
        for name, kind, data in parts
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _for_good(problem: LinkProblem) -> bool:
    """Whether sending the same again would be refused again."""
    return isinstance(problem, Refused) and problem.status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )
