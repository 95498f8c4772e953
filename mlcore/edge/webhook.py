"""Answers as HTTP requests to an address of yours."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from mlcore.edge.sinks import Line, SinkProblem, is_loopback
from mlcore.edge.waiting import FIRST_PAUSE, MOST, WaitingSink

TOKEN = "EDGE_WEBHOOK_TOKEN"  # noqa: S105 - the name of the variable

_TOGETHER = 50
_TIMEOUT = 10.0

# Statuses that mean: the same again may be taken later.
_LATER = frozenset({408, 425, 429, *range(500, 600)})


class Webhook(WaitingSink):
    """Posts ``{"answers": [line, ...]}`` to ``url``, up to 50 together, and again while the receiver is away or busy.

    ``url`` is https, or http to this machine; ``plain`` allows http elsewhere. The environment variable EDGE_WEBHOOK_TOKEN
    goes along as a bearer token. Redirects are not followed. Raises SinkProblem.
    """

    def __init__(self, url: str, *, plain: bool = False, most: int = MOST, pause: float = FIRST_PAUSE) -> None:
        check_address(url, plain=plain)
        self._url = url
        self._headers = {"Content-Type": "application/json", "User-Agent": "edge-annotator"}
        token = os.environ.get(TOKEN)
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects())
        # The name is shown and logged: what may be a secret in the address is not.
        super().__init__(
            f"web hook at {urlsplit(url).netloc.rpartition('@')[2]}", most=most, together=_TOGETHER, pause=pause
        )

    def deliver(self, lines: Sequence[Line]) -> bool:
        """Post these; what the receiver refuses for good is dropped."""
        body = json.dumps({"answers": list(lines)}, ensure_ascii=False).encode()
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=_TIMEOUT):
                self.trouble = ""
                return True
        except urllib.error.HTTPError as problem:
            problem.close()
            self.trouble = f"The {self.name} answered {problem.code} {problem.reason}."
            if problem.code in _LATER:
                return False
            self.dropped += len(lines)
            return True
        except (OSError, http.client.HTTPException) as problem:
            reason = getattr(problem, "reason", problem)
            self.trouble = f"The {self.name} cannot be reached ({reason}); it is tried again."
            return False


def check_address(url: str, *, plain: bool = False) -> None:
    """Refuse an address that answers would travel to in the clear. Raises SinkProblem."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        _ = parts.port
    except ValueError as problem:
        raise SinkProblem(
            f"--webhook {url!r} is not an address ({problem}); give one such as https://host/path."
        ) from problem
    if scheme not in ("http", "https") or not host:
        raise SinkProblem(f"--webhook {url!r} is not an address; give one such as https://host/path.")
    if scheme == "http" and not plain and not is_loopback(host):
        raise SinkProblem(f"--webhook would send answers to {host} in the clear; use https, or allow it with --plain.")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Follow none: it might lead anywhere."""
